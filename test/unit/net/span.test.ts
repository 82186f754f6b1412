import { describe, expect, test } from "vitest";
import { printIp } from "../../../src/net/ip.ts";
import { isWithin, overlap, type Span, sizeOf, withoutHoles } from "../../../src/net/span.ts";
import { mustIp } from "./must.ts";

/** `10.0.0.1-10.0.0.9` */
function span(text: string): Span {
  const [start = "", end = start] = text.split("-");
  return { start: mustIp(start), end: mustIp(end) };
}

const print = ({ start, end }: Span) => `${printIp(start)}-${printIp(end)}`;

describe("a span", () => {
  test.for([
    ["10.0.0.1-10.0.0.9", "10.0.0.1", true],
    ["10.0.0.1-10.0.0.9", "10.0.0.9", true],
    ["10.0.0.1-10.0.0.9", "10.0.0.0", false],
    ["10.0.0.1-10.0.0.9", "10.0.0.10", false],
    ["10.0.0.1-10.0.0.9", "::a00:5", false],
  ] as const)("%s has %s: %s", ([text, ip, expected]) => {
    expect(isWithin(span(text), mustIp(ip))).toBe(expected);
  });

  test.for([
    ["10.0.0.1", 1n],
    ["10.0.0.0-10.255.255.255", 2n ** 24n],
    ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2n ** 128n],
  ] as const)("%s has %i addresses", ([text, size]) => {
    expect(sizeOf(span(text))).toBe(size);
  });

  test.for([
    ["10.0.0.1-10.0.0.5", "10.0.0.6-10.0.0.9", false],
    ["10.0.0.1-10.0.0.6", "10.0.0.6-10.0.0.9", true],
    ["10.0.0.1-10.0.0.9", "10.0.0.3-10.0.0.4", true],
    ["10.0.0.1-10.0.0.9", "::a00:1-::a00:9", false],
  ] as const)("%s overlaps %s: %s", ([a, b, expected]) => {
    expect([overlap(span(a), span(b)), overlap(span(b), span(a))]).toEqual([expected, expected]);
  });
});

describe("10.0.0.1-10.0.0.9", () => {
  test.for([
    ["no hole", [], ["10.0.0.1-10.0.0.9"]],
    ["a hole in the middle", ["10.0.0.4-10.0.0.5"], ["10.0.0.1-10.0.0.3", "10.0.0.6-10.0.0.9"]],
    ["a hole at the start", ["10.0.0.0-10.0.0.2"], ["10.0.0.3-10.0.0.9"]],
    ["a hole at the end", ["10.0.0.9-10.0.0.200"], ["10.0.0.1-10.0.0.8"]],
    ["a hole that is all", ["10.0.0.0-10.0.0.10"], []],
    ["a hole beside", ["10.0.0.10-10.0.0.20"], ["10.0.0.1-10.0.0.9"]],
    ["a hole of the other family", ["::a00:1-::a00:9"], ["10.0.0.1-10.0.0.9"]],
    [
      "holes that overlap",
      ["10.0.0.4-10.0.0.5", "10.0.0.5-10.0.0.6", "10.0.0.8"],
      ["10.0.0.1-10.0.0.3", "10.0.0.7-10.0.0.7", "10.0.0.9-10.0.0.9"],
    ],
  ] as const)("with %s", ([, holes, left]) => {
    expect(withoutHoles(span("10.0.0.1-10.0.0.9"), holes.map(span)).map(print)).toEqual(left);
  });
});
