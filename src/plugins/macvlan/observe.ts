import { statSync } from "node:fs";
import { listAllAddresses } from "../../kernel/netlink/address.ts";
import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import { listNeighbours } from "../../kernel/netlink/neighbour.ts";
import { listRoutes } from "../../kernel/netlink/route.ts";
import type { Places } from "../../kernel/places.ts";
import { isDefault } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import { routeTable } from "../../net/route.ts";
import type { KernelRoute, Link, Place } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import { GLOBAL } from "../link-addresses.ts";
import type { MacvlanConfig } from "./config.ts";
import type { AccessFacts, HostAddresses } from "./host-access.ts";
import { type Parent, type ParentFacts, parentNamed, parentOf } from "./parent.ts";

const families = [4, 6] as const satisfies Family[];

/** Errors: 101 when the parent is that of the default route, and there is none. */
export function observeParent(
  places: Places,
  config: MacvlanConfig,
  isolated: string,
): { readonly parent: Parent; readonly facts: ParentFacts } {
  const parent = parentOf(config, isolated) ?? parentNamed(defaultLink(places, config), config.linkInContainer);
  const base = parent.making?.kind === "vlan" ? parent.making.base : undefined;
  const [link, baseLink] = places.findLinks(parent.place, [parent.name, ...(base === undefined ? [] : [base])]);
  if (link === undefined) return { parent, facts: { parent: undefined, base: baseLink } };
  const real = parentFor(places, parent.place, link);
  return { parent: { ...parent, name: real.name }, facts: { parent: real, base: undefined } };
}

/** As the kernel has it: one more macvlan of a macvlan is on the same parent. */
export function parentFor(places: Places, place: Place, link: Link): Link {
  if (link.kind !== "macvlan" || link.peer === undefined) return link;
  return findLinkByIndex(places.at(place).socket, link.peer) ?? link;
}

/** The link of the first default route, of either family. */
function defaultLink(places: Places, { linkInContainer }: MacvlanConfig): string {
  const place = linkInContainer ? "container" : "host";
  const { socket } = places.at(place);
  for (const family of families) {
    const index = listRoutes(socket, family).find(isDefaultRoute)?.link;
    const link = index === undefined ? undefined : findLinkByIndex(socket, index);
    if (link !== undefined) return link.name;
  }
  const where = linkInContainer ? "the container" : "the host";
  const message = `macvlan: the configuration has no master, and ${where} no default route whose link could be the parent`;
  throw new CniError(ErrorCode.ParentMissing, message);
}

function isDefaultRoute({ dst, table, link }: KernelRoute): boolean {
  return isDefault(dst) && table === routeTable(undefined) && link !== undefined;
}

/** The host's addresses for containers on the parent. One that may be another machine's as well is none. */
export function observeHost(places: Places, parent: Link): HostAddresses {
  const { socket } = places.at("host");
  const addresses = listAllAddresses(socket).filter(
    ({ scope, isTentative, isDuplicate }) => scope === GLOBAL && !isTentative && !isDuplicate,
  );
  const of = (family: Family) => addresses.filter(({ cidr }) => cidr.ip.family === family);
  const on = (family: Family, link: number | undefined) => of(family).filter((address) => address.link === link);
  const usual = (family: Family) => {
    const [address] = on(family, listRoutes(socket, family).find(isDefaultRoute)?.link);
    return address ?? of(family)[0];
  };
  const forContainers = (family: Family) => {
    const near = on(family, parent.index);
    const far = near.length > 0 ? undefined : usual(family);
    return [...near, ...(far === undefined ? [] : [far])].map(({ cidr }) => cidr);
  };
  return { 4: forContainers(4), 6: forContainers(6) };
}

export function observeAccess(places: Places, name: string, parent: Link | undefined): AccessFacts {
  const { socket } = places.at("host");
  const link = places.findLink("host", name);
  return {
    link,
    parent,
    host: parent === undefined ? { 4: [], 6: [] } : observeHost(places, parent),
    routes: families.flatMap((family) => listRoutes(socket, family)),
    neighbours: link === undefined ? [] : families.flatMap((family) => listNeighbours(socket, family, link.index)),
  };
}

/** Of a link of this host; that of a container is not seen. */
export function isWireless({ name, kind }: Link, place: Place): boolean {
  if (kind !== undefined || place === "container") return false;
  return statSync(`/sys/class/net/${name}/phy80211`, { throwIfNoEntry: false }) !== undefined;
}
