// The plugin firewall behind a bridge, as a runtime calls it.
import { rulesByChain } from "../../docker-networks.ts";
import type { Host, Ran } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

export interface Calling {
  readonly containerId?: string;
  readonly ifname?: string;
  readonly network?: string;
  /** Fields of firewall. */
  readonly config?: object;
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a bridge plugin would have printed, with a bridge that need not be there. */
export function attached(ips: readonly string[], bridge = "b0", ifname = "eth0"): object {
  return {
    cniVersion: "1.0.0",
    interfaces: [{ name: bridge }, { name: "veth0" }, { name: ifname, sandbox: "/run/netns/c1" }],
    ips: ips.map((address) => ({ address, interface: 2 })),
  };
}

export function firewallCall(verb: Call["verb"], prevResult: unknown, calling: Calling = {}): Call {
  const { containerId = "c1", ifname = "eth0", network = "n1", config = {}, directory, env = {} } = calling;
  return {
    verb,
    plugin: "firewall",
    containerId,
    ifname,
    env,
    netns: `/run/netns/${containerId}`,
    ...(directory === undefined ? {} : { directory }),
    config: {
      cniVersion: "1.0.0",
      name: network,
      type: "firewall",
      ...(prevResult === undefined ? {} : { prevResult }),
      ...config,
    },
  };
}

export function firewall(host: Host, verb: Call["verb"], prevResult?: unknown, calling?: Calling): Promise<Ran> {
  return callPlugin(host, firewallCall(verb, prevResult, calling));
}

/** When it has to succeed. */
export function succeed(host: Host, verb: Call["verb"], prevResult?: unknown, calling?: Calling): Promise<unknown> {
  return callSuccessfully(host, firewallCall(verb, prevResult, calling));
}

/** Of the table filter in both families. */
export async function filterRules(host: Host): Promise<Record<"4" | "6", ReturnType<typeof rulesByChain>>> {
  const [four, six] = await Promise.all([host.sh("iptables-save -t filter"), host.sh("ip6tables-save -t filter")]);
  return { 4: rulesByChain(four), 6: rulesByChain(six) };
}
