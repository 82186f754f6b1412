import { describe, expect, test } from "vitest";
import { allowlistProblem, parseAllowlist } from "../../../../src/plugins/tuning/allowlist.ts";

test("lines without anything do not count", () => {
  expect(parseAllowlist("\n  a\t\r\n\n b")).toEqual(["a", "b"]);
});

test("each name needs a line that matches somewhere", () => {
  expect(allowlistProblem(["net.ipv4.x"], ["nothing", "ipv4"])).toBe(undefined);
  expect(allowlistProblem([], [])).toBe(undefined);
  expect(allowlistProblem(["net.ipv4.x", "net.y"], ["ipv4"])).toContain('"net.y" is not allowed');
  expect(allowlistProblem(["net.ipv4.x"], ["^ipv4"])).toBe('sysctl "net.ipv4.x" is not allowed, only ^ipv4');
  expect(allowlistProblem(["net.ipv4.x"], [])).toBe('sysctl "net.ipv4.x" is not allowed: the file allows none');
});

describe("an expression that means something else in Go is refused", () => {
  test.each(["(", "net\\z", "\\Anet", "[[:alpha:]]", "(?i)NET", "\\pL", "(?P<a>net)", "\\Qnet\\E"])("%s", (line) => {
    expect(allowlistProblem(["net.ipv4.x"], ["net", line])).toContain("cannot be read");
  });

  test.each(["net\\-", "net\\_?", "(?:net)", "\\bnet\\b", "[\\w.-]+"])("but not %s", (line) => {
    expect(allowlistProblem([], [line])).toBe(undefined);
  });
});
