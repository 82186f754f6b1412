import { addToIp, type Ip } from "../../net/ip.ts";
import { isWithin, type Span } from "../../net/span.ts";
import { type RangeSet, rangeOf } from "./ranges.ts";

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

/**
 * The next free address: in turn from the one after `last` to `last` itself, so that an address that was just given back is used
 * again as late as possible. Without `last` the first. Undefined when all are taken.
 */
export function chooseIp(set: RangeSet, last: Ip | undefined, isTaken: (ip: Ip) => boolean): Ip | undefined {
  for (const { start, end } of inTurn(set, last)) {
    for (let ip = start; ip.value <= end.value; ip = addToIp(ip, 1n)) if (!isTaken(ip)) return ip;
  }
  return undefined;
}

/** All that the set gives, once. */
function inTurn(set: RangeSet, last: Ip | undefined): Span[] {
  const current = last === undefined ? -1 : set.findIndex((range) => isWithin(range, last));
  const range = set[current];
  if (last === undefined || range === undefined) return set.flatMap((each) => each.spans);
  const others = [...set.slice(current + 1), ...set.slice(0, current)].flatMap((each) => each.spans);
  return [
    ...range.spans.flatMap((span) => after(span, last)),
    ...others,
    ...range.spans.flatMap((span) => upTo(span, last)),
  ];
}

function after(span: Span, last: Ip): Span[] {
  if (span.end.value <= last.value) return [];
  return [last.value < span.start.value ? span : { start: addToIp(last, 1n), end: span.end }];
}

function upTo(span: Span, last: Ip): Span[] {
  if (span.start.value > last.value) return [];
  return [last.value > span.end.value ? span : { start: span.start, end: last }];
}
