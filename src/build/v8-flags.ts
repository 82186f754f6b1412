// V8 flags as properties of the runtime instead of options on its command line. V8 takes a code cache only under the flags that
// it was made with, and the caches of Node.js's own modules were made with its usual ones: an option that saves time at the start
// costs more in every module that is loaded. A default that is another one is no option, so all caches stay valid.
import { addressesOf, growMemory, offsetOf } from "./elf.ts";

/** V8 keeps its flags in a table; an entry has next to each other the addresses of name, value, default and comment. */
interface Flag {
  /** Offset in the file of the address of the value. */
  readonly slot: number;
  readonly value: number;
  readonly initial: number;
}

/** The flag has another default from now on. A boolean is V8's `bool`, a number its `int`, a bigint its `size_t`. */
export function setV8Default(image: Buffer, name: string, value: boolean | number | bigint): void {
  const flag = findFlag(image, name);
  for (const offset of [flag.value, flag.initial]) {
    if (typeof value === "boolean") image.writeUInt8(value ? 1 : 0, offset);
    else if (typeof value === "number") image.writeInt32LE(value, offset);
    else image.writeBigUInt64LE(value, offset);
  }
}

/** The flag keeps its default, whatever the program sets it to: what is set goes to a place that nobody reads. */
export function ignoreV8Flag(image: Buffer, name: string): void {
  image.writeBigUInt64LE(BigInt(growMemory(image, 8)), findFlag(image, name).slot);
}

function findFlag(image: Buffer, name: string): Flag {
  const text = Buffer.from(`${name}\0`, "latin1");
  const pointers = occurrences(image, text)
    .flatMap((offset) => addressesOf(image, offset))
    .map(pointerTo);
  const flags = pointers
    .flatMap((pointer) => occurrences(image, pointer))
    .flatMap((at) => readFlag(image, at + 8) ?? []);
  const [flag, ...more] = flags;
  if (flag === undefined || more.length > 0)
    throw new Error(`V8's flag ${name} is ${flags.length} times in the runtime`);
  return flag;
}

function readFlag(image: Buffer, slot: number): Flag | undefined {
  const [value, initial, comment] = [0, 8, 16].map((distance) =>
    offsetOf(image, Number(image.readBigUInt64LE(slot + distance))),
  );
  if (value === undefined || initial === undefined || comment === undefined) return undefined;
  return { slot, value, initial };
}

function pointerTo(address: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(address));
  return bytes;
}

function occurrences(image: Buffer, bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = image.indexOf(bytes); at >= 0; at = image.indexOf(bytes, at + 1)) found.push(at);
  return found;
}
