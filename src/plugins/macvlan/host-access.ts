// A parent hands nothing from the host to the macvlans on it. With a macvlan of its own on the parent the host is one of them: it has a
// route to each container there, and knows its MAC address, so that it never asks the link with an address that other machines
// know the parent for.
import { type Cidr, contains, hostCidr, networkOf, sameCidr } from "../../net/cidr.ts";
import { type Family, type Ip, printIp, sameIp } from "../../net/ip.ts";
import { linkLocalOf, type Mac } from "../../net/mac.ts";
import type { Route } from "../../net/route.ts";
import type { KernelRoute, Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import type { Addressing } from "./addressing.ts";

/** Addresses of the host for the containers: the parent's or, where it has none, those of the way out. */
export type HostAddresses = Readonly<Record<Family, readonly Cidr[]>>;

export interface Reached {
  readonly addresses: readonly Cidr[];
  readonly mac: Mac;
}

/** RT_SCOPE_LINK */
const ON_LINK = 253;
/** The kernel makes no link-local address by itself: `addr_gen_mode` of ip-sysctl. */
const NO_ADDRESS = "1";
const place = "host";

/**
 * The host's macvlan is born with the MAC address, and gets no address of other machines' concern. It lets in what comes from the containers
 * alone: for IPv6 there is no `rp_filter`, and whoever found the link could pass by the rules that the host has for the parent.
 */
export function planHostLink(name: string, parent: Link, mac: Mac, containers: readonly Mac[]): Step[] {
  const set = (key: string, value: string, optional?: "optional"): Step => {
    const step = { do: "sysctl.set", place, key, value } as const;
    return optional === undefined ? step : { ...step, optional: true };
  };
  return [
    {
      do: "link.add-macvlan",
      place,
      macvlan: { name, mode: "bridge", mac },
      parent: { place, link: parent.name },
      tolerate: ["EEXIST"],
    },
    { do: "link.set", place, link: name, alias: hostLinkAlias(parent) },
    ...planAdmitting(name, containers),
    set(`net/ipv4/conf/${name}/rp_filter`, "1", "optional"),
    set(`net/ipv6/conf/${name}/accept_ra`, "0", "optional"),
    set(`net/ipv6/conf/${name}/addr_gen_mode`, NO_ADDRESS, "optional"),
    { do: "link.set", place, link: name, up: true },
  ];
}

/** From now on these are let in, and nobody else. */
export function planAdmitting(link: string, containers: readonly Mac[]): Step[] {
  return [
    { do: "qdisc.add", place, link, qdisc: { kind: "ingress" }, tolerate: ["EEXIST", "ENODEV"] },
    { do: "filter.sources", place, link, macs: [...new Set(containers)], tolerate: ["ENODEV"] },
  ];
}

const ALIAS = "access to containers on ";

function hostLinkAlias({ name }: Pick<Link, "name">): string {
  return `${ALIAS}${name}`;
}

/** Not one that somebody else has made, whatever its name; on any parent unless one is given. */
export function isHostLink({ kind, peer, alias, macvlan }: Link, parent?: Link): boolean {
  const isOn = parent === undefined || (peer === parent.index && alias === hostLinkAlias(parent));
  return kind === "macvlan" && macvlan?.mode === "bridge" && alias?.startsWith(ALIAS) === true && isOn;
}

/** The host's ways to one container. */
export function planReaching(link: string, hostMac: Mac, { addresses, mac }: Reached, host: HostAddresses): Step[] {
  const ipv6: Step[] = [
    { do: "sysctl.set", place, key: `net/ipv6/conf/${link}/disable_ipv6`, value: "0", optional: true },
    // the containers' next hop to the host
    {
      do: "address.add",
      place,
      link,
      cidr: { ip: linkLocalOf(hostMac), prefix: 64 },
      nodad: true,
      tolerate: ["EEXIST"],
    },
  ];
  return [
    ...(addresses.some(({ ip }) => ip.family === 6) ? ipv6 : []),
    ...addresses.flatMap((cidr): Step[] => [
      { do: "neighbour.set", place, link, ip: cidr.ip, mac },
      { do: "route.add", place, link, ...routeTo(cidr), src: sourceFor(cidr, host), tolerate: ["EEXIST"] },
    ]),
  ];
}

/** Takes them away, but for the addresses that are another one's by now. */
export function planParting(link: string, addresses: readonly Cidr[], kept: readonly Cidr[]): Step[] {
  const gone = addresses.filter(({ ip }) => !kept.some((other) => sameIp(other.ip, ip)));
  return gone.flatMap((cidr): Step[] => [
    { do: "route.delete", place, link, ...routeTo(cidr), tolerate: ["ESRCH", "ENODEV"] },
    { do: "neighbour.delete", place, link, ip: cidr.ip, tolerate: ["ENOENT", "ENODEV"] },
  ]);
}

/**
 * The container's ways to the host. An IPv4 address of its own subnet is found on the link. For IPv6 only an interface that has the
 * address answers, so the way is by the link-local one.
 */
export function routesToHost({ ips }: Addressing, host: HostAddresses, hostMac: Mac): Route[] {
  const own = ips.map(({ address }) => address);
  const has = (family: Family) => own.some(({ ip }) => ip.family === family);
  const isOnLink = (ip: Ip) => own.some((address) => contains(networkOf(address), ip));
  const ipv4 = host[4].filter(({ ip }) => !isOnLink(ip)).map(({ ip }) => ({ dst: hostCidr(ip), scope: ON_LINK }));
  const ipv6 = host[6].map(({ ip }) => ({ dst: hostCidr(ip), gw: linkLocalOf(hostMac) }));
  return [...(has(4) ? ipv4 : []), ...(has(6) ? ipv6 : [])];
}

/** Routes by the host itself have their next hop there, too. */
export function throughHost({ ips, routes }: Addressing, host: HostAddresses, hostMac: Mac): Addressing {
  const isHost = (ip: Ip | undefined) => ip !== undefined && host[6].some((address) => sameIp(address.ip, ip));
  const gateway = ips.find(({ address, gateway }) => address.ip.family === 6 && gateway !== undefined)?.gateway;
  const isBy = ({ dst, gw, scope }: Route) =>
    dst.ip.family === 6 && (scope === undefined || scope < ON_LINK) && isHost(gw ?? gateway);
  return { ips, routes: routes.map((route) => (isBy(route) ? { ...route, gw: linkLocalOf(hostMac) } : route)) };
}

/** Why containers cannot reach the host in a family of theirs, or undefined. */
export function lacksAddress({ ips }: Addressing, host: HostAddresses): string | undefined {
  const isAsked = ips.some(({ address }) => address.ip.family === 4);
  return isAsked && host[4].length === 0 ? "the host has no IPv4 address that containers could reach" : undefined;
}

export interface AccessFacts {
  readonly link: Link | undefined;
  readonly parent: Link | undefined;
  /** Of the host. */
  readonly routes: readonly KernelRoute[];
  readonly host: HostAddresses;
  /** Of the link. */
  readonly neighbours: readonly { readonly ip: Ip; readonly mac: Mac | undefined }[];
}

/** What of the host's access is not as ADD left it. */
export function accessDifferences(
  name: string,
  { addresses, mac }: { readonly addresses: readonly Cidr[]; readonly mac: Mac | undefined },
  { link, parent, routes, neighbours }: AccessFacts,
): string[] {
  if (link === undefined) return [`the host's interface ${name} is gone`];
  if (link.kind !== "macvlan" || link.peer !== parent?.index) return [`${name} is not a macvlan on ${parent?.name}`];
  const isReached = ({ ip }: Cidr) =>
    routes.some(({ dst, link: by }) => by === link.index && sameCidr(dst, hostCidr(ip)));
  const macOf = ({ ip }: Cidr) => neighbours.find((each) => sameIp(each.ip, ip))?.mac;
  const wrong = addresses.filter((cidr) => macOf(cidr) !== mac);
  return [
    ...(link.isUp ? [] : [`the host's interface ${name} is down`]),
    ...addresses
      .filter((cidr) => !isReached(cidr))
      .map((cidr) => `the host has no route to ${printIp(cidr.ip)} by ${name}`),
    ...wrong.map((cidr) =>
      macOf(cidr) === undefined
        ? `the host does not know the MAC address of ${printIp(cidr.ip)}`
        : `the host knows the MAC address ${macOf(cidr)} for ${printIp(cidr.ip)} instead of ${mac}`,
    ),
  ];
}

function routeTo({ ip }: Cidr): Route {
  return ip.family === 4 ? { dst: hostCidr(ip), scope: ON_LINK } : { dst: hostCidr(ip) };
}

/** The link has no IPv4 address, and which one the kernel would take then depends on all the others. For IPv6 it has rules that fit. */
function sourceFor({ ip, prefix }: Cidr, host: HostAddresses): Ip | undefined {
  if (ip.family === 6) return undefined;
  const near = host[4].find((address) => contains(networkOf({ ip, prefix }), address.ip));
  return (near ?? host[4][0])?.ip;
}
