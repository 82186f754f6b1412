import { listAddresses } from "../kernel/netlink/address.ts";
import type { Places } from "../kernel/places.ts";
import type { Cidr } from "../net/cidr.ts";
import type { Link, Place } from "../plan/facts.ts";

/** RT_SCOPE_UNIVERSE: not a link-local address, which the kernel gives by itself. */
export const GLOBAL = 0;

/** None for a link that is not there. */
export function addressesOf(places: Places, place: Place, link: Link | undefined): Cidr[] {
  if (link === undefined) return [];
  const addresses = listAddresses(places.at(place).socket, link);
  return addresses.filter((address) => address.scope === GLOBAL).map((address) => address.cidr);
}

/** The same with those that are link-local, such as a gateway may be. */
export function allAddressesOf(places: Places, place: Place, link: Link | undefined): Cidr[] {
  return link === undefined ? [] : listAddresses(places.at(place).socket, link).map((address) => address.cidr);
}
