import { expect, test } from "vitest";
import { CniError } from "../../../src/protocol/error.ts";
import { readAll } from "../../../src/protocol/input.ts";

const LONGEST = 2 * 1024 * 1024;

/** Gives at most `step` bytes at a time, as a pipe does. */
function reader(content: Buffer, step: number): (buffer: Buffer) => number {
  let position = 0;
  return (buffer) => {
    const copied = content.copy(buffer, 0, position, Math.min(position + step, content.length));
    position += copied;
    return copied;
  };
}

const numbers = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `${i}\n`).join(""));

test.for([
  ["nothing", Buffer.alloc(0), 10],
  ["less than is asked for", Buffer.from("abc"), 10],
  ["one byte at a time", Buffer.from("abcdef"), 1],
  ["as much as is asked for", numbers, Number.POSITIVE_INFINITY],
  ["pieces of a pipe", numbers, 4096],
] as const)("%s", ([, content, step]) => {
  expect(readAll(reader(content, step)).equals(content)).toBe(true);
});

test("16 MB are read", () => {
  const content = Buffer.alloc(LONGEST, "x");
  expect(readAll(reader(content, LONGEST)).equals(content)).toBe(true);
});

test("more is refused, without waiting for its end", () => {
  let read = 0;
  const endless = (buffer: Buffer) => {
    read += buffer.length;
    return buffer.length;
  };
  const error = new CniError(6, `the network configuration on stdin is longer than ${LONGEST} bytes`);
  expect(() => readAll(endless)).toThrow(error);
  expect(read).toBeLessThan(LONGEST * 1.1);
});

test("what cannot be read is code 5", () => {
  const failing = () => {
    throw new Error("EISDIR: illegal operation on a directory, read");
  };
  const message = "cannot read the network configuration on stdin: EISDIR: illegal operation on a directory, read";
  expect(() => readAll(failing)).toThrow(new CniError(5, message));
});
