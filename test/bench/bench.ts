// npm run bench [-- --rounds N] [-- --peer DIR]: our plugins beside another set, the Go reference plugins of Debian unless a
// directory is given, in one run and in turn. A ratio below 1 is in our favour.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Host } from "../harness/host.ts";
import { peakMemory } from "../harness/peak-memory.ts";
import { ours, reference } from "../harness/plugin.ts";
import type { Measuring, Sample } from "./measure.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "200" }, peer: { type: "string", default: reference } },
});
/** A round with ports has many calls. */
const ROUNDS_PER_PORTS = 5;
const rounds = Number(values.rounds);
const peer = resolve(values.peer);
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds ${values.rounds} is not a number of rounds`);
for (const name of ["bridge", "host-local", "macvlan", "portmap", "firewall", "tuning", "bandwidth"]) {
  if (!existsSync(`${peer}/${name}`)) fail(`--peer: there is no ${peer}/${name}`);
}

console.log(`> ${ours}\n> beside ${peer}, ${rounds} rounds, in turn`);
const samples = await measure();
const cases = [...new Set(samples.map((sample) => sample.case))];
print([
  ["milliseconds, medians", "ours", "peer", "ratio", "half of the ratios are in"],
  ...cases.map((name) => rowOf(name)),
]);
print([["peak memory, MB", "ours", "peer"], ...(await memoryRows())]);

async function measure(): Promise<Sample[]> {
  const ports = Math.ceil(rounds / ROUNDS_PER_PORTS);
  return [
    ...(await measureBy("measure.ts", rounds)),
    ...(await measureBy("measure-ports.ts", ports)),
    ...(await measureBy("measure-chained.ts", ports)),
  ];
}

async function measureBy(script: string, count: number): Promise<Sample[]> {
  await using host = await Host.start();
  const netns = [await host.container("ours"), await host.container("peer")] as const;
  const measuring: Measuring = { rounds: count, directories: [ours, peer], netns };
  const args = ["--disable-warning=ExperimentalWarning", resolve(`test/bench/${script}`), JSON.stringify(measuring)];
  const { exitCode, stdout, stderr } = await host.run(process.execPath, args, {
    env: { PATH: process.env["PATH"] ?? "" },
  });
  if (exitCode !== 0) fail(stderr);
  return JSON.parse(stdout) as Sample[];
}

function rowOf(name: string): string[] {
  const times = samples.filter((sample) => sample.case === name).map((sample) => sample.milliseconds);
  const mine = quantile(
    times.map(([time]) => time),
    0.5,
  );
  const theirs = quantile(
    times.map(([, time]) => time),
    0.5,
  );
  const ratios = times.map(([ours, peer]) => ours / peer);
  const spread = [0.25, 0.75].map((part) => quantile(ratios, part).toFixed(2)).join(" to ");
  return [name, mine.toFixed(2), theirs.toFixed(2), quantile(ratios, 0.5).toFixed(2), spread];
}

async function memoryRows(): Promise<string[][]> {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.98.0.0/16" }]] };
  const config = { cniVersion: "1.0.0", name: "bench", type: "bridge", isDefaultGateway: true, ipMasq: true, ipam };
  const rows: string[][] = [];
  for (const verb of ["VERSION", "ADD", "DEL"] as const)
    rows.push([verb === "VERSION" ? verb : `bridge ${verb}, ipMasq`]);
  for (const directory of [ours, peer]) {
    for (const [i, verb] of (["VERSION", "ADD", "DEL"] as const).entries()) {
      rows[i]?.push((await peakMemory(host, { verb, config, netns, directory })).toFixed(1));
    }
  }
  return rows;
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN;
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  console.log("");
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join("   "));
  }
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}
