import { describe, expect, test } from "vitest";
import {
  type IndexLine,
  isCutOff,
  parseLine,
  parseOwner,
  printLine,
  printOwner,
} from "../../../src/state/reservation.ts";

describe("the file of an address", () => {
  test.for([
    ["the container and the interface", "c1\r\neth0", { containerId: "c1", ifname: "eth0" }],
    ["a line break at the end", "c1\r\neth0\n", { containerId: "c1", ifname: "eth0" }],
    ["HL-4: the container alone", "c1", { containerId: "c1", ifname: "" }],
    ["HL-4: the container alone, with a line break", "c1\n", { containerId: "c1", ifname: "" }],
    ["white space before it", "  c1\r\neth0", { containerId: "c1", ifname: "eth0" }],
    ["a container id that no runtime would give", "a/b:c\r\neth0", { containerId: "a/b:c", ifname: "eth0" }],
    ["an interface name in Cyrillic", "c1\r\nсеть0", { containerId: "c1", ifname: "сеть0" }],
    [
      "white space around all, which the reference takes away",
      " c1\r\neth0\r\n\n \t",
      { containerId: "c1", ifname: "eth0" },
    ],
    ["the container and the line break, which the reference takes away", "c1\r\n", { containerId: "c1", ifname: "" }],
    ["somebody else: another line break", "c1\neth0", { containerId: "c1\neth0", ifname: "" }],
    [
      "somebody else: a long interface name",
      "c1\r\neth0-of-a-container",
      { containerId: "c1", ifname: "eth0-of-a-container" },
    ],
    ["nothing", "", undefined],
    ["white space", " \n", undefined],
    ["zeros, as after a power failure", "\0\0\0\0\0\0\0\0", undefined],
    ["zeros behind it", "c1\r\neth0\0\0", undefined],
    ["bytes that are no text", "\ufffd\ufffd\u0001", undefined],
  ] as const)("of %s", ([, content, owner]) => {
    expect(parseOwner(content)).toEqual(owner);
  });

  test("is written as the reference writes it", () => {
    expect(printOwner({ containerId: "c1", ifname: "eth0" })).toBe("c1\r\neth0");
  });

  test("HL-6: has no white space around the container id", () => {
    expect(printOwner({ containerId: "  c1\n", ifname: "eth0" })).toBe("c1\r\neth0");
  });
});

test.for([
  ["c1\r\neth", true],
  ["c1\r", true],
  ["c", true],
  ["", true],
  ["c1\r\neth0", false],
  ["c1\r\neth0\n", false],
  ["c2", false],
] as const)("%j is cut off from what was written: %s", ([content, expected]) => {
  expect(isCutOff(content, { containerId: "c1", ifname: "eth0" })).toBe(expected);
});

describe("a line of the index", () => {
  const owner = { containerId: "c1", ifname: 'a"b\\' };
  const netns = { bootId: "0-1", path: "/run/netns/x y", identity: "4026532247:77", viewpoint: "pid:[1] mnt:[2]" };

  test.for<readonly [string, IndexLine]>([
    ["of ours", { name: "10.1.2.3", owner, file: "12:34", netns }],
    ["of another program", { name: "2001:db8::1", owner, file: "12:34", netns: undefined }],
  ])("%s comes back as it was", ([, line]) => {
    const printed = printLine(line);
    expect(printed).not.toContain("\n");
    expect(parseLine(printed)).toEqual(line);
    expect(parseLine(`${printed}   `)).toEqual(line);
  });

  test.for([
    "",
    "    ",
    "[",
    "null",
    "{}",
    "[]",
    '["10.1.2.3","c1","eth0"]',
    '["10.1.2.3","c1","eth0",5]',
    '["10.1.2.3","c1","eth0","1:2"]["10.1.2.4","c2","eth0","1:2"]',
  ])("%j is none", (text) => {
    expect(parseLine(text)).toBeUndefined();
  });
});
