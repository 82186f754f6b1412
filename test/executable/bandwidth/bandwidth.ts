// The plugin bandwidth on a veth pair, as a runtime calls it behind the plugin that made the pair.
import type { Host, Ran } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

export interface Calling {
  readonly containerId?: string;
  readonly ifname?: string;
  readonly netns?: string;
  readonly directory?: string;
}

export const limits = { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 4_000_000, egressBurst: 400_000 };
/** SHA-512 of `n1c1`. */
export const ifb = "bwp7be53730afe4";

/** `ifname` of the container and `v-<ifname>` of the host. */
export async function makeContainer(host: Host, containerId = "c1", ifname = "eth0"): Promise<void> {
  const name = hostEnd(containerId, ifname);
  await host.sh(`ip netns add ${containerId} 2> /dev/null || true
    ip link add ${name} mtu 1400 type veth peer ${ifname} netns ${containerId}
    ip link set ${name} up; ip -n ${containerId} link set ${ifname} up`);
}

export function hostEnd(containerId: string, ifname: string): string {
  return `v-${containerId}-${ifname}`;
}

export function resultOf(containerId = "c1", ifname = "eth0"): object {
  const netns = `/run/netns/${containerId}`;
  return {
    cniVersion: "1.0.0",
    interfaces: [{ name: "b0" }, { name: hostEnd(containerId, ifname) }, { name: ifname, sandbox: netns }],
    ips: [{ address: "10.1.2.3/24", interface: 2 }],
  };
}

export function bandwidthCall(verb: Call["verb"], config: object, calling: Calling = {}): Call {
  const { containerId = "c1", ifname = "eth0" } = calling;
  const prevResult = resultOf(containerId, ifname);
  return {
    verb,
    plugin: "bandwidth",
    netns: `/run/netns/${containerId}`,
    config: { cniVersion: "1.0.0", name: "n1", type: "bandwidth", prevResult, ...config },
    ...calling,
  };
}

export function bandwidth(host: Host, verb: Call["verb"], config: object, calling?: Calling): Promise<Ran> {
  return callPlugin(host, bandwidthCall(verb, config, calling));
}

/** When it has to succeed. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export function succeed(host: Host, verb: Call["verb"], config: object, calling?: Calling): Promise<any> {
  return callSuccessfully(host, bandwidthCall(verb, config, calling));
}

/** All queues but the kernel's own, and where what links receive is led. */
export async function shaping(host: Host): Promise<string> {
  return host.sh(`tc -d qdisc show | grep -v -e noqueue -e pfifo || true
    for link in $(ls /sys/class/net); do tc filter show dev $link ingress | grep -e match -e redirect -i || true; done
    ip -o -d link show type ifb | sed 's/^[0-9]*: //; s/link.ether [^ ]* //; s/.. *alias [^ ]*//; s/ *$//'`);
}
