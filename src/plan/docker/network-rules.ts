import { printCidr } from "../../net/cidr.ts";
import { type Family, printIp } from "../../net/ip.ts";
import type { Rule } from "../rule-set.ts";
import { type ChainNames, chainNames } from "./chain-names.ts";
import type { DockerNetwork, DockerSubnet } from "./network.ts";

/** What Docker Engine 29 writes with `--userland-proxy=false` when it makes the network, in its order; none without a subnet of the family. */
export function networkRules(network: DockerNetwork, family: Family): readonly Rule[] {
  const subnet = network.subnets[family];
  if (subnet === undefined) return [];
  const chains = chainNames(network.chainPrefix);
  return network.internal
    ? [...internalRules(network, subnet, chains), ...internalPeers(network, chains)]
    : [...sourceNat(network, subnet), ...forwarding(network, subnet, chains)];
}

function internalRules({ bridge }: DockerNetwork, { subnet }: DockerSubnet, { internal }: ChainNames): Rule[] {
  const prefix = printCidr(subnet);
  const inside = (text: string): Rule => ({ table: "filter", chain: internal, text, at: "head" });
  // IPv6 has link-local addresses inside, which are of no subnet
  const [notIn, notOut] = subnet.ip.family === 4 ? ["", ""] : [`! -i ${bridge} `, ` ! -o ${bridge}`];
  return [
    inside(`! -d ${prefix} -i ${bridge}${notOut} -j DROP`),
    inside(`! -s ${prefix} ${notIn}-o ${bridge} -j DROP`),
  ];
}

function internalPeers({ bridge, icc }: DockerNetwork, { forward }: ChainNames): Rule[] {
  return [filterEnd(forward, `-i ${bridge} -o ${bridge} -j ${icc ? "ACCEPT" : "DROP"}`)];
}

function sourceNat({ bridge, masquerade }: DockerNetwork, { subnet, gatewayMode, snat }: DockerSubnet): Rule[] {
  const target = snat === undefined ? "MASQUERADE" : `SNAT --to-source ${printIp(snat)}`;
  const rule = (match: string): Rule => ({
    table: "nat",
    chain: "POSTROUTING",
    text: `${match} -j ${target}`,
    at: "head",
  });
  const outgoing = masquerade && gatewayMode !== "routed";
  return [
    ...(outgoing ? [rule(`-s ${printCidr(subnet)} ! -o ${bridge}`)] : []),
    // the proxy's part for clients on the host itself: a container cannot answer 127.0.0.1
    rule(`-o ${bridge} -m addrtype --src-type LOCAL`),
  ];
}

function forwarding(network: DockerNetwork, { subnet, gatewayMode }: DockerSubnet, chains: ChainNames): Rule[] {
  const { bridge, icc } = network;
  const { ports, forward, established } = chains;
  const ping = `-o ${bridge} -p ${subnet.ip.family === 4 ? "icmp" : "ipv6-icmp"} -j ACCEPT`;
  return [
    ...(icc ? [] : [filterEnd(forward, `-i ${bridge} -o ${bridge} -j DROP`)]),
    ...(gatewayMode === "routed" ? [filterEnd(ports, ping)] : []),
    filterEnd(forward, `-i ${bridge}${icc ? "" : ` ! -o ${bridge}`} -j ACCEPT`),
    filterEnd(ports, `! -i ${bridge} -o ${bridge} -j ${gatewayMode === "nat-unprotected" ? "ACCEPT" : "DROP"}`),
    filterEnd(established, `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`),
    filterEnd(chains.bridge, `-o ${bridge} -j ${ports}`),
  ];
}

function filterEnd(chain: string, text: string): Rule {
  return { table: "filter", chain, text, at: "end" };
}
