import { openSync } from "node:fs";
import { expect, test } from "vitest";
import { isErrno, KernelError } from "../../../src/kernel/kernel-error.ts";

test("says what was tried, the name of the error and what it means", () => {
  const error = new KernelError("add link b0", 17);
  expect(error.message).toBe("add link b0: EEXIST: file already exists");
  expect([error.errno, error.detail, error.name]).toEqual(["EEXIST", undefined, "KernelError"]);
});

test("adds the kernel's own words", () => {
  const error = new KernelError("add route", 101, "Nexthop has invalid gateway");
  expect(error.message).toBe("add route: ENETUNREACH: network is unreachable (Nexthop has invalid gateway)");
  expect(error.detail).toBe("Nexthop has invalid gateway");
});

// ENOTSUPP, which the kernel returns although user space has no name for it
test("can be of a number without a name", () => {
  const error = new KernelError("set link", 524);
  expect(error.message).toMatch(/^set link: .*524/);
});

test.each([
  ["a call of ours", new KernelError("x", 19), true],
  ["node:fs", errorOf(() => openSync("/dev/null/x", "r")), true],
  ["neither of the names", new KernelError("x", 1), false],
  ["an error without a number", new Error("ENODEV"), false],
  ["no error", "ENODEV", false],
])("is one of some errors when it comes from %s: %#", (_, error, expected) => {
  expect(isErrno(error, "ENOTDIR", "ENODEV")).toBe(expected);
});

test("is not one of none", () => {
  expect(isErrno(new KernelError("x", 19))).toBe(false);
});

function errorOf(body: () => unknown): unknown {
  try {
    return body();
  } catch (error) {
    return error;
  }
}
