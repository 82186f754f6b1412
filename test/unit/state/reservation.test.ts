import { describe, expect, test } from "vitest";
import { type IndexLine, parseLine, parseOwner, printLine, printOwner } from "../../../src/state/reservation.ts";

describe("the file of an address", () => {
  test.for([
    ["the container and the interface", "c1\r\neth0", { containerId: "c1", ifname: "eth0" }],
    ["a line break at the end", "c1\r\neth0\n", { containerId: "c1", ifname: "eth0" }],
    ["HL-4: the container alone", "c1", { containerId: "c1", ifname: "" }],
    ["HL-4: the container alone, with a line break", "c1\n", { containerId: "c1", ifname: "" }],
    ["white space before it", "  c1\r\neth0", { containerId: "c1", ifname: "eth0" }],
    ["a container id that no runtime would give", "a/b:c\r\neth0", { containerId: "a/b:c", ifname: "eth0" }],
    ["an interface name in Cyrillic", "c1\r\nсеть0", { containerId: "c1", ifname: "сеть0" }],
    ["nothing", "", undefined],
    ["white space", " \n", undefined],
    ["half of the line break", "c1\r", undefined],
    ["no interface", "c1\r\n", undefined],
    ["an interface name that cannot be", "c1\r\neth 0", undefined],
    ["more lines", "c1\r\neth0\r\nmore", undefined],
    ["zeros, as after a power failure", "\0\0\0\0\0\0\0\0", undefined],
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

describe("a line of the index", () => {
  const owner = { containerId: "c1", ifname: 'a"b\\' };
  const netns = { bootId: "0-1", path: "/run/netns/x y", identity: "4026532247:77" };

  test.for<readonly [string, IndexLine]>([
    ["of ours", { ip: "10.1.2.3", owner, ours: { file: "12:34", netns } }],
    ["of another program", { ip: "2001:db8::1", owner, ours: undefined }],
  ])("%s comes back as it was", ([, line]) => {
    const printed = printLine(line);
    expect(printed).not.toContain("\n");
    expect(parseLine(printed)).toEqual(line.ours === undefined ? { ip: line.ip, owner } : line);
    expect(parseLine(`${printed}   `)).toEqual(parseLine(printed));
  });

  test.for([
    "",
    "    ",
    "[",
    "null",
    "{}",
    "[]",
    '["10.1.2.3","c1"]',
    '["10.1.2.3","c1",5]',
    '["10.1.2.3","c1","eth0"]["10.1.2.4","c2","eth0"]',
  ])("%j is none", (text) => {
    expect(parseLine(text)).toBeUndefined();
  });
});
