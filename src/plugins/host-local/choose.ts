// Which address a container gets of a range set. An address whose holder is gone is taken from it, a living one keeps it.
import type { judgeNetns } from "../../kernel/netns-record.ts";
import { type Ip, printIp, sameIp } from "../../net/ip.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Attachment, Surroundings } from "../../protocol/plugin.ts";
import type { HostLocalStore, Reservation } from "../../state/host-local-store.ts";
import { chooseIp } from "./allocate.ts";
import type { Allocation } from "./config.ts";
import { capacityOf, gives, printSet, type Range, type RangeSet, rangeOf } from "./ranges.ts";

export interface Choosing {
  readonly store: HostLocalStore;
  readonly set: RangeSet;
  /** Index of the set. */
  readonly n: number;
  readonly allocation: Allocation;
  readonly isNetnsGone: ReturnType<typeof judgeNetns>;
  readonly log: Surroundings["log"];
}

/** An address and the range that it is of. */
export interface Choice {
  readonly ip: Ip;
  readonly range: Range;
}

/** An address that is free then. Errors: 999, with the reason why there is none. */
export function choose(choosing: Choosing, owner: Attachment, requested: Ip | undefined): Choice {
  const { set } = choosing;
  const held = reclaimOwn(choosing, owner);
  const ip = requested === undefined ? (held ?? freeIp(choosing)) : requestedIp(choosing, requested);
  const range = rangeOf(set, ip);
  if (range === undefined) throw new Error(`${printIp(ip)} is in no range`);
  return { ip, range };
}

/** Why the set has no address for another container, or undefined when it has one. */
export function exhaustion({
  store,
  set,
  n,
  isNetnsGone,
}: Pick<Choosing, "store" | "set" | "n" | "isNetnsGone">): string | undefined {
  const capacity = capacityOf(set);
  if (capacity > BigInt(store.count())) return undefined;
  const failure = `failed to allocate for range ${n}: no IP addresses available in range set: ${printSet(set)}`;
  if (capacity === 0n) return `${failure}: nothing is left of it without the gateway and what is excluded`;
  const all = held(store, set);
  const gone = all.filter((each) => isGone(each, isNetnsGone)).length;
  const unknown = all.filter(({ netns }) => netns === undefined).length;
  if (capacity > BigInt(all.length - gone)) return undefined;
  const count = `${all.length} of ${capacity} addresses are held, ${gone} by containers that are gone and ${unknown} by ones of which nothing is known`;
  return `${failure}: ${count}; to free one, DEL or GC its container, or remove its file in ${store.directory}`;
}

/** The container's own from a life before; it gets the same again. Errors: 999 when that life is not over. */
function reclaimOwn({ store, set, isNetnsGone, log }: Choosing, owner: Attachment): Ip | undefined {
  const own = store.findByOwner(owner).filter(({ ip }) => rangeOf(set, ip) !== undefined);
  const alive = own.find((reservation) => !isGone(reservation, isNetnsGone));
  if (alive !== undefined) {
    const message = `${printIp(alive.ip)} has been allocated to ${owner.containerId} ${owner.ifname} already, duplicate allocation is not allowed`;
    throw new CniError(ErrorCode.Internal, message);
  }
  reclaim(store, own, log);
  return own.map(({ ip }) => ip).find((ip) => gives(set, ip));
}

function requestedIp({ store, set, isNetnsGone, log }: Choosing, ip: Ip): Ip {
  const range = rangeOf(set, ip);
  if (range !== undefined && sameIp(ip, range.gateway))
    throw new CniError(ErrorCode.Internal, `requested IP ${printIp(ip)} is the gateway's`);
  if (!gives(set, ip)) throw new CniError(ErrorCode.Internal, `requested IP ${printIp(ip)} is excluded`);
  const reservation = store.find(ip);
  if (reservation === undefined) return ip;
  if (!isGone(reservation, isNetnsGone)) throw notAvailable(set, reservation);
  reclaim(store, [reservation], log);
  return ip;
}

function notAvailable(set: RangeSet, { ip, owner }: Reservation): CniError {
  const message = `requested IP address ${printIp(ip)} is not available in range set ${printSet(set)}`;
  return new CniError(ErrorCode.Internal, message, { details: `it is held by ${printOwner(owner)}` });
}

function freeIp(choosing: Choosing): Ip {
  const { store, set, n, allocation, isNetnsGone, log } = choosing;
  const last = allocation === "lowest" ? undefined : store.lastReserved(n);
  const next = () => chooseIp(set, last, (ip) => store.isTaken(ip));
  const free = next();
  if (free !== undefined) return free;
  reclaim(
    store,
    held(store, set).filter((each) => isGone(each, isNetnsGone)),
    log,
  );
  const reclaimed = next();
  if (reclaimed !== undefined) return reclaimed;
  throw new CniError(ErrorCode.Internal, exhaustion(choosing) ?? `failed to allocate for range ${n}`);
}

function isGone({ netns }: Reservation, isNetnsGone: Choosing["isNetnsGone"]): boolean {
  return netns !== undefined && isNetnsGone(netns);
}

function reclaim(store: HostLocalStore, reservations: readonly Reservation[], log: Surroundings["log"]): void {
  store.release(reservations);
  for (const { ip, owner, netns } of reservations) {
    log(`took ${printIp(ip)} back from ${printOwner(owner)}: its network namespace ${netns?.path} is gone`);
  }
}

/** Each address of the set once, in whatever spelling its file has it. */
function held(store: HostLocalStore, set: RangeSet): Reservation[] {
  const all = store.all().filter(({ ip }) => gives(set, ip));
  return Array.from(new Map(all.map((reservation) => [printIp(reservation.ip), reservation])).values());
}

function printOwner({ containerId, ifname }: Attachment): string {
  return ifname === "" ? containerId : `${containerId} ${ifname}`;
}
