// Linux maps 2 MiB of a file at once where its places in the file and in memory allow it. A call that touches 38 MB of the executable
// would have 68 MB then, and be no faster.

const PROGRAM_HEADER_SIZE = 56;
const SECTION_HEADER_SIZE = 64;
const PT_LOAD = 1;
/** The largest page that AArch64 has: the places must stay the same modulo it. */
const GAP = 64 * 1024;

/** Moves everything from the second loaded segment on in the file, not in memory. */
export function avoidHugePages(image: Buffer): Buffer {
  const [programs, sections] = [Number(image.readBigUInt64LE(32)), Number(image.readBigUInt64LE(40))];
  const [programCount, sectionCount] = [image.readUInt16LE(56), image.readUInt16LE(60)];
  const segments = Array.from({ length: programCount }, (_, i) => programs + i * PROGRAM_HEADER_SIZE);
  const loaded = segments.filter((at) => image.readUInt32LE(at) === PT_LOAD);
  const [, start] = loaded.map((at) => Number(image.readBigUInt64LE(at + 8))).sort((a, b) => a - b);
  if (start === undefined) throw new Error("the executable has no second segment to move");

  const moved = Buffer.from(image);
  const places = [
    32,
    40,
    ...segments.map((at) => at + 8),
    ...Array.from({ length: sectionCount }, (_, i) => sections + i * SECTION_HEADER_SIZE + 24),
  ];
  for (const place of places) {
    const offset = image.readBigUInt64LE(place);
    if (offset >= start) moved.writeBigUInt64LE(offset + BigInt(GAP), place);
  }
  return Buffer.concat([moved.subarray(0, start), Buffer.alloc(GAP), moved.subarray(start)]);
}
