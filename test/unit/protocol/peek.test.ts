import { expect, test } from "vitest";
import { readAll } from "../../../src/protocol/input.ts";
import { peek } from "../../../src/protocol/peek.ts";

/** A stdin that gives these pieces, one a time, and then ends, or fails. */
function stdin(pieces: readonly string[], failure?: Error): (buffer: Buffer) => number {
  const left = [...pieces];
  return (buffer) => {
    const piece = left.shift();
    if (piece === undefined && failure !== undefined) throw failure;
    return piece === undefined ? 0 : buffer.write(piece);
  };
}

test.for([[[]], [["{}"]], [["ab", "cd", "ef"]], [["é", "x".repeat(65_000), "y".repeat(65_000)]]] as const)(
  "what was looked at is read again",
  ([pieces]) => {
    const { text, read } = peek(stdin(pieces));
    expect(text).toBe(pieces.join(""));
    expect(readAll(read).toString("utf8")).toBe(pieces.join(""));
  },
);

test("a smaller buffer gets it piece by piece", () => {
  const { read } = peek(stdin(["abcde"]));
  const buffer = Buffer.alloc(2);
  const pieces = [0, 1, 2, 3].map(() => buffer.toString("utf8", 0, read(buffer)));
  expect(pieces).toEqual(["ab", "cd", "e", ""]);
});

test("an error comes when it is read", () => {
  const { text, read } = peek(stdin(["ab"], new Error("EIO")));
  expect(text).toBe("ab");
  expect(() => readAll(read)).toThrow("EIO");
});

test("more than any configuration has is not kept in memory", () => {
  const piece = "x".repeat(60_000);
  let given = 0;
  const { text, read } = peek((buffer) => {
    given += piece.length;
    return buffer.write(piece);
  });
  expect(text.length).toBeLessThan(2.2 * 1024 * 1024);
  expect(given).toBe(text.length);
  expect(() => readAll(read)).toThrow("longer than");
});
