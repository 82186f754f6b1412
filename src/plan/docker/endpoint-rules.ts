import { hostCidr, printCidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";
import type { Rule } from "../rule-set.ts";
import type { DockerNetwork } from "./network.ts";

/**
 * What Docker Engine 29 writes for an address of a container: nobody but the bridge itself and the trusted interfaces may send
 * to it directly. None where the network is open to that, or closed altogether.
 */
export function endpointRules(network: DockerNetwork, address: Ip): readonly Rule[] {
  const { bridge, internal, trustedHostInterfaces, allowDirectRouting } = network;
  if (internal || allowDirectRouting || network.subnets[address.family]?.gatewayMode !== "nat") return [];
  const to = `-d ${printCidr(hostCidr(address))}`;
  return [...trustedHostInterfaces.map((name) => `${to} -i ${name} -j ACCEPT`), `${to} ! -i ${bridge} -j DROP`].map(
    (text) => ({ table: "raw", chain: "PREROUTING", text, at: "end" }) as const,
  );
}
