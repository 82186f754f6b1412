import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const HUGE_PAGE = 2 * 1024 * 1024;
const PT_LOAD = 1;

test.each(["dist/cni/bin/dockbridge"])("no code or data of %s can be mapped in huge pages", (file) => {
  const image = readFileSync(file);
  const table = Number(image.readBigUInt64LE(32));
  const headers = Array.from({ length: image.readUInt16LE(56) }, (_, i) =>
    image.subarray(table + i * 56, table + i * 56 + 56),
  );
  const loaded = headers.filter((header) => header.readUInt32LE(0) === PT_LOAD);
  const large = loaded.filter((header) => Number(header.readBigUInt64LE(32)) > 2 * HUGE_PAGE + HUGE_PAGE / 2);
  expect(large.length).toBeGreaterThan(1);
  for (const header of large) {
    const [offset, address] = [Number(header.readBigUInt64LE(8)), Number(header.readBigUInt64LE(16))];
    expect((address - offset) % HUGE_PAGE).not.toBe(0);
    expect((address - offset) % Number(header.readBigUInt64LE(48))).toBe(0);
  }
});
