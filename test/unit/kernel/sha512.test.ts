import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sha512 } from "../../../src/kernel/libc.ts";

const lengths = [0, 1, 63, 64, 111, 112, 113, 127, 128, 129, 255, 256, 1000, 1_000_000];

// around the sizes of a block of SHA-512 and of its padding
test.each(lengths)("of a text of %i letters is that of node:crypto", (length) => {
  const text = "dockbridge".repeat(Math.ceil(length / 10)).slice(0, length);
  expect(sha512(text)).toBe(createHash("sha512").update(text).digest("hex"));
});

test("of a text beyond ASCII is that of its UTF-8 bytes", () => {
  expect(sha512("Brücke 🌉")).toBe(createHash("sha512").update("Brücke 🌉", "utf8").digest("hex"));
});

test("does not depend on what was asked before", () => {
  const first = sha512("a");
  sha512("b");
  expect(sha512("a")).toBe(first);
});
