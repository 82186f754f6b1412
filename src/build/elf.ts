// 64-bit little-endian ELF files in memory: what is needed to strip the Node.js runtime and to read its dynamic section.
// The layout is that of elf(5); both targets (x86-64 and AArch64) are little-endian.

const SECTION_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SYMBOL_SIZE = 24;
const SHF_ALLOC = 2n;
const SHT_NOBITS = 8;
const SHT_STRTAB = 3;
const PT_LOAD = 1;
const PF_W = 2;

/** `e_machine` of the two targets. */
export const Machine = { x64: 62, arm64: 183 } as const;

export interface Section {
  readonly name: string;
  readonly header: Buffer;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

export function machineOf(image: Buffer): number {
  if (image.readUInt32BE(0) !== 0x7f454c46 || image[4] !== 2 || image[5] !== 1) {
    throw new Error("not a 64-bit little-endian ELF file");
  }
  return image.readUInt16LE(18);
}

export function sectionsOf(image: Buffer): Section[] {
  const table = Number(image.readBigUInt64LE(40));
  const count = image.readUInt16LE(60);
  const headers = Array.from({ length: count }, (_, i) =>
    image.subarray(table + i * SECTION_HEADER_SIZE, table + (i + 1) * SECTION_HEADER_SIZE),
  );
  const names = headers[image.readUInt16LE(62)];
  if (names === undefined) throw new Error("the ELF file has no section names");
  const namesOffset = Number(names.readBigUInt64LE(24));
  return headers.map((header) => ({
    name: cString(image, namesOffset + header.readUInt32LE(0)),
    header,
    type: header.readUInt32LE(4),
    address: Number(header.readBigUInt64LE(16)),
    offset: Number(header.readBigUInt64LE(24)),
    size: Number(header.readBigUInt64LE(32)),
  }));
}

export function sectionNamed(image: Buffer, name: string): Section {
  const section = sectionsOf(image).find((candidate) => candidate.name === name);
  if (section === undefined) throw new Error(`the ELF file has no section ${name}`);
  return section;
}

/** The section's bytes, as a view into `image`: writing to it changes the image. */
export function bytesOf(image: Buffer, section: Section): Buffer {
  return image.subarray(section.offset, section.offset + section.size);
}

export function cString(image: Buffer, offset: number): string {
  return image.toString("latin1", offset, image.indexOf(0, offset));
}

/**
 * A copy without symbol table and debugging information.
 * Equivalent to: `strip --strip-all`, for both machines, whatever the machine it runs on.
 */
export function strip(image: Buffer): Buffer {
  const sections = sectionsOf(image);
  const kept = sections.filter((section, i) => i === 0 || (section.header.readBigUInt64LE(8) & SHF_ALLOC) !== 0n);
  const body = image.subarray(0, endOfLoadedData(image, kept));
  const names = Buffer.from(`${[...kept.map((section) => section.name), ".shstrtab"].join("\0")}\0`, "latin1");
  const namesOffset = align8(body.length);
  const tableOffset = align8(namesOffset + names.length);
  const stripped = Buffer.alloc(tableOffset + (kept.length + 1) * SECTION_HEADER_SIZE);
  body.copy(stripped);
  names.copy(stripped, namesOffset);

  let nameOffset = 0;
  kept.forEach((section, i) => {
    const header = Buffer.from(section.header);
    header.writeUInt32LE(nameOffset, 0);
    header.writeUInt32LE(renumber(header.readUInt32LE(40)), 40);
    if (section.name.startsWith(".rela")) header.writeUInt32LE(renumber(header.readUInt32LE(44)), 44);
    header.copy(stripped, tableOffset + i * SECTION_HEADER_SIZE);
    nameOffset += section.name.length + 1;
  });
  const last = stripped.subarray(tableOffset + kept.length * SECTION_HEADER_SIZE);
  last.writeUInt32LE(nameOffset, 0);
  last.writeUInt32LE(SHT_STRTAB, 4);
  last.writeBigUInt64LE(BigInt(namesOffset), 24);
  last.writeBigUInt64LE(BigInt(names.length), 32);
  last.writeBigUInt64LE(1n, 48);

  stripped.writeBigUInt64LE(BigInt(tableOffset), 40);
  stripped.writeUInt16LE(kept.length + 1, 60);
  stripped.writeUInt16LE(kept.length, 62);
  return stripped;

  /** Section numbers change when sections go; a link to one that went becomes 0 (none). */
  function renumber(old: number): number {
    return Math.max(0, kept.indexOf(sections[old] as Section));
  }
}

/** Addresses of the symbols whose name matches; only before the file is stripped. */
export function symbolsNamed(image: Buffer, pattern: RegExp): number[] {
  const names = sectionNamed(image, ".strtab");
  const table = bytesOf(image, sectionNamed(image, ".symtab"));
  const found: number[] = [];
  for (let at = 0; at < table.length; at += SYMBOL_SIZE) {
    if (pattern.test(cString(image, names.offset + table.readUInt32LE(at))))
      found.push(Number(table.readBigUInt64LE(at + 8)));
  }
  return found;
}

/** Where the byte at an address is in the file; undefined when no part of the file is loaded there. */
export function offsetOf(image: Buffer, address: number): number | undefined {
  const segment = segmentsOf(image).find(({ start, size }) => address >= start && address < start + size);
  return segment === undefined ? undefined : segment.offset + (address - segment.start);
}

/** Where a byte of the file is loaded: parts of it may be at several addresses. */
export function addressesOf(image: Buffer, offset: number): number[] {
  const segments = segmentsOf(image).filter(
    (segment) => offset >= segment.offset && offset < segment.offset + segment.size,
  );
  return segments.map((segment) => segment.start + (offset - segment.offset));
}

/** Address of `size` new bytes behind the writable data; they are zero when the program starts. */
export function growMemory(image: Buffer, size: number): number {
  const segment = segmentsOf(image).findLast(({ flags }) => (flags & PF_W) !== 0);
  if (segment === undefined) throw new Error("the ELF file has no writable segment");
  const memory = Number(segment.header.readBigUInt64LE(40));
  const grown = align8(memory);
  segment.header.writeBigUInt64LE(BigInt(grown + size), 40);
  return segment.start + grown;
}

interface Segment {
  readonly header: Buffer;
  readonly flags: number;
  readonly offset: number;
  readonly start: number;
  /** In the file; in memory it may be longer. */
  readonly size: number;
}

function segmentsOf(image: Buffer): Segment[] {
  const table = Number(image.readBigUInt64LE(32));
  const headers = Array.from({ length: image.readUInt16LE(56) }, (_, i) =>
    image.subarray(table + i * PROGRAM_HEADER_SIZE, table + (i + 1) * PROGRAM_HEADER_SIZE),
  );
  return headers
    .filter((header) => header.readUInt32LE(0) === PT_LOAD)
    .map((header) => ({
      header,
      flags: header.readUInt32LE(4),
      offset: Number(header.readBigUInt64LE(8)),
      start: Number(header.readBigUInt64LE(16)),
      size: Number(header.readBigUInt64LE(32)),
    }));
}

function endOfLoadedData(image: Buffer, sections: readonly Section[]): number {
  const ends = sections.map((section) => (section.type === SHT_NOBITS ? 0 : section.offset + section.size));
  return Math.max(...ends, ...segmentsOf(image).map((segment) => segment.offset + segment.size));
}

function align8(offset: number): number {
  return (offset + 7) & ~7;
}
