// The host's own macvlan on a parent, as the kernel has it: see host-access.ts.
import { apply } from "../../kernel/apply.ts";
import { sha512 } from "../../kernel/libc.ts";
import { listNeighbours, type Neighbour } from "../../kernel/netlink/neighbour.ts";
import { listRoutes } from "../../kernel/netlink/route.ts";
import type { Places } from "../../kernel/places.ts";
import { type Cidr, hostCidr, sameCidr } from "../../net/cidr.ts";
import { printIp, sameIp } from "../../net/ip.ts";
import { type Mac, parseMac, randomMac } from "../../net/mac.ts";
import type { Link } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Surroundings } from "../../protocol/plugin.ts";
import type { ParentRecord, ParentUse } from "../../state/macvlan-record.ts";
import {
  type HostAddresses,
  isHostLink,
  planAdmitting,
  planHostLink,
  planReaching,
  type Reached,
} from "./host-access.ts";
import { addressesOf } from "./leaving.ts";
import { observeHost } from "./observe.ts";

/** What the container needs to know of the host. */
export interface HostSide {
  readonly addresses: HostAddresses;
  readonly mac: Mac;
}

/** Makes the link when it is not there, and the ways to all containers of the record that are not there. */
export async function giveAccess(
  { parent: name, uses }: ParentRecord,
  { places, around }: { readonly places: Places; readonly around: Surroundings },
): Promise<HostSide> {
  const hostLink = hostLinkOn(name);
  const [parent, present] = places.findLinks("host", [name, hostLink]);
  if (parent === undefined)
    throw new CniError(ErrorCode.ParentMissing, `macvlan: the parent ${name} was removed meanwhile`);
  if (present !== undefined && !isHostLink(present, parent))
    throw new CniError(
      ErrorCode.Internal,
      `macvlan: ${hostLink} exists, and is not the host's macvlan on ${name}: it may be that of a link that had this name before`,
    );
  const isThere = present?.isUp === true && present.mac !== undefined;
  const mac = present?.mac ?? hostMacOn(parent);
  const addresses = observeHost(places, parent);
  const links = uses.flatMap((use) => reachedBy(use) ?? []);
  const admitted = [...links.map((reached) => reached.mac), ...knownMacs(places, present)];
  // what somebody has deleted, or the kernel has with an address, is there again for all
  const [first, ...rest] = links.toReversed();
  const lost = rest.filter((reached) => !isThere || lacksRoute(places, present, reached.addresses));
  const reached = [...lost, ...(first === undefined ? [] : [first])].flatMap((each) =>
    planReaching(hostLink, mac, each, addresses),
  );
  const made = isThere ? planAdmitting(hostLink, admitted) : planHostLink(hostLink, parent, mac, admitted);
  await apply([...made, ...reached], { ...around, places, record: () => {} });
  return { addresses, mac };
}

function reachedBy(use: ParentUse): Reached | undefined {
  const mac = parseMac(use.hostAccess?.mac ?? "");
  return mac === undefined ? undefined : { addresses: addressesOf(use), mac };
}

/** Of all containers that the host knows by the link, also those whose record is lost. */
function neighboursBy(places: Places, link: Link | undefined): readonly Neighbour[] {
  if (link === undefined) return [];
  const { socket } = places.at("host");
  const all = ([4, 6] as const).flatMap((family) => listNeighbours(socket, family, link.index));
  return all.filter(({ isPermanent }) => isPermanent);
}

export function knownMacs(places: Places, link: Link | undefined): readonly Mac[] {
  return neighboursBy(places, link).flatMap(({ mac }) => mac ?? []);
}

function lacksRoute(places: Places, link: Link | undefined, addresses: readonly Cidr[]): boolean {
  const { socket } = places.at("host");
  return addresses.some(({ ip }) => {
    const routes = listRoutes(socket, ip.family).filter((route) => route.link === link?.index);
    return !routes.some(({ dst }) => sameCidr(dst, hostCidr(ip)));
  });
}

/** Whether the link is to stay: it is somebody else's, or the host reaches containers by it that no record has. It was lost, and they may live. */
export function isToStay(
  name: string,
  known: readonly Cidr[],
  { places, log }: { readonly places: Places; readonly log: Surroundings["log"] },
): boolean {
  const link = places.findLink("host", name);
  if (link !== undefined && !isHostLink(link)) return true;
  const neighbours = neighboursBy(places, link);
  const stranger = neighbours.find(({ ip }) => !known.some((cidr) => sameIp(cidr.ip, ip)));
  if (stranger !== undefined)
    log(`${name} stays: the host reaches ${printIp(stranger.ip)} by it, and nobody has noted whose that is`);
  return stranger !== undefined;
}

/** The host's link on a parent. */
export function hostLinkOn(parent: string): string {
  return `mvhost${sha512(`hostAccess/${parent}`).slice(0, 8)}`;
}

/** The same whenever it is made anew, and another one on every machine: containers have a route by it. */
function hostMacOn({ name, mac }: Link): Mac {
  return randomMac(Buffer.from(sha512(`hostAccess/${mac}/${name}`).slice(0, 12), "hex"));
}
