import { describe, expect, test } from "vitest";
import {
  everyVersion,
  isAtLeast,
  isSpecVersion,
  parseVersion,
  printVersions,
  sameFamily,
  versionsFrom,
} from "../../../src/protocol/version.ts";

test("every version of the specification is known", () => {
  expect(everyVersion).toEqual(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
});

test("a plugin that came later knows the later ones", () => {
  expect(versionsFrom("0.4.0")).toEqual(["0.4.0", "1.0.0", "1.1.0"]);
});

test.for([
  ["1.0.0", true],
  ["1.0", false],
  ["1.2.0", false],
  ["", false],
  [" 1.0.0", false],
] as const)("%j is a version of the specification: %s", ([text, expected]) => {
  expect(isSpecVersion(text)).toBe(expected);
});

test("versions whose results have the same form", () => {
  const familyOf = (version: (typeof everyVersion)[number]) =>
    everyVersion.filter((other) => sameFamily(version, other));
  const families = [
    ["0.1.0", "0.2.0"],
    ["0.3.0", "0.3.1", "0.4.0"],
    ["1.0.0", "1.1.0"],
  ];
  expect(everyVersion.map(familyOf)).toEqual(
    everyVersion.map((version) => families.find((family) => family.includes(version))),
  );
});

describe("parseVersion", () => {
  test.for([
    ["1.2.3", [1, 2, 3]],
    ["1.2", [1, 2, 0]],
    ["1", [1, 0, 0]],
    ["0.4.10", [0, 4, 10]],
    ["01.0.0", [1, 0, 0]],
    ["", undefined],
    ["abc", undefined],
    ["1.2.3.4", undefined],
    ["1..3", undefined],
    ["1.2.x", undefined],
    ["-1.2.3", undefined],
    ["1.2.3-rc1", undefined],
    [" 1.2.3", undefined],
  ] as const)("%j", ([text, version]) => {
    expect(parseVersion(text)).toEqual(version);
  });
});

describe("isAtLeast", () => {
  test.for([
    ["0.4.0", "0.4.0", true],
    ["0.4.5", "0.4.0", true],
    ["0.10.0", "0.4.0", true],
    ["1.0.0", "0.4.0", true],
    ["0.3.1", "0.4.0", false],
    ["0.3.99", "0.4.0", false],
    ["1.0.0", "1.1.0", false],
    ["1.1", "1.1.0", true],
    ["2", "1.1.0", true],
  ] as const)("%s is at least %s: %s", ([version, least, expected]) => {
    expect(isAtLeast(parseVersion(version) ?? [], parseVersion(least) ?? [])).toBe(expected);
  });
});

test("the answer to VERSION is one line with a newline", () => {
  expect(printVersions(["0.4.0", "1.0.0"])).toBe('{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}\n');
});
