// VLAN IDs of IEEE 802.1Q.

/** 0 and 4095 are reserved. */
export const VID = { least: 1, most: 4094 } as const;

/** VLAN IDs in a row, both ends included. */
export interface VidRange {
  readonly first: number;
  readonly last: number;
}

/** As few ranges as possible, in order, for what is in any of these. */
export function unionOf(ranges: readonly VidRange[]): VidRange[] {
  const union: VidRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = union.at(-1);
    if (before === undefined || range.first > before.last + 1) union.push(range);
    else union[union.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return union;
}

/** The ranges without one ID. */
export function without(vid: number, ranges: readonly VidRange[]): VidRange[] {
  return ranges.flatMap(({ first, last }) =>
    [
      { first, last: Math.min(last, vid - 1) },
      { first: Math.max(first, vid + 1), last },
    ].filter((part) => part.first <= part.last),
  );
}

/** As iproute2 writes it: `10`, `200-210`. */
export function printVids({ first, last }: VidRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}
