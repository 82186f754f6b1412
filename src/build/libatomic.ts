// The official Node.js 26 binaries want libatomic.so.1, which a minimal Debian, Ubuntu or RHEL host does not have, for one
// function: __atomic_compare_exchange, called by V8 for 8-byte values only. This file gives the runtime its own copy of that
// function, in the unused bytes between the procedure linkage table and the code, and takes the library off its list.
import { bytesOf, cString, Machine, machineOf, sectionNamed } from "./elf.ts";

const LIBRARY = "libatomic.so.1";
const FUNCTION = "__atomic_compare_exchange";
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_VERNEED = 0x6ffffffen;
const DT_VERNEEDNUM = 0x6fffffffn;
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;
const DYNAMIC_SIZE = 16;
const STB_WEAK = 2;
const VER_NDX_GLOBAL = 1;

interface Target {
  /**
   * `bool __atomic_compare_exchange(size_t size, void *object, void *expected, void *desired, int, int)` for size 8, always
   * sequentially consistent; any other size is a trap, never a wrong answer.
   */
  readonly code: Buffer;
  /** Distance between places where an entry of the procedure linkage table may start. */
  readonly step: number;
  /** Where the entry at this address finds the address that it jumps to. */
  readonly jumpSlot: (entry: Buffer, address: number) => number | undefined;
  /** Makes the entry a jump to what is `distance` bytes on. */
  readonly writeJump: (entry: Buffer, distance: number) => void;
}

const targets: Readonly<Record<number, Target>> = {
  [Machine.x64]: {
    // cmp $8,%edi; jne trap; mov (%rdx),%rax; mov (%rcx),%rcx; lock cmpxchg %rcx,(%rsi); mov %rax,(%rdx); sete %al; ret; trap: ud2
    code: Buffer.from("83ff087512488b02488b09f0480fb10e4889020f94c0c30f0b", "hex"),
    step: 16,
    jumpSlot: jumpSlotX64,
    writeJump: writeJumpX64,
  },
  [Machine.arm64]: {
    // cmp x0,#8; b.ne trap; ldr x6,[x2]; ldr x7,[x3]; again: ldaxr x4,[x1]; cmp x4,x6; b.ne differs; stlxr w5,x7,[x1];
    // cbnz w5,again; dmb ish; mov w0,#1; ret; differs: clrex; dmb ish; str x4,[x2]; mov w0,#0; ret; trap: brk #0
    code: littleEndian([
      0xf100201f, 0x54000201, 0xf9400046, 0xf9400067, 0xc85ffc24, 0xeb06009f, 0x540000c1, 0xc805fc27, 0x35ffff85,
      0xd5033bbf, 0x52800020, 0xd65f03c0, 0xd5033f5f, 0xd5033bbf, 0xf9000044, 0x52800000, 0xd65f03c0, 0xd4200000,
    ]),
    step: 4,
    jumpSlot: jumpSlotArm64,
    writeJump: writeJumpArm64,
  },
};

/** Changes `image` so that the dynamic linker starts it without libatomic.so.1; throws when the binary is not as expected. */
export function removeLibatomic(image: Buffer): void {
  const target = targets[machineOf(image)];
  if (target === undefined) throw new Error(`no ${FUNCTION} for this machine`);
  const symbol = symbolIndex(image);
  const cave = unusedCode(image, target.code.length);
  target.code.copy(image, cave.offset);
  redirectCalls(image, target, { slot: gotSlot(image, symbol), destination: cave.address });
  forgetSymbol(image, symbol);
  forgetVersions(image);
  forgetLibrary(image);
}

function symbolIndex(image: Buffer): number {
  const symbols = bytesOf(image, sectionNamed(image, ".dynsym"));
  const names = sectionNamed(image, ".dynstr");
  for (let i = 0; i < symbols.length / SYMBOL_SIZE; i++) {
    if (cString(image, names.offset + symbols.readUInt32LE(i * SYMBOL_SIZE)) === FUNCTION) return i;
  }
  throw new Error(`the runtime does not import ${FUNCTION}`);
}

/** The gap between two sections of the executable segment: the linker aligns .text to a page, and fills with zero bytes. */
function unusedCode(image: Buffer, size: number): { offset: number; address: number } {
  const plt = sectionNamed(image, ".plt");
  const text = sectionNamed(image, ".text");
  const offset = (plt.offset + plt.size + 15) & ~15;
  if (offset + size > text.offset || image.subarray(offset, offset + size).some((byte) => byte !== 0)) {
    throw new Error("no unused bytes between .plt and .text");
  }
  return { offset, address: plt.address + (offset - plt.offset) };
}

function gotSlot(image: Buffer, symbol: number): number {
  const find = (name: string) => {
    const table = bytesOf(image, sectionNamed(image, name));
    const slots: number[] = [];
    for (let at = 0; at < table.length; at += RELOCATION_SIZE) {
      if (table.readUInt32LE(at + 12) === symbol) slots.push(Number(table.readBigUInt64LE(at)));
    }
    return slots;
  };
  const [slot, ...more] = find(".rela.plt");
  if (slot === undefined || more.length > 0 || find(".rela.dyn").length > 0) {
    throw new Error(`${FUNCTION} is not reached through exactly one slot`);
  }
  return slot;
}

/** Every call goes through one linkage table entry, which jumps to where the slot points: it now jumps to `destination`. */
function redirectCalls(
  image: Buffer,
  target: Target,
  { slot, destination }: { slot: number; destination: number },
): void {
  const plt = sectionNamed(image, ".plt");
  for (let at = 0; at + 16 <= plt.size; at += target.step) {
    const entry = image.subarray(plt.offset + at, plt.offset + at + 16);
    const address = plt.address + at;
    if (target.jumpSlot(entry, address) !== slot) continue;
    target.writeJump(entry, destination - address);
    return;
  }
  throw new Error(`no linkage table entry for ${FUNCTION}`);
}

/** `jmp *slot(%rip)` */
function jumpSlotX64(entry: Buffer, address: number): number | undefined {
  return entry.readUInt16BE(0) === 0xff25 ? address + 6 + entry.readInt32LE(2) : undefined;
}

function writeJumpX64(entry: Buffer, distance: number): void {
  entry[0] = 0xe9;
  entry.writeInt32LE(distance - 5, 1);
  entry.fill(0xcc, 5);
}

/** `adrp x16, page; ldr x17, [x16, #offset]` */
function jumpSlotArm64(entry: Buffer, address: number): number | undefined {
  const adrp = entry.readUInt32LE(0);
  const ldr = entry.readUInt32LE(4);
  if ((adrp & 0x9f00001f) >>> 0 !== 0x90000010 || (ldr & 0xffc003ff) >>> 0 !== 0xf9400211) return undefined;
  const pages = (((adrp >>> 5) & 0x7ffff) << 2) | ((adrp >>> 29) & 3);
  const signed = (pages << 11) >> 11;
  return Math.floor(address / 4096) * 4096 + signed * 4096 + ((ldr >>> 10) & 0xfff) * 8;
}

function writeJumpArm64(entry: Buffer, distance: number): void {
  entry.writeUInt32LE((0x14000000 | ((distance >> 2) & 0x3ffffff)) >>> 0, 0);
  for (const at of [4, 8, 12]) entry.writeUInt32LE(0xd4200000, at);
}

/** Weak and without a version, the name may stay unresolved, also under LD_BIND_NOW. */
function forgetSymbol(image: Buffer, symbol: number): void {
  const entry = bytesOf(image, sectionNamed(image, ".dynsym")).subarray(symbol * SYMBOL_SIZE);
  entry[4] = (STB_WEAK << 4) | ((entry[4] ?? 0) & 15);
  bytesOf(image, sectionNamed(image, ".gnu.version")).writeUInt16LE(VER_NDX_GLOBAL, symbol * 2);
}

/** Takes the library's record out of the list of needed versions, a chain of relative offsets. */
function forgetVersions(image: Buffer): void {
  const versions = bytesOf(image, sectionNamed(image, ".gnu.version_r"));
  const { at, previous } = findVersions(image, versions);
  if (versions.readUInt16LE(at + 2) !== 1) throw new Error(`more than one version of ${LIBRARY} is needed`);
  const next = versions.readUInt32LE(at + 12);
  if (previous === undefined) setDynamic(image, DT_VERNEED, (value) => value + BigInt(next));
  else versions.writeUInt32LE(next === 0 ? 0 : at - previous + next, previous + 12);
  setDynamic(image, DT_VERNEEDNUM, (value) => value - 1n);
}

function findVersions(image: Buffer, versions: Buffer): { at: number; previous: number | undefined } {
  const names = sectionNamed(image, ".dynstr");
  let previous: number | undefined;
  for (let at = 0; ; ) {
    if (cString(image, names.offset + versions.readUInt32LE(at + 4)) === LIBRARY) return { at, previous };
    const next = versions.readUInt32LE(at + 12);
    if (next === 0) throw new Error(`no version of ${LIBRARY} is needed`);
    previous = at;
    at += next;
  }
}

function forgetLibrary(image: Buffer): void {
  const dynamic = bytesOf(image, sectionNamed(image, ".dynamic"));
  const names = sectionNamed(image, ".dynstr");
  for (let at = 0; at < dynamic.length; at += DYNAMIC_SIZE) {
    if (dynamic.readBigUInt64LE(at) !== DT_NEEDED) continue;
    if (cString(image, names.offset + Number(dynamic.readBigUInt64LE(at + 8))) !== LIBRARY) continue;
    dynamic.copyWithin(at, at + DYNAMIC_SIZE);
    dynamic.fill(0, dynamic.length - DYNAMIC_SIZE);
    return;
  }
  throw new Error(`the runtime does not need ${LIBRARY}`);
}

function setDynamic(image: Buffer, tag: bigint, change: (value: bigint) => bigint): void {
  const dynamic = bytesOf(image, sectionNamed(image, ".dynamic"));
  for (let at = 0; at < dynamic.length && dynamic.readBigUInt64LE(at) !== DT_NULL; at += DYNAMIC_SIZE) {
    if (dynamic.readBigUInt64LE(at) === tag) {
      dynamic.writeBigUInt64LE(change(dynamic.readBigUInt64LE(at + 8)), at + 8);
      return;
    }
  }
  throw new Error(`the dynamic section has no entry ${tag.toString(16)}`);
}

function littleEndian(instructions: readonly number[]): Buffer {
  const code = Buffer.alloc(instructions.length * 4);
  instructions.forEach((instruction, i) => {
    code.writeUInt32LE(instruction, i * 4);
  });
  return code;
}
