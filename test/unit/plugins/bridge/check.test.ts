import { describe, expect, test } from "vitest";
import type { KernelRoute, Link } from "../../../../src/plan/facts.ts";
import { type Attached, type CheckFacts, differences } from "../../../../src/plugins/bridge/check.ts";
import type { Result } from "../../../../src/protocol/result.ts";
import { mustCidr, mustIp, mustMac } from "../../net/must.ts";
import { attachment, bridgeLink, containerLink, hostLink, plainConfig } from "./examples.ts";

const MAIN = 254;
const netns = "/run/netns/c1";

const expected: Result = {
  interfaces: [
    { name: "cni0", mac: "02:00:00:00:00:01" },
    { name: "veth1", mac: "02:00:00:00:00:02" },
    { name: "eth0", mac: "02:00:00:00:00:03", sandbox: netns },
  ],
  ips: [
    { interface: 2, address: mustCidr("10.1.0.5/16"), gateway: mustIp("10.1.0.1") },
    { interface: 2, address: mustCidr("2001:db8::5/64"), gateway: mustIp("2001:db8::1") },
  ],
  routes: [
    { dst: mustCidr("0.0.0.0/0"), gw: mustIp("10.1.0.1") },
    { dst: mustCidr("10.9.0.0/16"), gw: mustIp("10.1.0.9") },
  ],
  dns: {},
};
const attached: Attached = { config: { ...plainConfig, mtu: 1500 }, attachment, netns, expected };

function kernelRoute(dst: string, gw: string | undefined, table = MAIN): KernelRoute {
  return {
    dst: mustCidr(dst),
    link: 2,
    gw: gw === undefined ? undefined : mustIp(gw),
    table,
    priority: 0,
    mtu: undefined,
  };
}
const toAll = kernelRoute("0.0.0.0/0", "10.1.0.1");
const toOthers = kernelRoute("10.9.0.0/16", "10.1.0.9");
const connected = kernelRoute("10.1.0.0/16", undefined);

const facts: CheckFacts = {
  bridge: bridgeLink,
  bridgeAddresses: [],
  ruleProblems: [],
  container: containerLink,
  host: hostLink,
  addresses: [mustCidr("10.1.0.5/16"), mustCidr("2001:db8::5/64")],
  routes: [toAll, connected, toOthers],
};

const bridge = (change: Partial<Link>): Partial<CheckFacts> => ({ bridge: { ...bridgeLink, ...change } });
const host = (change: Partial<Link>): Partial<CheckFacts> => ({ host: { ...hostLink, ...change } });
const container = (change: Partial<Link>): Partial<CheckFacts> => ({ container: { ...containerLink, ...change } });
const foreignMac = { mac: mustMac("02:00:00:00:00:ff") };

test("an attachment that nobody has changed has no differences", () => {
  expect(differences(attached, facts)).toEqual([]);
});

describe("a change of the kernel's state", () => {
  test.for([
    ["bridge gone", { bridge: undefined }, "the bridge cni0 is gone"],
    ["bridge of another kind", bridge({ kind: "veth" }), "cni0 is not a bridge"],
    ["bridge down", bridge({ isUp: false }), "the bridge cni0 is down"],
    [
      "bridge with another MAC address",
      bridge(foreignMac),
      "cni0 has the MAC address 02:00:00:00:00:ff instead of 02:00:00:00:00:01",
    ],
    ["host end gone", { host: undefined }, "the host end of the container's veth is gone"],
    ["host end without bridge", host({ master: undefined }), "veth1 is not a port of cni0"],
    ["host end on another bridge", host({ master: 9 }), "veth1 is not a port of cni0"],
    ["host end down", host({ isUp: false }), "veth1 is down"],
    ["host end with hairpin mode", host({ hairpin: true }), "veth1 has hairpin on"],
    ["host end with another MTU", host({ mtu: 1400 }), "veth1 has MTU 1400 instead of 1500"],
    ["host end renamed", host({ name: "veth9" }), "prevResult has no interface veth9"],
    [
      "host end with another MAC address",
      host(foreignMac),
      "veth1 has the MAC address 02:00:00:00:00:ff instead of 02:00:00:00:00:02",
    ],
    ["container's interface gone", { container: undefined }, "the container's interface eth0 is gone"],
    [
      "container's interface of another kind",
      container({ kind: "macvlan" }),
      "the container's interface eth0 is not a veth",
    ],
    ["container's interface down", container({ isUp: false }), "the container's interface eth0 is down"],
    ["container's interface with another MTU", container({ mtu: 1400 }), "eth0 has MTU 1400 instead of 1500"],
    [
      "container's interface with another MAC address",
      container(foreignMac),
      "eth0 has the MAC address 02:00:00:00:00:ff instead of 02:00:00:00:00:03",
    ],
    ["IPv4 address gone", { addresses: [mustCidr("2001:db8::5/64")] }, "eth0 does not have the address 10.1.0.5/16"],
    ["IPv6 address gone", { addresses: [mustCidr("10.1.0.5/16")] }, "eth0 does not have the address 2001:db8::5/64"],
    [
      "address with another prefix",
      { addresses: [mustCidr("10.1.0.5/24"), mustCidr("2001:db8::5/64")] },
      "eth0 does not have the address 10.1.0.5/16",
    ],
    ["default route gone", { routes: [connected, toOthers] }, "the container has no route to 0.0.0.0/0"],
    ["route gone", { routes: [toAll, connected] }, "the container has no route to 10.9.0.0/16"],
    [
      "route by another next hop",
      { routes: [toAll, kernelRoute("10.9.0.0/16", "10.1.0.1")] },
      "the container's route to 10.9.0.0/16 is by 10.1.0.1 instead of by 10.1.0.9",
    ],
    [
      "route without next hop",
      { routes: [toAll, kernelRoute("10.9.0.0/16", undefined)] },
      "the container's route to 10.9.0.0/16 is direct instead of by 10.1.0.9",
    ],
    [
      "route in another table",
      { routes: [toAll, kernelRoute("10.9.0.0/16", "10.1.0.9", 100)] },
      "the container has no route to 10.9.0.0/16",
    ],
    [
      "route to a part of the network",
      { routes: [toAll, kernelRoute("10.9.0.0/24", "10.1.0.9")] },
      "the container has no route to 10.9.0.0/16",
    ],
  ] as const)("%s", ([, change, sentence]) => {
    expect(differences(attached, { ...facts, ...change })).toEqual([sentence]);
  });

  test.for([
    ["more addresses", { addresses: [...facts.addresses, mustCidr("10.7.0.1/16")] }],
    ["more routes", { routes: [...facts.routes, kernelRoute("10.7.0.0/16", "10.1.0.1")] }],
    ["another default gateway, as in the reference", { routes: [kernelRoute("0.0.0.0/0", "10.1.0.77"), toOthers] }],
    ["no carrier", container({ isOperational: false })],
  ] as const)("that is allowed: %s", ([, change]) => {
    expect(differences(attached, { ...facts, ...change })).toEqual([]);
  });
});

describe("a change of the configuration", () => {
  test.for([
    ["hairpin mode", { hairpinMode: true }, ["veth1 has hairpin off"]],
    ["another MTU", { mtu: 1400 }, ["veth1 has MTU 1500 instead of 1400", "eth0 has MTU 1500 instead of 1400"]],
    ["no MTU", { mtu: undefined }, []],
    ["promiscuous mode", { promiscMode: true }, ["the bridge cni0 is not promiscuous"]],
    ["port isolation", { portIsolation: true }, ["veth1 is not isolated from other ports"]],
    [
      "the gateway",
      { isGateway: true },
      ["cni0 does not have the address 10.1.0.1/16", "cni0 does not have the address 2001:db8::1/64"],
    ],
  ] as const)("%s", ([, change, sentences]) => {
    expect(differences({ ...attached, config: { ...attached.config, ...change } }, facts)).toEqual(sentences);
  });
});

test("rules that are missing are named", () => {
  const problem = "there is no iptables rule -A POSTROUTING -s 10.1.0.5/32 -j CNI-1";
  expect(differences(attached, { ...facts, ruleProblems: [problem] })).toEqual([problem]);
});

test("every difference is named, not only the first", () => {
  const changed = { ...bridge({ isUp: false }), ...host({ isIsolated: true, mtu: 1400 }), routes: [] };
  expect(differences(attached, { ...facts, ...changed })).toHaveLength(5);
});

test("an interface that is to stay down is as it should be, down or up", () => {
  const disabled = { ...attached, config: { ...attached.config, disableContainerInterface: true } };
  for (const isUp of [false, true]) expect(differences(disabled, { ...facts, ...container({ isUp }) })).toEqual([]);
});

describe("a prevResult", () => {
  const [inBridge, inHost, inContainer] = expected.interfaces;
  const given = (change: Partial<Result>) => differences({ ...attached, expected: { ...expected, ...change } }, facts);
  const present = (link: Result["interfaces"][number] | undefined) => (link === undefined ? [] : [link]);
  const [ofBridge, ofHost, ofContainer] = [present(inBridge), present(inHost), present(inContainer)];
  const elsewhere = { sandbox: "/run/netns/c2" };

  test.for([
    ["without the bridge", [...ofHost, ...ofContainer], "prevResult has no interface cni0"],
    [
      "with the bridge in a sandbox",
      [...ofBridge.map((link) => ({ ...link, ...elsewhere })), ...ofHost, ...ofContainer],
      "prevResult has no interface cni0",
    ],
    ["without the host end", [...ofBridge, ...ofContainer], "prevResult has no interface veth1"],
    [
      "with the host end in a sandbox",
      [...ofBridge, ...ofHost.map((link) => ({ ...link, ...elsewhere })), ...ofContainer],
      "prevResult has no interface veth1",
    ],
    ["without the container's interface", [...ofBridge, ...ofHost], `prevResult has no interface eth0 in ${netns}`],
    [
      "with the container's interface in another sandbox",
      [...ofBridge, ...ofHost, ...ofContainer.map((link) => ({ ...link, ...elsewhere }))],
      `prevResult has no interface eth0 in ${netns}`,
    ],
  ] as const)("%s", ([, interfaces, sentence]) => {
    // the indexes are those of three interfaces
    expect(given({ interfaces, ips: [] })).toEqual([sentence]);
  });

  test.for([
    ["without MAC addresses", { interfaces: expected.interfaces.map(({ mac: _mac, ...link }) => link) }],
    ["with empty MAC addresses", { interfaces: expected.interfaces.map((link) => ({ ...link, mac: "" })) }],
    [
      "with MAC addresses in upper case",
      { interfaces: expected.interfaces.map((link) => ({ ...link, mac: link.mac?.toUpperCase() })) },
    ],
    [
      "with an empty sandbox for the host",
      { interfaces: expected.interfaces.map((link) => ({ sandbox: "", ...link })) },
    ],
    ["with addresses without index", { ips: expected.ips.map(({ address }) => ({ address })) }],
    ["with a route whose next hop is open", { routes: [{ dst: mustCidr("10.9.0.0/16") }] }],
    [
      "with a route that is written with host bits",
      { routes: [{ dst: mustCidr("10.9.1.2/16"), gw: mustIp("10.1.0.9") }] },
    ],
    [
      "with a route in table 0, which the kernel takes for the main one",
      { routes: [{ dst: mustCidr("0.0.0.0/0"), table: 0 }] },
    ],
    ["with a route in the main table by number", { routes: [{ dst: mustCidr("0.0.0.0/0"), table: MAIN }] }],
    [
      "with interfaces of later plugins",
      { interfaces: [...expected.interfaces, { name: "ifb0" }, { name: "tap0", ...elsewhere }] },
    ],
    [
      "with addresses of later plugins on other interfaces",
      {
        interfaces: [...expected.interfaces, { name: "net1", sandbox: netns }],
        ips: [...expected.ips, { interface: 3, address: mustCidr("10.7.0.5/16") }],
      },
    ],
  ] as const)("%s is as good", ([, change]) => {
    expect(given(change)).toEqual([]);
  });

  test.for([
    [
      "an address without index",
      { ips: [{ address: mustCidr("10.7.0.5/16") }] },
      "eth0 does not have the address 10.7.0.5/16",
    ],
    [
      "a route of another table",
      { routes: [{ dst: mustCidr("0.0.0.0/0"), table: 100 }] },
      "the container has no route to 0.0.0.0/0",
    ],
  ] as const)("with %s that is not there", ([, change, sentence]) => {
    expect(given(change)).toEqual([sentence]);
  });
});

test("a route in another table is found there", () => {
  const routes = [{ dst: mustCidr("0.0.0.0/0"), table: 100 }];
  const there = { ...facts, routes: [kernelRoute("0.0.0.0/0", "10.1.0.1", 100)] };
  expect(differences({ ...attached, expected: { ...expected, routes } }, there)).toEqual([]);
});

test("all differences are told", () => {
  const changed = {
    ...facts,
    ...bridge({ isUp: false }),
    ...host({ isUp: false }),
    ...container({ isUp: false }),
    addresses: [],
    routes: [],
  };
  expect(differences(attached, changed)).toEqual([
    "the bridge cni0 is down",
    "veth1 is down",
    "the container's interface eth0 is down",
    "eth0 does not have the address 10.1.0.5/16",
    "eth0 does not have the address 2001:db8::5/64",
    "the container has no route to 0.0.0.0/0",
    "the container has no route to 10.9.0.0/16",
  ]);
});
