// What the Node.js runtime does at every start and a plugin has no use for: 3 of 16 ms.
import { bytesOf, Machine, machineOf, offsetOf, sectionNamed, symbolsNamed } from "./elf.ts";

const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;
const STT_GNU_IFUNC = 10;
/** "The slot holds the address of the symbol", elf(5) of the two machines. */
const GLOB_DAT: Readonly<Record<number, number>> = { [Machine.x64]: 6, [Machine.arm64]: 1025 };
const RETURN: Readonly<Record<number, string>> = { [Machine.x64]: "c3", [Machine.arm64]: "c0035fd6" };

/** Call it before the image is stripped: it needs the names of functions. */
export function trimStartUp(image: Buffer): void {
  ignoreDeadlocks(image);
  skipSourcePositions(image);
  resolveOwnSymbols(image);
}

/**
 * V8's mutexes look for deadlocks, as if it were a debug build: a table of 1 MB at the first lock, and work at every other.
 * 0 is OnDeadlockCycle::kIgnore, the default of Abseil's release builds.
 */
function ignoreDeadlocks(image: Buffer): void {
  const offset = offsetOfSymbol(image, "_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE");
  if (image.readUInt32LE(offset) > 2) throw new Error("Abseil's deadlock detection has an unknown mode");
  image.writeUInt32LE(0, offset);
}

/** Line numbers for a CPU profiler are collected from the whole heap; without them a profile is less exact. */
function skipSourcePositions(image: Buffer): void {
  const code = Buffer.from(RETURN[machineOf(image)] ?? "", "hex");
  if (code.length === 0) throw new Error("no return instruction for this machine");
  code.copy(image, offsetOfSymbol(image, "_ZN2v811CpuProfiler38UseDetailedSourcePositionsForProfilingEPNS_7IsolateE"));
}

/**
 * The executable asks the dynamic linker for the addresses of 900 symbols of its own, because a preloaded library might have
 * them too. They are where they are: the executable is not relocated.
 */
function resolveOwnSymbols(image: Buffer): void {
  const relocations = bytesOf(image, sectionNamed(image, ".rela.dyn"));
  const symbols = bytesOf(image, sectionNamed(image, ".dynsym"));
  for (let at = 0; at < relocations.length; at += RELOCATION_SIZE) {
    if (relocations.readUInt32LE(at + 8) !== GLOB_DAT[machineOf(image)]) continue;
    const symbol = symbols.subarray(relocations.readUInt32LE(at + 12) * SYMBOL_SIZE);
    const isDefined = symbol.readUInt16LE(6) !== 0;
    if (!isDefined || (symbol.readUInt8(4) & 15) === STT_GNU_IFUNC) continue;
    const slot = offsetOf(image, Number(relocations.readBigUInt64LE(at)));
    if (slot === undefined) throw new Error("a relocation points outside the file");
    image.writeBigUInt64LE(symbol.readBigUInt64LE(8) + relocations.readBigInt64LE(at + 16), slot);
    // 0 is "nothing to do" on both machines
    relocations.writeBigUInt64LE(0n, at + 8);
  }
}

/** The compiler may have put a number behind the name of a variable. */
function offsetOfSymbol(image: Buffer, name: string): number {
  const [address, ...more] = symbolsNamed(image, new RegExp(`^${name}(\\.\\d+)?$`));
  const offset = address === undefined ? undefined : offsetOf(image, address);
  if (offset === undefined || more.length > 0) throw new Error(`the runtime does not have one symbol ${name}`);
  return offset;
}
