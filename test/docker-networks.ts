// The networks of the scenarios that the reference of Docker's rules has, and a way to read what iptables-save prints.
import type { DockerNetwork, DockerSubnet } from "../src/plan/docker/network.ts";
import { ensureEndpoint } from "../src/plan/docker/steps.ts";
import { cidr } from "./values.ts";

/** Docker's defaults. */
export function dockerNetwork(
  bridge: string,
  subnets: readonly string[],
  more: Partial<DockerNetwork> = {},
): DockerNetwork {
  return {
    chainPrefix: "DOCKER",
    bridge,
    subnets: Object.fromEntries(subnets.map((text) => [cidr(text).ip.family, dockerSubnet(text)])),
    icc: true,
    internal: false,
    masquerade: true,
    trustedHostInterfaces: [],
    allowDirectRouting: false,
    hostBinding: undefined,
    ...more,
  };
}

export function dockerSubnet(text: string, more: Partial<DockerSubnet> = {}): DockerSubnet {
  return { subnet: cidr(text), gatewayMode: "nat", ...more };
}

/** What the first ADD does for the network itself. */
export function foundNetwork(network: DockerNetwork) {
  return ensureEndpoint(network, { addresses: [] }, { isFirst: true });
}

/** By table and chain: the rules in order, under the policy of the chain. Without chains that are as every firewall has them. */
export function rulesByChain(saved: string): Readonly<Record<string, readonly string[]>> {
  const chains: Record<string, string[]> = {};
  let table = "";
  for (const line of saved.split("\n").map((text) => text.trim())) {
    const [first = "", second = ""] = line.split(" ");
    if (first.startsWith("*")) table = first.slice(1);
    if (first.startsWith(":")) chains[`${table} ${first.slice(1)}`] = [second];
    if (first === "-A") chains[`${table} ${second}`] = [...(chains[`${table} ${second}`] ?? ["ACCEPT"]), line];
  }
  return Object.fromEntries(
    Object.entries(chains).filter(([, [policy, ...rules]]) => policy !== "ACCEPT" || rules.length > 0),
  );
}
