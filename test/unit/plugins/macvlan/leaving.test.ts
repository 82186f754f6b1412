import { expect, test } from "vitest";
import { printPlan } from "../../../../src/plan/print.ts";
import { planLeaving } from "../../../../src/plugins/macvlan/leaving.ts";
import type { ParentRecord, ParentUse } from "../../../../src/state/macvlan-record.ts";

const use = (containerId: string, address?: string): ParentUse => ({
  ...{ network: "n1", containerId, ifname: "eth0" },
  ...(address === undefined ? {} : { hostAccess: { addresses: [address], mac: "02:00:00:00:00:05" } }),
});

function leave(record: ParentRecord, leaving: readonly string[], dead: readonly string[] = [], isToStay = false) {
  const left = planLeaving([record], {
    isLeaving: ({ containerId }) => leaving.includes(containerId),
    mayBeAlive: ({ containerId }) => !dead.includes(containerId),
    isToStay: () => isToStay,
    hostLinkOn: (parent) => `host-on-${parent}`,
  });
  return {
    plan: printPlan(left.steps),
    staying: left.records.flatMap(({ uses }) => uses.map(({ containerId }) => containerId)),
    unused: left.unused.map(({ parent }) => parent),
  };
}

const made = { parent: "lan0.10", made: { index: 7 } };
const DELETE = "ip link delete host-on-lan0\n";
const ROUTE = `ip route delete 192.0.2.51/32 scope 253 dev host-on-lan0
ip neighbour delete 192.0.2.51 dev host-on-lan0
`;

test.for([
  ["nobody", { ...made, uses: [use("a")] }, [], [], { plan: "", staying: ["a"], unused: [] }],
  ["one of two", { ...made, uses: [use("a"), use("b")] }, ["b"], [], { plan: "", staying: ["a"], unused: [] }],
  ["the last one", { ...made, uses: [use("a")] }, ["a"], [], { plan: "", staying: [], unused: ["lan0.10"] }],
  [
    "the last one that is alive",
    { ...made, uses: [use("a"), use("b")] },
    ["b"],
    ["a"],
    { plan: "", staying: [], unused: ["lan0.10"] },
  ],
  [
    "of a parent that we did not make",
    { parent: "lan0", uses: [use("a")] },
    ["a"],
    [],
    { plan: "", staying: [], unused: [] },
  ],
  [
    "one with access of two",
    { parent: "lan0", uses: [use("a", "192.0.2.50/24"), use("b", "192.0.2.51/24")] },
    ["b"],
    [],
    { plan: ROUTE, staying: ["a"], unused: [] },
  ],
  [
    "the last one with access, of a parent that others use, too",
    { parent: "lan0", uses: [use("a"), use("b", "192.0.2.51/24")] },
    ["b"],
    [],
    { plan: DELETE, staying: ["a"], unused: [] },
  ],
  [
    "the last one with access that is alive",
    { parent: "lan0", uses: [use("a", "192.0.2.50/24"), use("b", "192.0.2.51/24")] },
    ["b"],
    ["a"],
    { plan: DELETE, staying: [], unused: [] },
  ],
  [
    "whose address is another one's by now",
    { parent: "lan0", uses: [use("a", "192.0.2.51/24"), use("b", "192.0.2.51/24")] },
    ["b"],
    [],
    {
      plan: "ip neighbour replace 192.0.2.51 lladdr 02:00:00:00:00:05 dev host-on-lan0 nud permanent\n",
      staying: ["a"],
      unused: [],
    },
  ],
] satisfies [string, ParentRecord, string[], string[], object][])(
  "who leaves: %s",
  ([, record, leaving, dead, expected]) => {
    expect(leave(record, leaving, dead)).toEqual(expected);
  },
);

test("who leaves last takes only his own when the host reaches others whose record is lost", () => {
  const record = { parent: "lan0", uses: [use("b", "192.0.2.51/24")] };
  expect(leave(record, ["b"], [], true)).toEqual({ plan: ROUTE, staying: [], unused: [] });
});
