import { describe, expect, test } from "vitest";
import type { Cidr } from "../../../../src/net/cidr.ts";
import type { Route } from "../../../../src/net/route.ts";
import type { Link } from "../../../../src/plan/facts.ts";
import { printPlan } from "../../../../src/plan/print.ts";
import type { Step } from "../../../../src/plan/step.ts";
import { aliasOf } from "../../../../src/plugins/alias.ts";
import { type Addressing, noAddressing } from "../../../../src/plugins/bridge/addressing.ts";
import {
  addressConflict,
  type BridgeFacts,
  conflict,
  planAttachment,
  planMasquerade,
  planNetwork,
  planRemoval,
} from "../../../../src/plugins/bridge/plan.ts";
import { mustCidr, mustIp, mustMac } from "../../net/must.ts";
import { attachment, bridgeLink, containerLink, hostLink, names, plainConfig } from "./examples.ts";

const gatewayConfig = { ...plainConfig, isGateway: true };

function addressing(
  addresses: readonly string[],
  gateways: readonly string[],
  routes: readonly Route[] = [],
): Addressing {
  const ips = addresses.map((text, i) => {
    const gateway = gateways[i];
    return { interface: 2, address: mustCidr(text), gateway: gateway === undefined ? undefined : mustCidr(gateway).ip };
  });
  return { ips, routes, gateways: gateways.map(mustCidr) };
}

const ipv4 = addressing(["10.1.0.5/16"], ["10.1.0.1/16"], [{ dst: mustCidr("0.0.0.0/0") }]);
const dualStack = addressing(
  ["10.1.0.5/16", "2001:db8::5/64"],
  ["10.1.0.1/16", "2001:db8::1/64"],
  [{ dst: mustCidr("::/0"), gw: mustIp("2001:db8::1") }, { dst: mustCidr("0.0.0.0/0") }],
);

function factsOf(bridge?: Partial<Link>, addresses: readonly string[] = []): BridgeFacts {
  return {
    bridge: bridge === undefined ? undefined : { ...bridgeLink, ...bridge },
    bridgeAddresses: addresses.map(mustCidr),
    container: undefined,
  };
}

/** The lines of a plan. */
function print(steps: readonly Step[]): readonly string[] {
  return printPlan(steps).split("\n").slice(0, -1);
}

describe("conflict", () => {
  test.for([
    ["nothing is there", factsOf()],
    ["the bridge is there", factsOf({})],
    ["the bridge is down", factsOf({ isUp: false })],
  ] as const)("none when %s", ([, facts]) => {
    expect(conflict(plainConfig, attachment, facts)).toBeUndefined();
  });

  test.for([
    ["another kind of link", factsOf({ kind: "macvlan" }), "cni0 exists but is not a bridge: it is of kind macvlan"],
    ["hardware", factsOf({ kind: undefined }), "cni0 exists but is not a bridge: it is a device of no kind"],
    ["a taken name", { ...factsOf({}), container: containerLink }, "the container has an interface eth0 already"],
  ] as const)("with %s", ([, facts, sentence]) => {
    expect(conflict(plainConfig, attachment, facts)).toBe(sentence);
  });
});

describe("addressConflict", () => {
  const conflictOf = (present: readonly string[], gateways: readonly string[]) =>
    addressConflict(gatewayConfig, addressing([], gateways), factsOf({}, present));
  const already = (present: string, wanted: string) =>
    `cni0 has the address ${present} already, so it cannot have ${wanted}`;

  test.for([
    ["a bridge without addresses", [], ["10.1.0.1/16", "2001:db8::1/64"]],
    ["no gateway", ["10.1.0.1/16"], []],
    ["the same address", ["10.1.0.1/16"], ["10.1.0.1/16"]],
    ["the same addresses of both families", ["2001:db8::1/64", "10.1.0.1/16"], ["10.1.0.1/16", "2001:db8::1/64"]],
    ["an address of the other family", ["2001:db8::1/64"], ["10.1.0.1/16"]],
    ["IPv6 networks apart from each other", ["2001:db8:1:2::1/64"], ["fd00:1234::1/64"]],
    ["two IPv6 gateways apart from each other", [], ["2001:db8::1/64", "2001:db8:1::1/64"]],
    ["the same gateway twice", [], ["10.1.0.1/16", "10.1.0.1/16"]],
  ] as const)("none with %s", ([, present, gateways]) => {
    expect(conflictOf(present, gateways)).toBeUndefined();
  });

  test.for([
    ["an IPv4 address of another network", ["10.0.0.1/8"], ["10.1.2.3/16"], already("10.0.0.1/8", "10.1.2.3/16")],
    ["an IPv4 address far away", ["192.168.0.1/24"], ["10.1.0.1/16"], already("192.168.0.1/24", "10.1.0.1/16")],
    [
      "the same IPv4 address with another prefix",
      ["10.1.0.1/24"],
      ["10.1.0.1/16"],
      already("10.1.0.1/24", "10.1.0.1/16"),
    ],
    ["two IPv4 gateways", [], ["10.1.0.1/16", "10.2.0.1/16"], already("10.1.0.1/16", "10.2.0.1/16")],
    [
      "an IPv6 network around it",
      ["2001:db8:1::1/48"],
      ["2001:db8:1:2::1/64"],
      already("2001:db8:1::1/48", "2001:db8:1:2::1/64"),
    ],
    [
      "an IPv6 network inside it",
      ["2001:db8:1:2::1/64"],
      ["2001:db8:1::1/48"],
      already("2001:db8:1:2::1/64", "2001:db8:1::1/48"),
    ],
    [
      "another address of its IPv6 network",
      ["2001:db8::2/64"],
      ["2001:db8::1/64"],
      already("2001:db8::2/64", "2001:db8::1/64"),
    ],
    [
      "a second gateway, when the first is there",
      ["10.1.0.1/16"],
      ["10.1.0.1/16", "10.2.0.1/16"],
      already("10.1.0.1/16", "10.2.0.1/16"),
    ],
  ] as const)("with %s", ([, present, gateways, sentence]) => {
    expect(conflictOf(present, gateways)).toBe(sentence);
  });
});

describe("planNetwork", () => {
  const plan = (facts: BridgeFacts, { gateways, mtu }: { gateways?: readonly Cidr[]; mtu?: number } = {}) =>
    print(planNetwork({ ...plainConfig, mtu }, { ...noAddressing, gateways: gateways ?? [] }, facts, names));

  test("makes a bridge", () => {
    expect(plan(factsOf())).toEqual([
      "ip link add cni0 address 02:00:00:00:00:99 type bridge",
      "sysctl -w net/ipv6/conf/cni0/accept_ra=0 || true",
      "ip link set cni0 up",
    ]);
  });

  test("makes a bridge with its MTU and its addresses, of which nobody else can be the owner", () => {
    expect(plan(factsOf(), { gateways: dualStack.gateways, mtu: 1400 })).toEqual([
      "ip link add cni0 mtu 1400 address 02:00:00:00:00:99 type bridge",
      "sysctl -w net/ipv6/conf/cni0/accept_ra=0 || true",
      "ip link set cni0 up",
      "ip address add 10.1.0.1/16 dev cni0 nodad",
      "ip address add 2001:db8::1/64 dev cni0 nodad",
    ]);
  });

  const owned = "sysctl -w net/ipv6/conf/cni0/accept_ra=0 || true";

  test("takes no routes from its ports on a bridge that is there, as the reference does", () => {
    expect(plan(factsOf({}))).toEqual([owned]);
  });

  test.for([
    ["leaves a bridge that has all", factsOf({}, ["10.1.0.1/16"]), {}, []],
    ["leaves the MTU of a bridge that is there", factsOf({}), { mtu: 1400 }, []],
    ["sets a bridge up that is down", factsOf({ isUp: false }), {}, ["ip link set cni0 up"]],
    [
      "gives a bridge its address, and keeps its MAC address from following the ports",
      factsOf({}),
      { gateways: ipv4.gateways },
      ["ip address add 10.1.0.1/16 dev cni0", "ip link set cni0 address 02:00:00:00:00:01"],
    ],
    ["does not touch a bridge that has the address", factsOf({}, ["10.1.0.1/16"]), { gateways: ipv4.gateways }, []],
    [
      "adds the address that is missing",
      factsOf({ isUp: false }, ["10.1.0.1/16"]),
      { gateways: dualStack.gateways },
      ["ip link set cni0 up", "ip address add 2001:db8::1/64 dev cni0", "ip link set cni0 address 02:00:00:00:00:01"],
    ],
  ] as const)("%s", ([, facts, more, lines]) => {
    expect(plan(facts, more).filter((line) => line !== owned)).toEqual(lines);
  });

  test.for([
    ["a bridge that is not there", factsOf(), true],
    ["a bridge that is there", factsOf({}), true],
    ["a bridge that is so already", factsOf({ isPromiscuous: true }), false],
  ] as const)("makes promiscuous: %s", ([, facts, expected]) => {
    const lines = print(planNetwork({ ...plainConfig, promiscMode: true }, noAddressing, facts, names));
    expect(lines.includes("ip link set cni0 promisc on")).toBe(expected);
  });

  test("takes addresses away that are in the way, when that is wanted", () => {
    const config = { ...plainConfig, forceAddress: true };
    const facts = factsOf({}, ["10.9.0.1/16", "2001:db8:9::1/64", "2001:db8::9/48"]);
    expect(addressConflict(config, { ...noAddressing, gateways: dualStack.gateways }, facts)).toBeUndefined();
    const steps = planNetwork(config, { ...noAddressing, gateways: dualStack.gateways }, facts, names);
    expect(print(steps).slice(1)).toEqual([
      "ip address delete 10.9.0.1/16 dev cni0",
      "ip address add 10.1.0.1/16 dev cni0",
      "ip address delete 2001:db8::9/48 dev cni0",
      "ip address add 2001:db8::1/64 dev cni0",
      "ip link set cni0 address 02:00:00:00:00:01",
    ]);
  });

  test("bears another ADD that makes the same at the same time", () => {
    const steps = planNetwork(plainConfig, { ...noAddressing, gateways: ipv4.gateways }, factsOf(), names);
    const tolerant = steps.flatMap((step) => ("tolerate" in step ? [[step.do, step.tolerate]] : []));
    expect(tolerant).toEqual([
      ["link.add-bridge", ["EEXIST"]],
      ["address.add", ["EEXIST"]],
    ]);
  });
});

describe("planAttachment", () => {
  const inside = "nsenter --net=container";

  test("of layer 2", () => {
    expect(print(planAttachment(plainConfig, attachment, noAddressing, names))).toEqual([
      "ip link add veth1 type veth peer eth0 netns container",
      "sysctl -w net/ipv6/conf/veth1/accept_ra=0 || true",
      "ip link set veth1 master cni0 alias n1/c1/eth0 up",
      `${inside} ip link set eth0 up`,
      "# wait until veth1 is up and running",
    ]);
  });

  test("of a gateway, IPv4", () => {
    expect(print(planAttachment(gatewayConfig, attachment, ipv4, names))).toEqual([
      "ip link add veth1 type veth peer eth0 netns container",
      "sysctl -w net/ipv6/conf/veth1/accept_ra=0 || true",
      "ip link set veth1 master cni0 alias n1/c1/eth0 up",
      `${inside} sysctl -w net/ipv4/conf/eth0/arp_notify=1 || true`,
      `${inside} sysctl -w net/ipv6/conf/eth0/accept_dad=0 || true`,
      `${inside} ip address add 10.1.0.5/16 dev eth0`,
      `${inside} ip link set eth0 up`,
      `${inside} ip route add 0.0.0.0/0 via 10.1.0.1 dev eth0`,
      "# wait until veth1 is up and running",
      "sysctl -w net/ipv4/ip_forward=1",
    ]);
  });

  test("of a gateway, dual stack", () => {
    expect(print(planAttachment(gatewayConfig, attachment, dualStack, names))).toEqual([
      "ip link add veth1 type veth peer eth0 netns container",
      "sysctl -w net/ipv6/conf/veth1/accept_ra=0 || true",
      "ip link set veth1 master cni0 alias n1/c1/eth0 up",
      `${inside} sysctl -w net/ipv4/conf/eth0/arp_notify=1 || true`,
      `${inside} sysctl -w net/ipv6/conf/eth0/accept_dad=0 || true`,
      `${inside} sysctl -w net/ipv6/conf/lo/disable_ipv6=0`,
      `${inside} sysctl -w net/ipv6/conf/eth0/disable_ipv6=0`,
      `${inside} sysctl -w net/ipv6/conf/eth0/keep_addr_on_down=1 || true`,
      `${inside} ip address add 10.1.0.5/16 dev eth0`,
      `${inside} ip address add 2001:db8::5/64 dev eth0 nodad`,
      `${inside} ip link set eth0 up`,
      `${inside} ip route add ::/0 via 2001:db8::1 dev eth0`,
      `${inside} ip route add 0.0.0.0/0 via 10.1.0.1 dev eth0`,
      "# wait until veth1 is up and running",
      "sysctl -w net/ipv4/ip_forward=1",
      "sysctl -w net/ipv6/conf/all/forwarding=1",
    ]);
  });

  const ipv6 = addressing(["2001:db8::5/64"], ["2001:db8::1/64"]);

  test.for([
    ["IPv4", ipv4, ["net/ipv4/ip_forward"]],
    ["IPv6", ipv6, ["net/ipv6/conf/all/forwarding"]],
    ["both", dualStack, ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"]],
    ["nothing in layer 2", noAddressing, []],
  ] as const)("lets the host forward %s as the last thing, and only for a gateway", ([, addresses, keys]) => {
    const isForwarding = (step: Step) => step.do === "sysctl.set" && step.key.includes("forward");
    const forwarding = keys.map((key) => ({ do: "sysctl.set", place: "host", key, value: "1" }));
    const steps = planAttachment(gatewayConfig, attachment, addresses, names);
    expect(steps.filter(isForwarding)).toEqual(forwarding);
    expect(steps.slice(steps.length - forwarding.length)).toEqual(forwarding);
    expect(planAttachment(plainConfig, attachment, addresses, names).filter(isForwarding)).toEqual([]);
  });

  test("with MTU and MAC address: the MTU at both ends, the MAC address in the container", () => {
    const config = { ...plainConfig, mtu: 1400, mac: mustMac("02:00:00:00:00:0a") };
    const [first] = print(planAttachment(config, attachment, noAddressing, names));
    expect(first).toBe(
      "ip link add veth1 mtu 1400 type veth peer eth0 mtu 1400 address 02:00:00:00:00:0a netns container",
    );
  });

  test("with hairpin mode, before the container is up", () => {
    const lines = print(planAttachment({ ...plainConfig, hairpinMode: true }, attachment, noAddressing, names));
    expect(lines.slice(2, 5)).toEqual([
      "ip link set veth1 master cni0 alias n1/c1/eth0 up",
      "bridge link set dev veth1 hairpin on",
      `${inside} ip link set eth0 up`,
    ]);
  });

  test.for([
    [{ portIsolation: true }, "bridge link set dev veth1 isolated on"],
    [{ portIsolation: true, hairpinMode: true }, "bridge link set dev veth1 hairpin on isolated on"],
  ] as const)("with %j", ([flags, line]) => {
    const lines = print(planAttachment({ ...plainConfig, ...flags }, attachment, noAddressing, names));
    expect(lines[3]).toBe(line);
  });

  test("with an interface that stays down", () => {
    const config = { ...plainConfig, disableContainerInterface: true };
    expect(print(planAttachment(config, attachment, noAddressing, names))).toEqual([
      "ip link add veth1 type veth peer eth0 netns container",
      "sysctl -w net/ipv6/conf/veth1/accept_ra=0 || true",
      "ip link set veth1 master cni0 alias n1/c1/eth0 up",
    ]);
  });

  test("with duplicate address detection, which is awaited", () => {
    const lines = print(planAttachment({ ...plainConfig, enableDad: true }, attachment, dualStack, names));
    expect(lines).toContain(`${inside} sysctl -w net/ipv6/conf/eth0/enhanced_dad=1 || true`);
    expect(lines).toContain(`${inside} sysctl -w net/ipv6/conf/eth0/accept_dad=1 || true`);
    expect(lines).toContain(`${inside} ip address add 2001:db8::5/64 dev eth0`);
    expect(lines.slice(lines.indexOf("# wait until veth1 is up and running"))).toEqual([
      "# wait until veth1 is up and running",
      "# wait until nobody else can have the IPv6 addresses of eth0",
    ]);
  });

  test("with duplicate address detection and IPv4 alone, where there is nothing to await", () => {
    const lines = print(planAttachment({ ...plainConfig, enableDad: true }, attachment, ipv4, names));
    expect(lines.at(-1)).toBe("# wait until veth1 is up and running");
  });

  test("on a bridge of another name, with another interface", () => {
    const config = { ...plainConfig, bridge: "br-1" };
    expect(print(planAttachment(config, { containerId: "c2", ifname: "net1" }, noAddressing, names))).toEqual([
      "ip link add veth1 type veth peer net1 netns container",
      "sysctl -w net/ipv6/conf/veth1/accept_ra=0 || true",
      "ip link set veth1 master br-1 alias n1/c2/net1 up",
      `${inside} ip link set net1 up`,
      "# wait until veth1 is up and running",
    ]);
  });
});

describe("planMasquerade", () => {
  const masquerading = { ...plainConfig, ipMasq: true };

  test("is nothing unless it is asked for", () => {
    expect(planMasquerade(plainConfig, attachment, dualStack, names)).toEqual([]);
  });

  test("is nothing in layer 2", () => {
    expect(planMasquerade(masquerading, attachment, noAddressing, names)).toEqual([]);
  });

  test("of both families", () => {
    expect(print(planMasquerade(masquerading, attachment, dualStack, names))).toEqual([
      "iptables-restore --noflush <<END",
      "*nat",
      "-N CNI-1",
      String.raw`-A CNI-1 -d 10.1.0.0/16 -m comment --comment "name: \"n1\" id: \"c1\"" -j ACCEPT`,
      String.raw`-A CNI-1 ! -d 224.0.0.0/4 -m comment --comment "name: \"n1\" id: \"c1\"" -j MASQUERADE`,
      String.raw`-A POSTROUTING -s 10.1.0.5/32 -m comment --comment "name: \"n1\" id: \"c1\"" -j CNI-1`,
      "COMMIT",
      "END",
      "ip6tables-restore --noflush <<END",
      "*nat",
      "-N CNI-1",
      String.raw`-A CNI-1 -d 2001:db8::/64 -m comment --comment "name: \"n1\" id: \"c1\"" -j ACCEPT`,
      String.raw`-A CNI-1 ! -d ff00::/8 -m comment --comment "name: \"n1\" id: \"c1\"" -j MASQUERADE`,
      String.raw`-A POSTROUTING -s 2001:db8::5/128 -m comment --comment "name: \"n1\" id: \"c1\"" -j CNI-1`,
      "COMMIT",
      "END",
    ]);
  });
});

describe("planRemoval", () => {
  const [rules] = planMasquerade({ ...plainConfig, ipMasq: true }, attachment, ipv4, names);
  const chains = rules?.do === "rules.add" ? [rules.chain] : [];
  const nothing = { container: undefined, addresses: [], host: undefined };

  test("of nothing is nothing", () => {
    expect(planRemoval(attachment, nothing, [])).toEqual([]);
  });

  test.for([
    ["the container's interface", { container: containerLink }, { place: "container", link: "eth0" }],
    ["the host's end when the container is out of reach", { host: hostLink }, { place: "host", link: "veth1" }],
  ] as const)("deletes %s, which may go by itself", ([, remains, link]) => {
    const step = { do: "link.delete", ...link, tolerate: ["ENODEV"] };
    expect(planRemoval(attachment, { ...nothing, ...remains }, [])).toEqual([step]);
  });

  test("removes the rules first", () => {
    expect(print(planRemoval(attachment, { ...nothing, container: containerLink }, chains))).toEqual([
      "iptables-restore --noflush <<END",
      "*nat",
      String.raw`-D POSTROUTING -s 10.1.0.5/32 -m comment --comment "name: \"n1\" id: \"c1\"" -j CNI-1`,
      "-F CNI-1",
      "-X CNI-1",
      "COMMIT",
      "END",
      "nsenter --net=container ip link delete eth0",
    ]);
  });
});

test.for([
  ["n1/c1/eth0", "c1"],
  [`n1/${"x".repeat(236)}/eth0`, "x".repeat(300)],
] as const)("the alias is %s", ([alias, containerId]) => {
  expect(aliasOf("n1", { containerId, ifname: "eth0" })).toBe(alias);
});
