import { describe, expect, test } from "vitest";
import { macFromBytes, macToBytes, parseMac, randomMac } from "../../../src/net/mac.ts";
import { mustMac } from "./must.ts";

describe("parseMac", () => {
  test.for([
    ["colons", "02:42:ac:11:00:02"],
    ["hyphens", "02-42-ac-11-00-02"],
    ["dots", "0242.ac11.0002"],
    ["upper case", "02:42:AC:11:00:02"],
    ["hyphens in upper case", "02-42-AC-11-00-02"],
    ["dots in upper case", "0242.AC11.0002"],
  ] as const)("%s: %s", ([, text]) => {
    expect(parseMac(text)).toBe("02:42:ac:11:00:02");
  });

  test.for([
    ["nothing", ""],
    ["no separators", "0242ac110002"],
    ["mixed separators", "02:42-ac:11:00:02"],
    ["five bytes", "02:42:ac:11:00"],
    ["seven bytes", "02:42:ac:11:00:02:03"],
    ["eight bytes, as InfiniBand has", "02:42:ac:11:00:02:03:04"],
    ["one digit in a byte", "2:42:ac:11:0:2"],
    ["a digit that is none", "0g:42:ac:11:00:02"],
    ["two groups with dots", "0242.ac11"],
    ["space in front", " 02:42:ac:11:00:02"],
    ["a newline behind", "02:42:ac:11:00:02\n"],
  ] as const)("no Ethernet address: %s: %j", ([, text]) => {
    expect(parseMac(text)).toBeUndefined();
  });
});

test("an address goes to bytes and back", () => {
  const bytes = Uint8Array.of(2, 0x42, 0xac, 0x11, 0, 0xff);
  expect(macFromBytes(bytes)).toBe("02:42:ac:11:00:ff");
  expect([...macToBytes(mustMac("02:42:ac:11:00:ff"))]).toEqual([...bytes]);
});

describe("randomMac", () => {
  test.for([
    ["sets the bit of local administration", [0x00, 1, 2, 3, 4, 5], "02:01:02:03:04:05"],
    ["clears the bit of multicast", [0xff, 1, 2, 3, 4, 5], "fe:01:02:03:04:05"],
    ["leaves a good address as it is", [0x02, 1, 2, 3, 4, 5], "02:01:02:03:04:05"],
  ] as const)("%s", ([, bytes, mac]) => {
    expect(randomMac(Uint8Array.from(bytes))).toBe(mac);
  });

  test("does not change the bytes it is given", () => {
    const bytes = new Uint8Array(6);
    randomMac(bytes);
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
