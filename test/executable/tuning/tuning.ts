// The plugin tuning on an interface that stands for a container's, as a runtime calls it.
import type { Host, Ran } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

export interface Calling {
  readonly args?: string;
  readonly ifname?: string;
  readonly netns?: string;
  readonly directory?: string;
}

export const dataDir = "/run/cni/tuning";
export const netns = "/run/netns/c1";

const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [
    { name: "b0", mac: "02:00:00:00:00:0f" },
    { name: "eth0", mac: "02:00:00:00:00:01", sandbox: netns },
  ],
};

/** A container whose interface has the settings that the kernel gives it, but for the MAC address. */
export async function makeContainer(host: Host, ifname = "eth0"): Promise<void> {
  await host.container("c1");
  await host.sh(
    `ip -n c1 link add ${ifname} address 02:00:00:00:00:01 type veth peer v0; ip -n c1 link set ${ifname} up; ip -n c1 link set v0 up`,
  );
}

/** What can be tuned of it. */
export function stateOf(host: Host, keys: readonly string[] = []): Promise<string> {
  const files = keys.map((key) => `/proc/sys/${key}`).join(" ");
  return host.sh(
    `ip -n c1 link show eth0; ip netns exec c1 sh -c 'cat /sys/class/net/eth0/flags; cat ${files} /dev/null'`,
  );
}

export function tuningCall(verb: Call["verb"], config: object, calling: Calling = {}): Call {
  return {
    verb,
    plugin: "tuning",
    netns,
    config: { cniVersion: "1.0.0", name: "n1", type: "tuning", prevResult, ...config },
    ...calling,
  };
}

export function tuning(host: Host, verb: Call["verb"], config: object, calling?: Calling): Promise<Ran> {
  return callPlugin(host, tuningCall(verb, config, calling));
}

/** When it has to succeed. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export function succeed(host: Host, verb: Call["verb"], config: object, calling?: Calling): Promise<any> {
  return callSuccessfully(host, tuningCall(verb, config, calling));
}
