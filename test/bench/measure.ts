// Run by bench.ts on a machine of its own: calls of the two sets of plugins in turn, timed from before the start of the process to
// its end. Prints Sample[] as JSON. A process is started as a runtime in C or Go does it, which is why this uses our own spawning:
// node:child_process takes several milliseconds of its own, and not always the same.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { callTimed } from "./call-timed.ts";

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

const configs = {
  "": { ipMasq: false, bridge: "bench0", subnet: "10.98.0.0/16" },
  ", ipMasq": { ipMasq: true, bridge: "bench1", subnet: "10.99.0.0/16" },
};

/** The first calls make the bridge, and bring files into memory. */
const WARM_UP_ROUNDS = 5;

/** Of the macvlans: a cable whose other end nobody listens at. */
const PARENT = "bench9";

/** How many addresses of others are reserved when host-local is called by itself. */
const reserved = [0, 1_000, 10_000];
/** These calls say enough after fewer rounds. */
const ROUNDS_PER_HOST_LOCAL = 4;

const measuring = JSON.parse(process.argv[2] ?? "") as Measuring;
const samples: Sample[] = [];
execFileSync("ip", ["link", "add", PARENT, "up", "type", "veth", "peer", "name", `${PARENT}x`]);
execFileSync("ip", ["link", "set", `${PARENT}x`, "up"]);
for (const count of reserved) for (const side of [0, 1]) fill(dataDirOf(count, side), count);
for (let round = -WARM_UP_ROUNDS; round < measuring.rounds; round++) {
  const found = measureRound(round, measuring);
  if (round >= 0) samples.push(...found);
}
process.stdout.write(JSON.stringify(samples));

function measureRound(round: number, { directories, netns }: Measuring): Sample[] {
  // who goes first changes, in case it makes a difference
  const order = round % 2 === 0 ? [0, 1] : [1, 0];
  const both = (plugin: string, verb: string, configOf: (side: number) => object): readonly [number, number] => {
    const times: [number, number] = [0, 0];
    for (const side of order) {
      const [directory = "", path = ""] = [directories[side], netns[side]];
      times[side as 0 | 1] = callTimed({ plugin, verb, config: configOf(side), directory, netns: path }).milliseconds;
    }
    return times;
  };
  const attachments = Object.entries(configs).flatMap(([name, { ipMasq, bridge, subnet }]) => {
    // as on a node, where one of the two is installed
    const configOf = (side: number) => {
      const ipam = { type: "host-local", dataDir: `/var/lib/cni/networks-${side}`, ranges: [[{ subnet }]] };
      return { cniVersion: "1.0.0", name: "bench", type: "bridge", isDefaultGateway: true, ipMasq, bridge, ipam };
    };
    return ["ADD", "DEL"].map((verb) => ({
      case: `bridge ${verb}${name}`,
      milliseconds: both("bridge", verb, configOf),
    }));
  });
  // both networks on the same parent, as on a node that changes over
  const macvlans = [
    { case: "macvlan ADD", milliseconds: both("macvlan", "ADD", macvlanConfig) },
    { case: "macvlan DEL", milliseconds: both("macvlan", "DEL", macvlanConfig) },
  ] as const;
  const version = { case: "VERSION", milliseconds: both("bridge", "VERSION", () => ({})) };
  const afterStart = (side: 0 | 1) => macvlans[0].milliseconds[side] - version.milliseconds[side];
  const reservations = round % ROUNDS_PER_HOST_LOCAL === 0 ? reserved : [];
  const alone = reservations.flatMap((count) =>
    ["ADD", "DEL"].map((verb) => ({
      case: `host-local ${verb}, ${count.toLocaleString("en")} reserved`,
      milliseconds: both("host-local", verb, (side) => hostLocalConfig(dataDirOf(count, side))),
    })),
  );
  return [
    version,
    ...attachments,
    ...macvlans,
    // VERSION is the start, and next to nothing else
    { case: "macvlan ADD after the start", milliseconds: [afterStart(0), afterStart(1)] },
    ...alone,
  ];
}

function macvlanConfig(side: number): object {
  const ipam = { type: "host-local", dataDir: `/var/lib/cni/macvlan-${side}`, ranges: [[{ subnet: "10.97.0.0/16" }]] };
  return { cniVersion: "1.0.0", name: "bench", type: "macvlan", master: PARENT, ipam };
}

function hostLocalConfig(dataDir: string): object {
  const ipam = { type: "host-local", dataDir, ranges: [[{ subnet: "10.100.0.0/16" }]] };
  return { cniVersion: "1.0.0", name: "bench", type: "bridge", ipam };
}

function dataDirOf(count: number, side: number): string {
  return `/var/lib/cni/${count}-${side}`;
}

/** As the reference would have left it. */
function fill(dataDir: string, count: number): void {
  mkdirSync(`${dataDir}/bench`, { recursive: true });
  for (let i = 2; i < count + 2; i++) {
    const ip = `10.100.${i >> 8}.${i & 255}`;
    writeFileSync(`${dataDir}/bench/${ip}`, `${String(i).padStart(64, "0")}\r\neth0`);
    writeFileSync(`${dataDir}/bench/last_reserved_ip.0`, ip);
  }
}
