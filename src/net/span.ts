import { addToIp, type Ip } from "./ip.ts";

/** Addresses of one family in a row, both ends included. */
export interface Span {
  readonly start: Ip;
  readonly end: Ip;
}

export function isWithin({ start, end }: Span, ip: Ip): boolean {
  return ip.family === start.family && ip.value >= start.value && ip.value <= end.value;
}

export function overlap(a: Span, b: Span): boolean {
  return a.start.family === b.start.family && a.start.value <= b.end.value && b.start.value <= a.end.value;
}

/** How many addresses it has. */
export function sizeOf({ start, end }: Span): bigint {
  return end.value - start.value + 1n;
}

/** What is left of it without the holes, in order. */
export function withoutHoles(span: Span, holes: readonly Span[]): Span[] {
  return holes.reduce<Span[]>((left, hole) => left.flatMap((part) => withoutHole(part, hole)), [span]);
}

function withoutHole(span: Span, hole: Span): Span[] {
  if (!overlap(span, hole)) return [span];
  const parts: Span[] = [];
  if (span.start.value < hole.start.value) parts.push({ start: span.start, end: addToIp(hole.start, -1n) });
  if (hole.end.value < span.end.value) parts.push({ start: addToIp(hole.end, 1n), end: span.end });
  return parts;
}
