import { describe, expect, test } from "vitest";
import type { Attached } from "../../../../src/plugins/bridge/check.ts";
import { type VlanFacts, vlanDifferences } from "../../../../src/plugins/bridge/check-vlans.ts";
import { mustMac } from "../../net/must.ts";
import { attachment, bridgeLink, hostLink, plainConfig } from "./examples.ts";

const vlans = { own: 100, trunk: [], preserveDefault: false };
const gateway = { ...hostLink, name: "cni0.100", master: undefined, mac: mustMac("02:00:00:00:00:05") };
const attached: Attached = {
  config: { ...plainConfig, isGateway: true, ipamType: "host-local", vlans },
  attachment,
  netns: "/run/netns/c1",
  expected: {
    interfaces: [{ name: "cni0" }, { name: "veth1" }, { name: "cni0.100", mac: "02:00:00:00:00:05" }],
    ips: [],
    routes: [],
    dns: {},
  },
};
const facts: VlanFacts = {
  bridge: { ...bridgeLink, vlanFiltering: true },
  host: hostLink,
  hostVlans: [{ first: 100, last: 100, isPvid: true, isUntagged: true }],
  gateway,
};

test("an attachment that nobody has changed has no differences", () => {
  expect(vlanDifferences(attached, facts)).toEqual([]);
});

describe("a change", () => {
  test.for([
    ["a VLAN gone", { hostVlans: [] }, ["veth1 is not in VLAN 100 untagged"]],
    ["the gateway gone", { gateway: undefined }, ["the VLAN gateway cni0.100 is gone"]],
    ["the gateway down", { gateway: { ...gateway, isUp: false } }, ["the VLAN gateway cni0.100 is down"]],
    [
      "the gateway with another MAC address",
      { gateway: { ...gateway, mac: mustMac("02:00:00:00:00:ff") } },
      ["cni0.100 has the MAC address 02:00:00:00:00:ff instead of 02:00:00:00:00:05"],
    ],
    [
      "the filter off",
      { bridge: { ...bridgeLink, vlanFiltering: false } },
      [expect.stringContaining("cni0 does not filter VLANs")],
    ],
    ["what the other differences tell", { bridge: undefined, host: undefined, hostVlans: [] }, []],
  ])("%s", ([, change, sentences]) => {
    expect(vlanDifferences(attached, { ...facts, ...(change as Partial<VlanFacts>) })).toEqual(sentences);
  });
});

test.for([
  ["without the gateway's interface, as older results have it", []],
  ["without its MAC address", [{ name: "cni0.100" }]],
  ["with its MAC address in upper case", [{ name: "cni0.100", mac: "02:00:00:00:00:05".toUpperCase() }]],
] as const)("a prevResult %s is as good", ([, interfaces]) => {
  expect(vlanDifferences({ ...attached, expected: { ...attached.expected, interfaces } }, facts)).toEqual([]);
});
