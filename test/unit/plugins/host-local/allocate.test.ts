import { describe, expect, test } from "vitest";
import { type Ip, printIp, sameIp } from "../../../../src/net/ip.ts";
import { assignRequested, chooseIp } from "../../../../src/plugins/host-local/allocate.ts";
import { decodeConfig } from "../../../../src/plugins/host-local/config.ts";
import { printRange, type RangeSet, rangeOf } from "../../../../src/plugins/host-local/ranges.ts";
import { mustIp } from "../../net/must.ts";
import { networkOf } from "../configuration.ts";

/** A set of ranges, each a subnet or a whole range. */
function setOf(...ranges: readonly (string | object)[]): RangeSet {
  const set = ranges.map((range) => (typeof range === "string" ? { subnet: range } : range));
  const [decoded = []] = decodeConfig(networkOf({ ipam: { ranges: [set] } }), "").rangeSets;
  return decoded;
}

function choose(set: RangeSet, last: string | undefined, taken: readonly string[]): string | undefined {
  const isTaken = (ip: Ip) => taken.some((text) => sameIp(mustIp(text), ip));
  const choice = chooseIp(set, last === undefined ? undefined : mustIp(last), isTaken);
  return choice === undefined ? undefined : printIp(choice);
}

/** Everything that the set gives, one after the other. */
function chooseAll(set: RangeSet, last: string | undefined): string[] {
  const given: string[] = [];
  for (let next = choose(set, last, []); next !== undefined; next = choose(set, last, given)) given.push(next);
  return given;
}

const eight = setOf("192.168.1.0/29");

describe("the addresses of a set in turn", () => {
  test.for([
    ["HL-15: at first", undefined, ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"]],
    [
      "HL-16: after the last one",
      "192.168.1.6",
      ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"],
    ],
    [
      "HL-17: after one in the middle",
      "192.168.1.3",
      ["192.168.1.4", "192.168.1.5", "192.168.1.6", "192.168.1.2", "192.168.1.3"],
    ],
    ["after the gateway", "192.168.1.1", ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"]],
  ] as const)("%s", ([, last, addresses]) => {
    expect(chooseAll(eight, last)).toEqual(addresses);
  });

  test.for([
    ["at first", undefined, ["10.0.0.2", "10.0.1.2", "10.0.2.2"]],
    ["after the second range", "10.0.1.2", ["10.0.2.2", "10.0.0.2", "10.0.1.2"]],
    ["after all", "10.0.2.2", ["10.0.0.2", "10.0.1.2", "10.0.2.2"]],
  ] as const)("of three ranges, %s", ([, last, addresses]) => {
    expect(chooseAll(setOf("10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"), last)).toEqual(addresses);
  });
});

describe("the next address", () => {
  const twoSmall = setOf("10.0.0.0/30", "10.0.1.0/30");
  const threeSmall = setOf("10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30");
  const ten = setOf("10.0.0.0/29");
  const all = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"];
  const explicit = setOf(
    { subnet: "192.168.1.0/28", rangeStart: "192.168.1.0", rangeEnd: "192.168.1.3", gateway: "192.168.1.15" },
    { subnet: "192.168.2.0/28", rangeStart: "192.168.2.0", rangeEnd: "192.168.2.3", gateway: "192.168.2.15" },
  );

  test.for([
    ["HL-18", ten, undefined, [], "10.0.0.2"],
    ["HL-19", setOf("2001:db8:1::/64"), undefined, [], "2001:db8:1::2"],
    ["HL-20", setOf("10.0.0.0/30"), undefined, [], "10.0.0.2"],
    ["HL-21: the first is taken", ten, undefined, ["10.0.0.2"], "10.0.0.3"],
    ["HL-22: one was given", ten, "10.0.0.5", ["10.0.0.2", "10.0.0.5"], "10.0.0.6"],
    ["HL-23: the next ones are taken", ten, "10.0.0.3", ["10.0.0.4", "10.0.0.5"], "10.0.0.6"],
    ["HL-24: the end is reached", ten, "10.0.0.5", ["10.0.0.6"], "10.0.0.2"],
    ["HL-25: the last one is outside", ten, "10.0.0.128", ["10.0.0.2"], "10.0.0.3"],
    ["HL-26: only the last one is free", ten, "10.0.0.3", all.filter((ip) => ip !== "10.0.0.3"), "10.0.0.3"],
    ["HL-27: two ranges", twoSmall, undefined, [], "10.0.0.2"],
    ["HL-28: two ranges, the first is used up", twoSmall, "10.0.0.2", ["10.0.0.2"], "10.0.1.2"],
    ["HL-29: three ranges, from the last to the first", threeSmall, "10.0.2.2", [], "10.0.0.2"],
    ["HL-36: a full /30", setOf("10.0.0.0/30"), undefined, ["10.0.0.2"], undefined],
    ["HL-37: a full /29", ten, undefined, all, undefined],
    ["a full /29 after one", ten, "10.0.0.4", all, undefined],
    ["HL-38: two full ranges", twoSmall, undefined, ["10.0.0.2", "10.0.1.2"], undefined],
    ["HL-39: the end of the first range is given", explicit, "192.168.1.3", [], "192.168.2.0"],
    ["HL-40: nothing was given", explicit, undefined, [], "192.168.1.0"],
    ["the last one is the same number in the other family", ten, "::a00:3", [], "10.0.0.2"],
    ["the end of IPv6 is reached", setOf("2001:db8::/126"), "2001:db8::3", [], "2001:db8::2"],
    [
      "the only address is the gateway",
      setOf({ subnet: "10.0.0.0/29", rangeEnd: "10.0.0.1" }),
      undefined,
      [],
      undefined,
    ],
    ["a gateway in the middle", setOf({ subnet: "10.0.0.0/29", gateway: "10.0.0.3" }), "10.0.0.2", [], "10.0.0.4"],
    ["a gateway at the end", setOf({ subnet: "10.0.0.0/29", gateway: "10.0.0.6" }), "10.0.0.5", [], "10.0.0.1"],
  ] as const)("%s", ([, set, last, taken, next]) => {
    expect(choose(set, last, taken)).toBe(next);
  });

  test("HL-30: five of a /29, and not its broadcast address", () => {
    expect(chooseAll(ten, undefined)).toEqual(all);
  });

  test("HL-31: is another one than that which was just given back", () => {
    expect(choose(ten, "10.0.0.2", [])).toBe("10.0.0.3");
  });

  test("of a huge range is found without counting it", () => {
    expect(choose(setOf("2001:db8::/32"), "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", [])).toBe("2001:db8::2");
  });
});

describe("rangeOf", () => {
  const slice = { subnet: "192.0.2.0/24", rangeStart: "192.0.2.40", rangeEnd: "192.0.2.50" };
  const slice6 = { subnet: "2001:db8:1::/64", rangeStart: "2001:db8:1::40", rangeEnd: "2001:db8:1::50" };

  const pair = setOf("10.1.0.0/24", "10.2.0.0/24");

  test.for([
    ["HL-66: before the start", "192.0.2.39", undefined, setOf(slice)],
    ["HL-66: the start", "192.0.2.40", "192.0.2.40-192.0.2.50", setOf(slice)],
    ["HL-66: the end", "192.0.2.50", "192.0.2.40-192.0.2.50", setOf(slice)],
    ["HL-66: behind the end", "192.0.2.51", undefined, setOf(slice)],
    ["HL-66: another network", "192.0.3.45", undefined, setOf(slice)],
    ["HL-67: before the start", "2001:db8:1::3f", undefined, setOf(slice6)],
    ["HL-67: the start", "2001:db8:1::40", "2001:db8:1::40-2001:db8:1::50", setOf(slice6)],
    ["HL-67: the end", "2001:db8:1::50", "2001:db8:1::40-2001:db8:1::50", setOf(slice6)],
    ["HL-67: behind the end", "2001:db8:1::51", undefined, setOf(slice6)],
    ["the same number in the other family", "::c000:22d", undefined, setOf(slice)],
    ["HL-74: the first range", "10.1.0.5", "10.1.0.1-10.1.0.254", pair],
    ["HL-74: the second range", "10.2.0.5", "10.2.0.1-10.2.0.254", pair],
    ["HL-74: no range", "10.3.0.5", undefined, pair],
    ["HL-34: beyond the end", "10.0.0.7", undefined, setOf("10.0.0.0/29")],
    ["HL-35: before the start", "10.0.0.2", undefined, setOf({ subnet: "10.0.0.0/29", rangeStart: "10.0.0.3" })],
  ] as const)("%s: %s is in %s", ([, ip, printed, set]) => {
    const range = rangeOf(set, mustIp(ip));
    expect(range === undefined ? undefined : printRange(range)).toBe(printed);
  });
});

describe("assignRequested", () => {
  const sets = [setOf("10.1.0.0/24", "10.2.0.0/24"), setOf("2001:db8:1::/64"), setOf("10.3.0.0/24")];

  test.for([
    ["nothing", [], [undefined, undefined, undefined], []],
    ["HL-32: one", ["10.1.0.88"], ["10.1.0.88", undefined, undefined], []],
    ["HL-9: of two sets", ["10.1.0.5", "10.3.0.5"], ["10.1.0.5", undefined, "10.3.0.5"], []],
    ["of two sets, in another order", ["10.3.0.5", "10.1.0.5"], ["10.1.0.5", undefined, "10.3.0.5"], []],
    [
      "HL-10: of the second range of a set, and of IPv6",
      ["10.2.0.12", "2001:db8:1::999"],
      ["10.2.0.12", "2001:db8:1::999", undefined],
      [],
    ],
    [
      "HL-11: two of a set, of which the first is given",
      ["10.1.0.5", "10.2.0.5"],
      ["10.1.0.5", undefined, undefined],
      ["10.2.0.5"],
    ],
    ["the same twice", ["10.1.0.5", "10.1.0.5"], ["10.1.0.5", undefined, undefined], ["10.1.0.5"]],
    ["outside of all", ["10.9.0.5"], [undefined, undefined, undefined], ["10.9.0.5"]],
  ] as const)("%s", ([, requested, assigned, left]) => {
    const outcome = assignRequested(sets, requested.map(mustIp));
    expect(outcome.assigned.map((ip) => ip && printIp(ip))).toEqual(assigned);
    expect(outcome.left.map(printIp)).toEqual(left);
  });
});
