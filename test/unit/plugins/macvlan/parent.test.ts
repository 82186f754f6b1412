import { expect, test } from "vitest";
import { printPlan } from "../../../../src/plan/print.ts";
import {
  checkMtuOfParent,
  checkParent,
  type ParentFacts,
  parentNamed,
  parentOf,
  planParent,
} from "../../../../src/plugins/macvlan/parent.ts";
import { parentLink, plainConfig } from "./examples.ts";

test.each([
  ["lan0", undefined],
  ["lan0.10", { kind: "vlan", base: "lan0", id: 10 }],
  ["lan0.4094", { kind: "vlan", base: "lan0", id: 4094 }],
  ["lan0.10.20", { kind: "vlan", base: "lan0.10", id: 20 }],
  ["lan0.0", undefined],
  ["lan0.010", undefined],
  ["lan0.4095", undefined],
  ["lan0.99999", undefined],
  ["lan0.x", undefined],
  ["lan0.", undefined],
  [".10", undefined],
])("%s may be made as %j", (name, making) => {
  expect(parentNamed(name, false)).toEqual({ name, place: "host", making });
});

test("in the container nothing is made", () => {
  expect(parentNamed("lan0.10", true)).toEqual({ name: "lan0.10", place: "container", making: undefined });
});

test("which parent a configuration means", () => {
  const dummy = { name: "dm-0", place: "host", making: { kind: "dummy" } };
  expect(parentOf(plainConfig, "dm-0")).toBeUndefined();
  expect(parentOf({ ...plainConfig, internal: true }, "dm-0")).toEqual(dummy);
  expect(parentOf({ ...plainConfig, internal: true, master: "lan0" }, "dm-0")?.name).toBe("lan0");
});

test("a VLAN, and an isolated parent, in the words of an administrator", () => {
  const isolated = parentOf({ ...plainConfig, internal: true }, "dm-0");
  const plans = [parentNamed("lan0.10", false), parentNamed("lan0", false), isolated].map((parent) =>
    parent === undefined ? "" : printPlan(planParent(parent, "n1")),
  );
  expect(plans).toEqual([
    `ip link add lan0.10 link lan0 type vlan id 10
ip link set lan0.10 alias parent of the macvlan network n1
sysctl -w net/ipv6/conf/lan0.10/accept_ra=0 || true
ip link set lan0.10 up
`,
    "",
    `ip link add dm-0 type dummy
ip link set dm-0 alias parent of the macvlan network n1
sysctl -w net/ipv6/conf/dm-0/accept_ra=0 || true
ip link set dm-0 up
`,
  ]);
});

const down = { ...parentLink, isUp: false };
const vlan = parentNamed("lan0.10", false);
const isolated = { name: "dm-0", place: "host", making: { kind: "dummy" } } as const;

test.each<[string, Parameters<typeof checkParent>, string | undefined]>([
  ["there", [parentNamed("lan0", false), { parent: parentLink, base: undefined }, "fail"], undefined],
  ["missing", [parentNamed("lan0", false), nothing(), undefined], "there is no link lan0 that could be the parent"],
  ["to be made", [vlan, { parent: undefined, base: parentLink }, "fail"], undefined],
  ["not to be made", [vlan, nothing(), undefined], "lan0.10 that could be the parent, and no lan0 to make it of"],
  ["isolated, to be made", [isolated, nothing(), "fail"], undefined],
  ["down", [parentNamed("lan0", false), { parent: down, base: undefined }, "fail"], "the parent lan0 is down"],
  [
    "down, which nobody cares for",
    [parentNamed("lan0", false), { parent: down, base: undefined }, undefined],
    undefined,
  ],
  ["to be made of what is down", [vlan, { parent: undefined, base: down }, "fail"], "the parent lan0 is down"],
])("a parent that is %s", (_, args, problem) => {
  if (problem === undefined) expect(() => checkParent(...args)).not.toThrow();
  else expect(() => checkParent(...args)).toThrow(problem);
});

test.each([
  [1500, undefined],
  [1501, "macvlan: mtu 1501 is above that of the parent lan0, which is 1500"],
])("an MTU of %i on a parent of 1500", (mtu, problem) => {
  const check = (facts: ParentFacts) => () => checkMtuOfParent({ ...plainConfig, mtu }, facts);
  for (const facts of [
    { parent: parentLink, base: undefined },
    { parent: undefined, base: parentLink },
  ]) {
    if (problem === undefined) expect(check(facts)).not.toThrow();
    else expect(check(facts)).toThrow(problem);
  }
});

function nothing(): ParentFacts {
  return { parent: undefined, base: undefined };
}
