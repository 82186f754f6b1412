// Run by bench.ts on a machine of its own: calls of the two sets of plugins in turn, timed from before the start of the process to
// its end. Prints Sample[] as JSON. A process is started as a runtime in C or Go does it, which is why this uses our own spawning:
// node:child_process takes several milliseconds of its own, and not always the same.
import { Child } from "../../src/kernel/process.ts";

export interface Measuring {
  readonly rounds: number;
  readonly directories: readonly [ours: string, peer: string];
  /** One for each set. */
  readonly netns: readonly [string, string];
}

export interface Sample {
  readonly case: string;
  readonly milliseconds: readonly [ours: number, peer: number];
}

interface Call {
  readonly directory: string;
  readonly verb: string;
  readonly netns: string;
  readonly config: object;
}

const configs = {
  "": { ipMasq: false, bridge: "bench0", subnet: "10.98.0.0/16" },
  ", ipMasq": { ipMasq: true, bridge: "bench1", subnet: "10.99.0.0/16" },
};

/** The first calls make the bridge, and bring files into memory. */
const WARM_UP_ROUNDS = 5;

const measuring = JSON.parse(process.argv[2] ?? "") as Measuring;
const samples: Sample[] = [];
for (let round = -WARM_UP_ROUNDS; round < measuring.rounds; round++) {
  const found = measureRound(round, measuring);
  if (round >= 0) samples.push(...found);
}
process.stdout.write(JSON.stringify(samples));

function measureRound(round: number, { directories, netns }: Measuring): Sample[] {
  // who goes first changes, in case it makes a difference
  const order = round % 2 === 0 ? [0, 1] : [1, 0];
  const both = (verb: string, config: object): readonly [number, number] => {
    const times: [number, number] = [0, 0];
    for (const side of order) {
      times[side as 0 | 1] = time({
        verb,
        config: config,
        directory: directories[side] ?? "",
        netns: netns[side] ?? "",
      });
    }
    return times;
  };
  const attachments = Object.entries(configs).flatMap(([name, { ipMasq, bridge, subnet }]) => {
    const ipam = { type: "host-local", ranges: [[{ subnet }]] };
    const config = { cniVersion: "1.0.0", name: "bench", type: "bridge", isDefaultGateway: true, ipMasq, bridge, ipam };
    return ["ADD", "DEL"].map((verb) => ({ case: `bridge ${verb}${name}`, milliseconds: both(verb, config) }));
  });
  return [{ case: "VERSION", milliseconds: both("VERSION", {}) }, ...attachments];
}

function time({ directory, verb, netns, config }: Call): number {
  const input = Buffer.from(JSON.stringify(config));
  const env = {
    PATH: process.env["PATH"],
    CNI_COMMAND: verb,
    CNI_CONTAINERID: netns.replaceAll("/", ""),
    CNI_NETNS: netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: directory,
  };
  const start = process.hrtime.bigint();
  const { exitCode, stdout, stderr } = new Child({ file: `${directory}/bridge`, env, input }).finished();
  const end = process.hrtime.bigint();
  if (exitCode !== 0) throw new Error(`${directory}/bridge ${verb}: ${stdout}${stderr}`);
  return Number(end - start) / 1e6;
}
