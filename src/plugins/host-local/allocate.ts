import { addToIp, type Ip, sameIp } from "../../net/ip.ts";
import type { Range, RangeSet } from "./config.ts";

/** An address and the range that it is of. */
export interface Choice {
  readonly ip: Ip;
  readonly range: Range;
}

/** Which set is to give which requested address, and those that none gives: two of one set, or outside of all. */
export function assignRequested(
  sets: readonly RangeSet[],
  requested: readonly Ip[],
): { readonly assigned: readonly (Ip | undefined)[]; readonly left: readonly Ip[] } {
  const left = [...requested];
  const assigned = sets.map((set) => {
    const at = left.findIndex((ip) => rangeOf(set, ip) !== undefined);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
  return { assigned, left };
}

/** The range of the set that holds the address. */
export function rangeOf(set: RangeSet, ip: Ip): Range | undefined {
  return set.find((range) => holds(range, ip));
}

/**
 * The next free address: round robin, from the one after `last` to `last` itself, so that an address that was just given back is
 * used again as late as possible. A gateway is not given to a container. Undefined when all are taken.
 */
export function chooseIp(set: RangeSet, last: Ip | undefined, isTaken: (ip: Ip) => boolean): Choice | undefined {
  for (const { ip, range } of inTurn(set, last)) {
    if (!sameIp(ip, range.gateway) && !isTaken(ip)) return { ip, range };
  }
  return undefined;
}

/** All addresses of the set, once each. */
function* inTurn(set: RangeSet, last: Ip | undefined): Generator<Choice> {
  const current = last === undefined ? -1 : set.findIndex((range) => holds(range, last));
  const range = set[current];
  if (last === undefined || range === undefined) {
    for (const each of set) yield* addresses(each, each.start, each.end);
    return;
  }
  if (last.value < range.end.value) yield* addresses(range, addToIp(last, 1n), range.end);
  for (const each of [...set.slice(current + 1), ...set.slice(0, current)])
    yield* addresses(each, each.start, each.end);
  yield* addresses(range, range.start, last);
}

function* addresses(range: Range, from: Ip, to: Ip): Generator<Choice> {
  for (let ip = from; ip.value <= to.value; ip = addToIp(ip, 1n)) yield { ip, range };
}

function holds(range: Range, ip: Ip): boolean {
  return ip.family === range.start.family && ip.value >= range.start.value && ip.value <= range.end.value;
}
