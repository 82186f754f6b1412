import { expect, test } from "vitest";
import { interfaceNameProblem } from "../../../src/net/interface-name.ts";

test.for([
  ["a usual name", "eth0"],
  ["one letter", "a"],
  ["15 bytes", "a".repeat(15)],
  ["three dots", "..."],
  ["letters that are not ASCII", "ñandú"],
  ["seven letters of two bytes", "é".repeat(7)],
  ["a dot inside", "br0.100"],
] as const)("may name an interface: %s: %s", ([, name]) => {
  expect(interfaceNameProblem(name)).toBeUndefined();
});

test.for([
  ["", "it is empty"],
  ["a".repeat(16), "it is longer than 15 bytes"],
  ["é".repeat(8), "it is longer than 15 bytes"],
  [".", "it is a directory name"],
  ["..", "it is a directory name"],
  ["a/b", "it contains / or :"],
  ["a:b", "it contains / or :"],
  ["a b", "it contains white space"],
  ["a\u00a0b", "it contains white space"],
  // a name that the kernel would number
  ["a%d", "it contains %, a zero byte, or what is not UTF-8"],
  ["a\0", "it contains %, a zero byte, or what is not UTF-8"],
  ["a\ufffd", "it contains %, a zero byte, or what is not UTF-8"],
  ["all", "the kernel has these names for the settings of all interfaces"],
  ["default", "the kernel has these names for the settings of all interfaces"],
] as const)("may not name an interface: %j: %s", ([name, problem]) => {
  expect(interfaceNameProblem(name)).toBe(problem);
});

test("white space is what Unicode calls so", () => {
  const characters = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code));
  const refused = characters.filter((c) => interfaceNameProblem(`a${c}b`) === "it contains white space");
  expect(refused).toEqual(characters.filter((c) => /\p{White_Space}/u.test(c)));
});
