// What Docker Engine 29 does outside the firewall, in its order.

import { type Cidr, contains, sameCidr } from "../../../net/cidr.ts";
import { type Family, type Ip, ipToBytes } from "../../../net/ip.ts";
import { type Mac, macFromBytes } from "../../../net/mac.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import type { Place } from "../../../plan/facts.ts";
import type { Step } from "../../../plan/step.ts";
import type { Attachment } from "../../../protocol/plugin.ts";
import { aliasOf } from "../../alias.ts";
import { kernelRoutes } from "../../kernel-routes.ts";
import type { Addressing } from "../addressing.ts";
import type { BridgeConfig } from "../config.ts";
import type { BridgeFacts, Names } from "../plan.ts";
import { type DockerConfig, hasBridgeAddress } from "./config.ts";

/** No queue in front of interfaces that never wait. */
const TXQLEN = 0;

/** The bridge, without its going up: that waits for the rules. */
export function planBridge(
  { bridge: link, mtu }: BridgeConfig,
  docker: DockerConfig,
  {
    network,
    gateways,
    facts,
    names,
  }: {
    readonly network: DockerNetwork;
    readonly gateways: readonly Cidr[];
    readonly facts: BridgeFacts;
    readonly names: Names;
  },
): Step[] {
  const { bridge, bridgeAddresses } = facts;
  const isNew = bridge === undefined;
  const addresses = gateways.flatMap((gateway) => planGateway(link, gateway, bridgeAddresses));
  return [
    ...(isNew ? newBridge({ name: link, mtu, mac: names.bridgeMac }) : []),
    ...(network.subnets[6] === undefined ? [] : [ipv6Switch("host", link, hasBridgeAddress(docker, 6))]),
    ...addresses,
    // a bridge that somebody else made follows the lowest address of its ports, unless it is given one, be it its own
    ...(bridge?.mac !== undefined && addresses.length > 0
      ? [{ do: "link.set", place: "host", link, mac: bridge.mac } satisfies Step]
      : []),
    // what is for 127.0.0.1 of the host may go to a container
    { do: "sysctl.set", place: "host", key: `net/ipv4/conf/${link}/route_localnet`, value: "1" },
    ...familiesOf(network).map(filterBridged),
  ];
}

/** One end on the bridge, the other in the container with its addresses, and both down. */
export function planPair(
  config: BridgeConfig,
  attachment: Attachment,
  { addressing, mac, names }: { readonly addressing: Addressing; readonly mac: Mac; readonly names: Names },
): Step[] {
  const { mtu, bridge: master } = config;
  const { ifname } = attachment;
  const host = names.hostVeth;
  const addresses = addressing.ips.map((ip) => ip.address);
  const inContainer = { place: "container", link: ifname } as const;
  return [
    {
      do: "link.add-veth",
      host: { name: host, mtu, txqlen: TXQLEN },
      container: { name: ifname, mtu, mac, txqlen: TXQLEN },
    },
    { do: "link.set", place: "host", link: host, alias: aliasOf(names.network, attachment), master },
    { do: "port.set", place: "host", link: host, hairpin: true },
    ipv6Switch("container", ifname, addresses.some(isIpv6)),
    ...addresses.map((cidr): Step => ({ do: "address.add", ...inContainer, cidr, nodad: isIpv6(cidr) })),
  ];
}

/** Once the rules are in force. */
export function planJoin(
  link: string,
  { addressing, mac, names }: { readonly addressing: Addressing; readonly mac: Mac; readonly names: Names },
): Step[] {
  const place = "container";
  return [
    { do: "link.set", place: "host", link: names.hostVeth, up: true },
    { do: "link.set", place, link, up: true },
    ...kernelRoutes(addressing).map((route): Step => ({ do: "route.add", place, link, ...route })),
    { do: "link.await-up", place: "host", link: names.hostVeth },
    // its addresses may have been another container's a moment ago
    ...addressing.ips.map(({ address }): Step => ({ do: "address.announce", place, link, ip: address.ip, mac })),
  ];
}

/** `02:42:ac:11:00:02` of 172.17.0.2; undefined without an IPv4 address. */
export function macOfIp({ ips }: Addressing): Mac | undefined {
  const ip = ips.map(({ address }) => address.ip).find(({ family }) => family === 4);
  return ip === undefined ? undefined : macFromBytes(Uint8Array.of(0x02, 0x42, ...ipToBytes(ip)));
}

/** Why the bridge cannot have the gateway's address, or undefined: what would go is the gateway of other containers. */
export function gatewayConflict(
  link: string,
  gateways: readonly Cidr[],
  { facts, isShared }: { readonly facts: BridgeFacts; readonly isShared: boolean },
): string | undefined {
  if (!isShared) return undefined;
  const removals = gateways.flatMap((gateway) => inTheWay(gateway, facts.bridgeAddresses));
  if (removals.length === 0) return undefined;
  return `${link} has another gateway address, which containers of the network use; remove them before its subnet is changed`;
}

function newBridge(bridge: { readonly name: string; readonly mtu: number | undefined; readonly mac: Mac }): Step[] {
  return [
    // another ADD may have been faster
    { do: "link.add-bridge", place: "host", bridge: { ...bridge, txqlen: TXQLEN }, tolerate: ["EEXIST"] },
    { do: "sysctl.set", place: "host", key: `net/ipv6/conf/${bridge.name}/accept_ra`, value: "0", optional: true },
  ];
}

function planGateway(link: string, cidr: Cidr, present: readonly Cidr[]): Step[] {
  const others = inTheWay(cidr, present);
  const isThere = present.some((address) => sameCidr(address, cidr));
  const place = "host";
  return [
    ...others.map((other): Step => ({ do: "address.delete", place, link, cidr: other, tolerate: ["EADDRNOTAVAIL"] })),
    ...(isThere
      ? []
      : [{ do: "address.add", place, link, cidr, nodad: isIpv6(cidr), tolerate: ["EEXIST"] } satisfies Step]),
  ];
}

/** Of IPv4 the one that it replaces, of the same subnet if there is one; of IPv6 all others. */
function inTheWay(gateway: Cidr, present: readonly Cidr[]): readonly Cidr[] {
  const others = present.filter((other) => other.ip.family === gateway.ip.family && !sameCidr(other, gateway));
  if (isIpv6(gateway)) return others;
  if (others.length < present.filter((other) => !isIpv6(other)).length) return [];
  const [first] = others.toSorted((a, b) => Number(contains(gateway, b.ip)) - Number(contains(gateway, a.ip)));
  return first === undefined ? [] : [first];
}

function ipv6Switch(place: Place, link: string, isOn: boolean): Step {
  const key = `net/ipv6/conf/${link}/disable_ipv6`;
  // a kernel without IPv6 has nothing to switch off
  return { do: "sysctl.set", place, key, value: isOn ? "0" : "1" };
}

/** Without it what containers send each other does not meet the rules. */
function filterBridged(family: Family): Step {
  const key = `net/bridge/bridge-nf-call-${family === 4 ? "iptables" : "ip6tables"}`;
  return { do: "sysctl.set", place: "host", key, value: "1", module: "br_netfilter" };
}

function familiesOf({ subnets }: DockerNetwork): Family[] {
  return ([4, 6] satisfies Family[]).filter((family) => subnets[family] !== undefined);
}

function isIpv6({ ip }: { readonly ip: Ip }): boolean {
  return ip.family === 6;
}
