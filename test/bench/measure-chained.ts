// Run by bench.ts on a machine of its own: the plugins that come behind the bridge, with the two sets in turn. Prints Sample[] as JSON.
import { callTimed } from "./call-timed.ts";
import type { Measuring, Sample } from "./measure.ts";

const WARM_UP_ROUNDS = 2;

const { rounds, directories, netns } = JSON.parse(process.argv[2] ?? "") as Measuring;
const sides = [0, 1] as const;
type Side = (typeof sides)[number];

const limits = { ingressRate: 10_000_000, ingressBurst: 1_000_000, egressRate: 10_000_000, egressBurst: 1_000_000 };
const chained: Readonly<Record<string, { readonly plugin: string; readonly config: object }>> = {
  firewall: { plugin: "firewall", config: {} },
  "firewall, same-bridge": { plugin: "firewall", config: { ingressPolicy: "same-bridge" } },
  "tuning, nothing to do": { plugin: "tuning", config: {} },
  tuning: { plugin: "tuning", config: { mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.arp_notify": "1" } } },
  bandwidth: { plugin: "bandwidth", config: limits },
};

const found = Array.from({ length: rounds + WARM_UP_ROUNDS }, (_, round) => measureRound(round));
process.stdout.write(JSON.stringify(found.slice(WARM_UP_ROUNDS).flat()));

function measureRound(round: number): Sample[] {
  const order = round % 2 === 0 ? sides : sides.toReversed();
  const times = new Map<string, [number, number]>();
  for (const side of order) {
    for (const [name, milliseconds] of measureSide(side)) {
      const pair = times.get(name) ?? [0, 0];
      pair[side] = milliseconds;
      times.set(name, pair);
    }
  }
  return Array.from(times, ([name, milliseconds]) => ({ case: name, milliseconds }));
}

/** A container comes, and each of the plugins comes and goes behind it. */
function measureSide(side: Side): readonly (readonly [string, number])[] {
  const bridge = bridgeConfig(side);
  const { stdout } = call(side, "bridge", "ADD", bridge);
  const measured = Object.entries(chained).flatMap(([name, { plugin, config }]) => {
    const behind = { cniVersion: "1.0.0", name: bridge.name, type: plugin, prevResult: JSON.parse(stdout), ...config };
    return ["ADD", "DEL"].map((verb) => [`${name}: ${verb}`, call(side, plugin, verb, behind).milliseconds] as const);
  });
  call(side, "bridge", "DEL", bridge);
  return measured;
}

function call(side: Side, plugin: string, verb: string, config: object) {
  return callTimed({ plugin, verb, config, directory: directories[side], netns: netns[side] });
}

function bridgeConfig(side: Side) {
  const ipam = {
    type: "host-local",
    dataDir: `/var/lib/cni/chained-${side}`,
    ranges: [[{ subnet: `10.9${side}.0.0/16` }]],
  };
  return {
    cniVersion: "1.0.0",
    name: `chained${side}`,
    type: "bridge",
    isDefaultGateway: true,
    bridge: `benchc${side}`,
    ipam,
  };
}
