import { appendFileSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isThisExecutable } from "../../../src/kernel/self.ts";

/** What vitest.config.ts defines as the build. */
const MARK = "dockbridge-build:test";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

test("the file that runs is this program", () => {
  expect(isThisExecutable("/proc/self/exe")).toBe(true);
  expect(isThisExecutable(process.execPath)).toBe(true);
});

test("a link to the file is this program", () => {
  symlinkSync(process.execPath, join(directory, "link"));
  expect(isThisExecutable(join(directory, "link"))).toBe(true);
});

test("a file of the same size with the mark of this build at its end is this program", () => {
  expect(isThisExecutable(fileOfOurSize("copy", MARK))).toBe(true);
});

test("a file of the same size with the mark of another build is not", () => {
  expect(isThisExecutable(fileOfOurSize("other-build", "dockbridge-build:tess"))).toBe(false);
});

test("a file of another size is not, even with the mark", () => {
  expect(isThisExecutable(fileOfOurSize("longer", `x${MARK}`, MARK.length))).toBe(false);
});

test("a file shorter than the mark is not", () => {
  writeFileSync(join(directory, "short"), "#!/bin/sh\n");
  expect(isThisExecutable(join(directory, "short"))).toBe(false);
});

test("a file that is not there is an error", () => {
  expect(() => isThisExecutable(join(directory, "nothing"))).toThrow("ENOENT");
});

/** A file of holes, which takes no room. */
function fileOfOurSize(name: string, end: string, endCounted = end.length): string {
  const path = join(directory, name);
  writeFileSync(path, "");
  truncateSync(path, statSync(process.execPath).size - endCounted);
  appendFileSync(path, end);
  return path;
}
