// Run by bench.ts on a machine of its own: published ports, with the two sets of plugins in turn. Prints Sample[] as JSON.
import { execFileSync } from "node:child_process";
import { callTimed } from "./call-timed.ts";
import type { Measuring, Sample } from "./measure.ts";

/** How many containers of two ports are there when another one comes and goes. */
const CROWD = 200;
const WARM_UP_ROUNDS = 2;

const { rounds, directories, netns } = JSON.parse(process.argv[2] ?? "") as Measuring;
type Side = 0 | 1;
const sides = [0, 1] as const satisfies Side[];

const samples = [...measure(""), ...crowded()];
process.stdout.write(JSON.stringify(samples));

function measure(where: string): Sample[] {
  return Array.from({ length: rounds + WARM_UP_ROUNDS }, (_, round) => measureRound(where, round))
    .slice(WARM_UP_ROUNDS)
    .flat();
}

function measureRound(where: string, round: number): Sample[] {
  const order = round % 2 === 0 ? sides : sides.toReversed();
  const found = new Map<string, [number, number]>();
  for (const side of order) {
    for (const [name, milliseconds] of measureSide(where, side)) {
      const pair = found.get(name) ?? [0, 0];
      pair[side] = milliseconds;
      found.set(name, pair);
    }
  }
  return Array.from(found, ([name, milliseconds]) => ({ case: name, milliseconds }));
}

/** By the name of the case. */
function measureSide(where: string, side: Side): readonly (readonly [string, number])[] {
  const one = portCycle(side, 1);
  const whole = [
    [`bridge and portmap, ADD and DEL, 1 port${where}`, one.all],
    [`our bridge with docker alone, beside both of the peer${where}`, side === 0 ? dockerCycle() : one.all],
  ] as const;
  if (where !== "") return whole;
  const more = [5, 30].map((count) => [`portmap ADD, ${count} ports`, portCycle(side, count).add] as const);
  return [["portmap ADD, 1 port", one.add], ...more, ["portmap DEL, 1 port", one.del], ...whole];
}

/** A container that comes with its ports, and goes. */
function portCycle(side: Side, count: number): { readonly add: number; readonly del: number; readonly all: number } {
  const bridge = bridgeConfig(side);
  const attached = call(side, "bridge", "ADD", bridge);
  const ports = portmapConfig(30_000 + side * 100, count, JSON.parse(attached.stdout));
  const add = call(side, "portmap", "ADD", ports).milliseconds;
  const del = call(side, "portmap", "DEL", ports).milliseconds;
  const detached = call(side, "bridge", "DEL", bridge).milliseconds;
  return { add, del, all: attached.milliseconds + add + del + detached };
}

function dockerCycle(): number {
  const { ipMasq: _, ...config } = { ...bridgeConfig(0), bridge: "benchd", name: "benchd" };
  const ranges = [[{ subnet: "10.97.0.0/16" }]];
  const ports = { runtimeConfig: { portMappings: mappings(30_300, 1) } };
  const docker = { ...config, ...ports, docker: {}, ipam: { type: "host-local", ranges } };
  return call(0, "bridge", "ADD", docker).milliseconds + call(0, "bridge", "DEL", docker).milliseconds;
}

/** The same beside many that stay. They are attached by ours, which either removes. */
function crowded(): Sample[] {
  for (let i = 0; i < CROWD; i++) {
    const path = `/run/netns/crowd${i}`;
    execFileSync("ip", ["netns", "add", `crowd${i}`]);
    const [directory = ""] = directories;
    const attached = callTimed({ plugin: "bridge", directory, verb: "ADD", netns: path, config: bridgeConfig(0) });
    const config = portmapConfig(10_000 + i * 2, 2, JSON.parse(attached.stdout));
    callTimed({ plugin: "portmap", directory, verb: "ADD", netns: path, config });
  }
  return measure(`, beside ${CROWD} containers`);
}

function call(side: Side, plugin: string, verb: string, config: object) {
  return callTimed({ plugin, verb, config, directory: directories[side], netns: netns[side] });
}

function bridgeConfig(side: Side) {
  const ranges = [[{ subnet: "10.96.0.0/16" }]];
  const ipam = {
    type: "host-local",
    dataDir: `/var/lib/cni/ports-${side}`,
    ranges: side === 0 ? ranges : [[{ subnet: "10.95.0.0/16" }]],
  };
  return {
    cniVersion: "1.0.0",
    name: `ports${side}`,
    type: "bridge",
    isDefaultGateway: true,
    ipMasq: true,
    hairpinMode: true,
    bridge: `benchp${side}`,
    ipam,
  };
}

function portmapConfig(first: number, count: number, prevResult: object) {
  return {
    cniVersion: "1.0.0",
    name: "ports",
    type: "portmap",
    runtimeConfig: { portMappings: mappings(first, count) },
    prevResult,
  };
}

function mappings(first: number, count: number) {
  return Array.from({ length: count }, (_, i) => ({ hostPort: first + i, containerPort: 80, protocol: "tcp" }));
}
