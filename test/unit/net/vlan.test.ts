import { describe, expect, test } from "vitest";
import { printVids, unionOf, type VidRange, without } from "../../../src/net/vlan.ts";

const range = (first: number, last = first): VidRange => ({ first, last });

describe("unionOf", () => {
  test.for([
    ["nothing", [], []],
    ["one", [range(10)], [range(10)]],
    ["in order", [range(200, 210), range(10)], [range(10), range(200, 210)]],
    ["overlapping", [range(100, 105), range(103, 110)], [range(100, 110)]],
    ["one inside the other", [range(100, 110), range(103, 104)], [range(100, 110)]],
    ["side by side", [range(102), range(100), range(101)], [range(100, 102)]],
    ["the same twice", [range(10), range(10)], [range(10)]],
    ["apart by one", [range(10), range(12)], [range(10), range(12)]],
  ] as const)("of %s", ([, ranges, union]) => {
    expect(unionOf(ranges)).toEqual(union);
  });
});

describe("without", () => {
  test.for([
    ["in the middle", 105, [range(100, 104), range(106, 110)]],
    ["at the start", 100, [range(101, 110)]],
    ["at the end", 110, [range(100, 109)]],
    ["outside", 99, [range(100, 110)]],
  ] as const)("an ID %s", ([, vid, left]) => {
    expect(without(vid, [range(100, 110)])).toEqual(left);
  });

  test("the only ID", () => {
    expect(without(10, [range(10)])).toEqual([]);
  });
});

test.for([
  [range(10), "10"],
  [range(200, 210), "200-210"],
] as const)("%j is printed %s", ([vids, text]) => {
  expect(printVids(vids)).toBe(text);
});
