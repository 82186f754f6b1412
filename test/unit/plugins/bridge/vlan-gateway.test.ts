import { describe, expect, test } from "vitest";
import { printPlan } from "../../../../src/plan/print.ts";
import { type Addressing, noAddressing } from "../../../../src/plugins/bridge/addressing.ts";
import { type BridgeConfig, decodeConfig } from "../../../../src/plugins/bridge/config.ts";
import { addressConflict, conflict, planAttachment, planNetwork } from "../../../../src/plugins/bridge/plan.ts";
import { planVlanGateway, type VlanGatewayFacts, vlanGatewayOf } from "../../../../src/plugins/bridge/vlan-gateway.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { mustCidr } from "../../net/must.ts";
import { networkOf } from "../configuration.ts";
import { attachment, bridgeLink, hostLink, names, plainConfig } from "./examples.ts";

const own = { own: 100, trunk: [], preserveDefault: false };
const config: BridgeConfig = { ...plainConfig, isGateway: true, ipamType: "host-local", vlans: own };
const addressing: Addressing = { ...noAddressing, gateways: [mustCidr("10.1.0.1/16"), mustCidr("2001:db8::1/64")] };

describe("vlanGatewayOf", () => {
  test("is named for the bridge and the VLAN", () => {
    expect(vlanGatewayOf(config)).toEqual({ link: "cni0.100", vlan: 100 });
  });

  test.for([
    ["a gateway", { isGateway: false }],
    ["a VLAN", { vlans: undefined }],
    ["a VLAN, but with a trunk", { vlans: { ...own, own: undefined, trunk: [{ first: 101, last: 101 }] } }],
    ["IPAM", { ipamType: undefined }],
  ] as const)("is none without %s", ([, change]) => {
    expect(vlanGatewayOf({ ...config, ...change })).toBeUndefined();
  });
});

describe("a name that is too long", () => {
  const decode = (fields: object) =>
    decodeConfig(networkOf({ bridge: "bridge-of-12", vlan: 100, ipam: { type: "host-local" }, ...fields }), "");
  const message = 'bridge: the gateway of VLAN 100 cannot be named "bridge-of-12.100": it is longer than 15 bytes';

  test.for([{ isGateway: true }, { isDefaultGateway: true }])("is refused with %j", (fields) => {
    expect(() => decode(fields)).toThrow(new CniError(7, message));
  });

  test.for([
    ["the bridge is the gateway", { isGateway: true, vlan: 0 }],
    ["there is no gateway", {}],
    ["there is no IPAM", { isGateway: true, ipam: {} }],
    ["the name has 15 characters", { isGateway: true, vlan: 10 }],
  ] as const)("is none when %s", ([, fields]) => {
    expect(decode(fields).bridge).toBe("bridge-of-12");
  });
});

describe("planVlanGateway", () => {
  const port = { ...hostLink, name: "veth9", index: 9, peer: 8 };
  const gateway = { ...hostLink, name: "cni0.100", index: 8, peer: 9, master: undefined };
  const nothing: VlanGatewayFacts = {
    bridge: bridgeLink,
    gateway: undefined,
    port: undefined,
    addresses: [],
    portName: "vethgw",
  };
  const present: VlanGatewayFacts = { ...nothing, gateway, port, addresses: addressing.gateways };
  const plan = (facts: VlanGatewayFacts, change: Partial<BridgeConfig> = {}) =>
    printPlan(planVlanGateway({ ...config, ...change }, addressing, facts))
      .split("\n")
      .slice(0, -1);
  const connect = (name: string) => [
    `ip link set ${name} master cni0`,
    `bridge vlan delete dev ${name} vid 1-4094 master`,
    `bridge vlan add dev ${name} vid 100 pvid untagged master`,
    `ip link set ${name} up`,
  ];

  test("makes a pair with the MTU of the bridge, and gives it the addresses", () => {
    expect(plan({ ...nothing, bridge: { ...bridgeLink, mtu: 1400 } })).toEqual([
      "ip link add cni0.100 mtu 1400 type veth peer vethgw mtu 1400",
      "sysctl -w net/ipv6/conf/cni0.100/accept_ra=0 || true",
      "sysctl -w net/ipv6/conf/vethgw/accept_ra=0 || true",
      ...connect("vethgw"),
      "ip link set cni0.100 up",
      "ip address add 10.1.0.1/16 dev cni0.100 nodad",
      "ip address add 2001:db8::1/64 dev cni0.100 nodad",
    ]);
  });

  test.for([
    ["the MTU of the configuration, with a new bridge", { mtu: 1300 }, "mtu 1300 "],
    ["the kernel's MTU", {}, ""],
  ] as const)("makes a pair with %s", ([, change, mtu]) => {
    expect(plan({ ...nothing, bridge: undefined }, change)[0]).toBe(
      `ip link add cni0.100 ${mtu}type veth peer vethgw ${mtu}`.trim(),
    );
  });

  test("leaves the default VLAN and the trunk of the containers", () => {
    const vlans = { own: 100, trunk: [{ first: 200, last: 210 }], preserveDefault: true };
    expect(plan(nothing, { vlans }).filter((line) => line.startsWith("bridge"))).toEqual([
      "bridge vlan add dev vethgw vid 100 pvid untagged master",
    ]);
  });

  test("bears another ADD that makes the same at the same time", () => {
    const steps = planVlanGateway(config, addressing, nothing);
    expect(steps.flatMap((step) => ("tolerate" in step ? [[step.do, step.tolerate]] : []))).toEqual([
      ["link.add-veth-here", ["EEXIST"]],
      ["address.add", ["EEXIST"]],
      ["address.add", ["EEXIST"]],
    ]);
  });

  test.for([
    ["has nothing to do when all is there", present, []],
    ["sets it up when it is down", { ...present, gateway: { ...gateway, isUp: false } }, ["ip link set cni0.100 up"]],
    [
      "adds the address that is missing",
      { ...present, addresses: [mustCidr("10.1.0.1/16")] },
      ["ip address add 2001:db8::1/64 dev cni0.100"],
    ],
    [
      "replaces addresses that are in the way, which forceAddress wants",
      { ...present, addresses: [mustCidr("10.9.0.1/16"), mustCidr("2001:db8::1/64")] },
      ["ip address delete 10.9.0.1/16 dev cni0.100", "ip address add 10.1.0.1/16 dev cni0.100"],
    ],
    ["connects a port without bridge", { ...present, port: { ...port, master: undefined } }, connect("veth9")],
    ["connects a port of another bridge", { ...present, port: { ...port, master: 77 } }, connect("veth9")],
    [
      "connects a port whose bridge is gone to a new one",
      { ...present, bridge: undefined, port: { ...port, master: undefined } },
      connect("veth9"),
    ],
    ["connects a port to a new bridge", { ...present, bridge: undefined }, connect("veth9")],
    ["finishes a port that is down", { ...present, port: { ...port, isUp: false } }, connect("veth9")],
    ["takes a device that somebody else has connected", { ...present, port: undefined }, []],
  ] as const)("%s", ([, facts, lines]) => {
    expect(plan(facts)).toEqual(lines);
  });

  test("is nothing when the bridge is the gateway", () => {
    expect(plan(nothing, { vlans: undefined })).toEqual([]);
  });
});

describe("with a VLAN gateway", () => {
  const facts = { bridge: { ...bridgeLink, vlanFiltering: true }, bridgeAddresses: [], container: undefined };

  test("a new bridge filters VLANs and has no addresses", () => {
    const plan = printPlan(planNetwork(config, addressing, { ...facts, bridge: undefined }, names));
    expect(plan.split("\n").slice(0, -1)).toEqual([
      "ip link add cni0 address 02:00:00:00:00:99 type bridge vlan_filtering 1",
      "sysctl -w net/ipv6/conf/cni0/accept_ra=0 || true",
      "ip link set cni0 up",
    ]);
  });

  test("the port of the container is in its VLANs before the container comes up", () => {
    const lines = printPlan(planAttachment(config, attachment, noAddressing, names)).split("\n");
    const at = lines.indexOf("bridge vlan add dev veth1 vid 100 pvid untagged master");
    expect(lines[at - 1]).toBe("bridge vlan delete dev veth1 vid 1-4094 master");
    expect(lines.indexOf("ip link set veth1 master cni0 alias n1/c1/eth0 up")).toBeLessThan(at - 1);
    expect(lines.indexOf("nsenter --net=container ip link set eth0 up")).toBeGreaterThan(at);
  });

  test("an address that is in the way is the gateway's", () => {
    const present = { ...facts, bridgeAddresses: [mustCidr("10.9.0.1/16")] };
    expect(addressConflict(config, addressing, present)).toBe(
      "cni0.100 has the address 10.9.0.1/16 already, so it cannot have 10.1.0.1/16",
    );
  });

  test("a bridge that does not filter VLANs is a conflict", () => {
    const unfiltered = { ...facts, bridge: { ...bridgeLink, vlanFiltering: false } };
    expect(conflict(config, attachment, facts)).toBeUndefined();
    expect(conflict(config, attachment, unfiltered)).toContain("cni0 does not filter VLANs");
  });
});
