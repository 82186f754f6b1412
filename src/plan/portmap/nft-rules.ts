// Published ports as the reference writes them with nftables: one rule for each, among those of others. Whose a rule is tells its
// comment, which is the container's id alone: it says nothing about network and interface.
import { type Family, type Ip, printIp } from "../../net/ip.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import { type NftOwner, type NftRule, type NftRules, type NftTable, nameOf, quoteNft } from "../nft-rules.ts";
import type { Publishing } from "./iptables-rules.ts";

const PORTS = "hostports";
/** Of earlier releases. */
const PORTS_OF_ADDRESSES = "hostip_hostports";
const ALL_PORTS = "hostports_all";
const MASQUERADING = "masquerading";
/** NFTNL_UDATA_COMMENT_MAXLEN of libnftnl; more is an error of nft. */
const LONGEST_COMMENT = 128;

/** Why there can be no rules for the container, or undefined. */
export function nftPortsProblem(containerId: string): string | undefined {
  if (containerId.length <= LONGEST_COMMENT) return undefined;
  return `the container id is longer than the ${LONGEST_COMMENT} bytes that nftables has for a comment`;
}

/** All rules of the container, in whatever network. */
export function nftPortsOwner(family: Family, containerId: string): NftOwner {
  return {
    table: tableOf(family),
    shared: [PORTS, PORTS_OF_ADDRESSES, MASQUERADING],
    chains: [],
    comment: { is: containerId },
  };
}

/** The rules for one address of the container. `others` are those of its other attachments, which have the same comment. */
export function nftPorts(
  containerId: string,
  {
    address,
    mappings,
    publishing,
    others,
  }: {
    readonly address: Ip;
    readonly mappings: readonly PortMapping[];
    readonly publishing: Publishing;
    readonly others: readonly NftRule[];
  },
): NftRules {
  const own = [...translations(address, mappings), ...masquerading(address, publishing)];
  const comment = quoteNft(containerId);
  return {
    owner: nftPortsOwner(address.family, containerId),
    base: baseOf(tableOf(address.family), publishing),
    standing: standingOf(publishing),
    rules: [...others, ...own.map(({ chain, rule }) => ({ chain, rule: `${rule} comment ${comment}` }))],
  };
}

function translations(address: Ip, mappings: readonly PortMapping[]): readonly NftRule[] {
  const target = address.family === 4 ? printIp(address) : `[${printIp(address)}]`;
  return mappings
    .filter(({ hostIp }) => hostIp === undefined || hostIp.family === address.family)
    .map(({ protocol, hostPort, containerPort, hostIp }) => {
      const at = hostIp === undefined || hostIp.value === 0n ? "" : `${ipWord(address)} daddr ${printIp(hostIp)} `;
      return { chain: PORTS, rule: `${at}${protocol} dport ${hostPort} dnat to ${target}:${containerPort}` };
    });
}

/** Clients that the container could not answer: itself, and those on the host at 127.0.0.1. */
function masquerading(address: Ip, { snat, masqAll }: Publishing): readonly NftRule[] {
  if (!snat) return [];
  const ip = ipWord(address);
  const any = address.family === 4 ? "0.0.0.0/0" : "::/0";
  const sources = masqAll ? [any] : [printIp(address), ...(address.family === 4 ? ["127.0.0.1"] : [])];
  return sources.map((source) => ({
    chain: MASQUERADING,
    rule: `${ip} saddr ${source} ${ip} daddr ${printIp(address)} masquerade`,
  }));
}

/** What all containers share. */
function baseOf(table: NftTable, { snat }: Publishing): readonly string[] {
  const name = nameOf(table);
  const hook = (chain: string) => [
    `add chain ${name} ${chain} { type nat hook ${chain} priority -100 ; }`,
    `flush chain ${name} ${chain}`,
  ];
  return [
    `add table ${name} { comment "CNI portmap plugin" ; }`,
    ...[PORTS, PORTS_OF_ADDRESSES, ALL_PORTS].map((chain) => `add chain ${name} ${chain}`),
    `flush chain ${name} ${ALL_PORTS}`,
    ...hook("prerouting"),
    ...hook("output"),
    ...(snat ? [`add chain ${name} ${MASQUERADING} { type nat hook postrouting priority 100 ; }`] : []),
  ];
}

/** Written anew every time, with the conditions of this network. */
function standingOf({ conditions }: Publishing): readonly NftRule[] {
  return [
    ...[PORTS_OF_ADDRESSES, PORTS].map((chain) => ({ chain: ALL_PORTS, rule: `jump ${chain}` })),
    ...["prerouting", "output"].map((chain) => ({
      chain,
      rule: `fib daddr type local jump ${ALL_PORTS}`,
      conditions,
    })),
  ];
}

function tableOf(family: Family): NftTable {
  return { family: family === 4 ? "ip" : "ip6", name: "cni_hostport" };
}

function ipWord({ family }: Ip): string {
  return family === 4 ? "ip" : "ip6";
}
