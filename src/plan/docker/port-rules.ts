import { hostCidr, printCidr } from "../../net/cidr.ts";
import { type Ip, isLoopback, printIp } from "../../net/ip.ts";
import { type PortMapping, protocols } from "../../net/port-mapping.ts";
import type { Rule } from "../rule-set.ts";
import { chainNames } from "./chain-names.ts";
import type { DockerNetwork } from "./network.ts";

/**
 * What Docker Engine 29 writes with `--userland-proxy=false` for the ports of a container that are published, for one address of it;
 * none where the network is internal. A routed network has the container's ports only.
 */
export function portRules(network: DockerNetwork, address: Ip, mappings: readonly PortMapping[]): readonly Rule[] {
  const mode = network.subnets[address.family]?.gatewayMode;
  if (network.internal || mode === undefined || mode === "isolated") return [];
  const rules = inDockersOrder(mappings)
    .filter((mapping) => isPublishedAt(network, address, mapping))
    .flatMap((mapping) => [
      ...(mode === "routed" ? [] : addressTranslation(network, address, mapping)),
      ...(mode === "nat-unprotected" ? [] : [opening(network, address, mapping)]),
    ]);
  // two ports of the host may lead to one of the container
  return rules.filter((rule, i) => rules.findIndex((other) => isSame(rule, other)) === i);
}

/** Whether a port of the host leads to the address. */
export function isTranslated(network: DockerNetwork, address: Ip, mapping: PortMapping): boolean {
  const mode = network.subnets[address.family]?.gatewayMode;
  return (
    !network.internal && (mode === "nat" || mode === "nat-unprotected") && isPublishedAt(network, address, mapping)
  );
}

/** The address of the host that a mapping is for, in the family of the container's address; undefined when that is any. */
export function hostIpOf(network: DockerNetwork, { hostIp }: PortMapping): Ip | undefined {
  const ip = hostIp ?? network.hostBinding;
  return ip === undefined || ip.value === 0n ? undefined : ip;
}

/** One that leaves the address of the host open is for both families, unless the network binds it to one. */
function isPublishedAt(network: DockerNetwork, address: Ip, { hostIp }: PortMapping): boolean {
  const ip = hostIp ?? network.hostBinding;
  const isAny = ip === undefined || (hostIp === undefined && ip.family === 4 && ip.value === 0n);
  return isAny || ip.family === address.family;
}

function addressTranslation(network: DockerNetwork, address: Ip, mapping: PortMapping): Rule[] {
  const { protocol, hostPort, containerPort } = mapping;
  const hostIp = hostIpOf(network, mapping);
  const container = printCidr(hostCidr(address));
  const target = address.family === 4 ? printIp(address) : `[${printIp(address)}]`;
  // a link-local client could not be answered through the translation
  const source = address.family === 4 ? "" : "! -s fe80::/10 ";
  const destination = hostIp === undefined ? "" : `-d ${printCidr(hostCidr(hostIp))} `;
  return [
    ...(hostIp?.family === 4 && isLoopback(hostIp) ? [onlyFromHere(hostIp, mapping)] : []),
    {
      table: "nat",
      chain: chainNames(network.chainPrefix).ports,
      text: `${source}${destination}${portMatch(protocol, hostPort)} -j DNAT --to-destination ${target}:${containerPort}`,
      at: "end",
    },
    // the container as a client of itself
    {
      table: "nat",
      chain: "POSTROUTING",
      text: `-s ${container} -d ${container} ${portMatch(protocol, containerPort)} -j MASQUERADE`,
      at: "end",
    },
  ];
}

/** What comes in from outside with a loopback address as its destination is forged. */
function onlyFromHere(hostIp: Ip, { protocol, hostPort }: PortMapping): Rule {
  const text = `-d ${printCidr(hostCidr(hostIp))} ! -i lo ${portMatch(protocol, hostPort)} -j DROP`;
  return { table: "raw", chain: "PREROUTING", text, at: "end" };
}

function opening({ bridge, chainPrefix }: DockerNetwork, address: Ip, { protocol, containerPort }: PortMapping): Rule {
  const to = printCidr(hostCidr(address));
  const text = `-d ${to} ! -i ${bridge} -o ${bridge} ${portMatch(protocol, containerPort)} -j ACCEPT`;
  return { table: "filter", chain: chainNames(chainPrefix).ports, text, at: "head" };
}

function portMatch(protocol: string, port: number): string {
  return `-p ${protocol} -m ${protocol} --dport ${port}`;
}

/** By container port, protocol, host port and host address. */
function inDockersOrder(mappings: readonly PortMapping[]): readonly PortMapping[] {
  const keyOf = ({ containerPort, protocol, hostPort, hostIp }: PortMapping) => [
    BigInt(containerPort),
    BigInt(protocols.indexOf(protocol)),
    BigInt(hostPort),
    hostIp === undefined ? -1n : hostIp.value,
  ];
  return mappings.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
}

function compare(a: readonly bigint[], b: readonly bigint[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : Number((a[at] ?? 0n) < (b[at] ?? 0n)) * -2 + 1;
}

function isSame(a: Rule, b: Rule): boolean {
  return a.table === b.table && a.chain === b.chain && a.text === b.text;
}
