import { describe, expect, test } from "vitest";
import type { PortVlans } from "../../../../src/plan/facts.ts";
import { printPlan } from "../../../../src/plan/print.ts";
import { decodeConfig } from "../../../../src/plugins/bridge/config.ts";
import {
  checkVlans,
  filteringConflict,
  missingVlans,
  planPortVlans,
  type VlanFields,
  type Vlans,
} from "../../../../src/plugins/bridge/vlans.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { networkOf } from "../configuration.ts";
import { bridgeLink } from "./examples.ts";

const range = (first: number, last = first) => ({ first, last });
const none: Vlans = { own: undefined, trunk: [], preserveDefault: false };

describe("checkVlans", () => {
  test.for([
    ["nothing", {}],
    ["vlan 0", { vlan: 0 }],
    ["what is to be preserved, but no VLAN", { preserveDefaultVlan: true }],
  ] as const)("%s asks for no VLAN", ([, fields]) => {
    expect(checkVlans(fields)).toBeUndefined();
  });

  test.for([
    ["a VLAN", { vlan: 100 }, { own: 100 }],
    ["the first", { vlan: 1 }, { own: 1 }],
    ["the last", { vlan: 4094 }, { own: 4094 }],
    ["a VLAN beside the default one", { vlan: 100, preserveDefaultVlan: true }, { own: 100, preserveDefault: true }],
    ["an empty trunk", { vlanTrunk: [] }, {}],
    ["a trunk of an empty entry", { vlanTrunk: [{}] }, {}],
    ["a range", { vlanTrunk: [{ minID: 100, maxID: 105 }] }, { trunk: [range(100, 105)] }],
    ["a range of one", { vlanTrunk: [{ minID: 100, maxID: 100 }] }, { trunk: [range(100)] }],
    ["an ID", { vlanTrunk: [{ id: 10 }] }, { trunk: [range(10)] }],
    ["all IDs", { vlanTrunk: [{ minID: 1, maxID: 4094 }] }, { trunk: [range(1, 4094)] }],
    [
      "an ID and a range",
      { vlanTrunk: [{ id: 10 }, { minID: 100, maxID: 105 }] },
      { trunk: [range(10), range(100, 105)] },
    ],
    [
      "both in one entry, in order",
      { vlanTrunk: [{ id: 200, minID: 100, maxID: 105 }] },
      { trunk: [range(100, 105), range(200)] },
    ],
    ["a VLAN and a trunk", { vlan: 100, vlanTrunk: [{ id: 101 }] }, { own: 100, trunk: [range(101)] }],
  ] as const)("%s", ([, fields, vlans]) => {
    expect(checkVlans(fields)).toEqual({ ...none, ...vlans });
  });

  const missing = "minID and maxID should be configured simultaneously";
  test.for([
    [{ vlan: -100 }, "invalid VLAN ID -100 (must be between 0 and 4094)"],
    [{ vlan: 5000 }, "invalid VLAN ID 5000 (must be between 0 and 4094)"],
    [{ vlan: 4095 }, "invalid VLAN ID 4095 (must be between 0 and 4094)"],
    [{ vlanTrunk: [{ minID: 100 }] }, `${missing}, maxID is missing`],
    [{ vlanTrunk: [{ maxID: 100 }] }, `${missing}, minID is missing`],
    [{ vlanTrunk: [{ minID: -1, maxID: 100 }] }, "incorrect trunk minID parameter -1 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ minID: 0, maxID: 100 }] }, "incorrect trunk minID parameter 0 (must be between 1 and 4094)"],
    [
      { vlanTrunk: [{ minID: 5000, maxID: 5001 }] },
      "incorrect trunk minID parameter 5000 (must be between 1 and 4094)",
    ],
    [{ vlanTrunk: [{ minID: 100, maxID: 5000 }] }, "incorrect trunk maxID parameter 5000 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ minID: 100, maxID: -1 }] }, "incorrect trunk maxID parameter -1 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ id: 5000 }] }, "incorrect trunk id parameter 5000 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ id: -1 }] }, "incorrect trunk id parameter -1 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ id: 0 }] }, "incorrect trunk id parameter 0 (must be between 1 and 4094)"],
    [{ vlanTrunk: [{ minID: 1000, maxID: 100 }] }, "minID is greater than maxID in trunk parameter (1000 and 100)"],
    [{ vlanTrunk: [{ id: 10 }, { id: 4095 }] }, "incorrect trunk id parameter 4095 (must be between 1 and 4094)"],
  ] as const)("%j is refused", ([fields, problem]) => {
    expect(() => checkVlans(fields)).toThrow(new CniError(7, `bridge: ${problem}`));
  });
});

describe("the configuration", () => {
  const decode = (config: object) => decodeConfig(networkOf(config), "").vlans;

  test.for([
    ["no VLAN", {}, undefined],
    ["null", { vlan: null, vlanTrunk: null, preserveDefaultVlan: null }, undefined],
    [
      "keys in any case",
      { VLAN: 100, vlantrunk: [{ ID: 101, minid: 200, MAXID: 210 }], PreserveDefaultVLAN: true },
      { own: 100, trunk: [range(101), range(200, 210)], preserveDefault: true },
    ],
  ] as const)("with %s", ([, config, vlans]) => {
    expect(decode(config)).toEqual(vlans);
  });

  test.for([
    [{ vlan: "100" }, 'vlan: expected a whole number, got "100"'],
    [{ vlan: 1.5 }, "vlan: expected a whole number, got 1.5"],
    [{ vlanTrunk: { id: 1 } }, 'vlanTrunk: expected a list, got {"id":1}'],
    [{ vlanTrunk: [100] }, "vlanTrunk[0]: expected an object, got 100"],
    [{ vlanTrunk: [{ id: 1 }, { minID: "1" }] }, 'vlanTrunk[1].minID: expected a whole number, got "1"'],
    [{ preserveDefaultVlan: 1 }, "preserveDefaultVlan: expected true or false, got 1"],
  ] as const)("with %j is refused", ([config, problem]) => {
    expect(() => decode(config)).toThrow(new CniError(6, `bridge: ${problem}`));
  });
});

describe("planPortVlans", () => {
  const plan = (fields: VlanFields) =>
    printPlan(planPortVlans("veth1", checkVlans(fields)))
      .split("\n")
      .slice(0, -1);
  const clear = "bridge vlan delete dev veth1 vid 1-4094 master";
  const add = (vids: string) => `bridge vlan add dev veth1 vid ${vids} master`;
  const trunk = [{ id: 101 }, { minID: 200, maxID: 210 }];

  test.for([
    ["nothing", {}, []],
    ["an empty trunk, which leaves the default VLAN", { vlanTrunk: [] }, []],
    ["a VLAN", { vlan: 100 }, [clear, add("100 pvid untagged")]],
    ["a VLAN beside the default one", { vlan: 100, preserveDefaultVlan: true }, [add("100 pvid untagged")]],
    [
      "a trunk, whose native VLAN is 1",
      { vlanTrunk: trunk },
      [clear, add("1 pvid untagged"), add("101"), add("200-210")],
    ],
    [
      "a trunk beside the default VLAN",
      { vlanTrunk: trunk, preserveDefaultVlan: true },
      [add("1 pvid untagged"), add("101"), add("200-210")],
    ],
    [
      "a VLAN and a trunk",
      { vlan: 100, vlanTrunk: trunk },
      [clear, add("100 pvid untagged"), add("101"), add("200-210")],
    ],
    [
      "a VLAN that the trunk has, too",
      { vlan: 205, vlanTrunk: trunk },
      [clear, add("205 pvid untagged"), add("101"), add("200-204"), add("206-210")],
    ],
    [
      "a trunk with the native VLAN",
      { vlanTrunk: [{ minID: 1, maxID: 10 }] },
      [clear, add("1 pvid untagged"), add("2-10")],
    ],
  ] as const)("for %s", ([, fields, lines]) => {
    expect(plan(fields)).toEqual(lines);
  });

  test("is two requests, however many VLANs there are", () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ id: 2 * i + 1 }));
    expect(planPortVlans("veth1", checkVlans({ vlanTrunk: many }))).toHaveLength(2);
  });
});

describe("missingVlans", () => {
  const vlans: Vlans = { own: 100, trunk: [range(200, 210)], preserveDefault: false };
  const own: PortVlans = { ...range(100), isPvid: true, isUntagged: true };
  const tagged = (first: number, last = first): PortVlans => ({
    ...range(first, last),
    isPvid: false,
    isUntagged: false,
  });

  test.for([
    ["what was asked for", [own, tagged(200, 210)]],
    ["more than that", [{ ...tagged(1), isUntagged: true }, own, tagged(190, 220)]],
  ] as const)("none with %s", ([, present]) => {
    expect(missingVlans("veth1", vlans, present)).toEqual([]);
  });

  test.for([
    ["nothing", [], ["veth1 is not in VLAN 100 untagged", "veth1 is not in VLAN 200-210"]],
    ["its own VLAN tagged", [tagged(100), tagged(200, 210)], ["veth1 is not in VLAN 100 untagged"]],
    ["a part of the trunk", [own, tagged(200, 209)], ["veth1 is not in VLAN 200-210"]],
  ] as const)("with %s", ([, present, sentences]) => {
    expect(missingVlans("veth1", vlans, present)).toEqual(sentences);
  });

  test("none when no VLAN is asked for", () => {
    expect(missingVlans("veth1", undefined, [])).toEqual([]);
  });
});

describe("filteringConflict", () => {
  const conflictOf = (vlans: Vlans | undefined, vlanFiltering: boolean | undefined) =>
    filteringConflict({ bridge: "cni0", vlans }, { ...bridgeLink, vlanFiltering });

  test("is a bridge that does not filter", () => {
    expect(conflictOf(none, false)).toBe(
      "cni0 does not filter VLANs, so vlan and vlanTrunk would have no effect: `ip link set cni0 type bridge vlan_filtering 1` turns it on",
    );
  });

  test.for([
    ["a bridge that filters", none, true],
    ["no VLAN, and no filter", undefined, false],
    ["no VLAN, but a filter", undefined, true],
  ] as const)("is not %s", ([, vlans, vlanFiltering]) => {
    expect(conflictOf(vlans, vlanFiltering)).toBeUndefined();
  });

  test("is not a bridge that is still to be made", () => {
    expect(filteringConflict({ bridge: "cni0", vlans: none }, undefined)).toBeUndefined();
  });
});
