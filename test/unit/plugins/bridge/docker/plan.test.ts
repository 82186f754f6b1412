import { describe, expect, test } from "vitest";
import { printPlan } from "../../../../../src/plan/print.ts";
import { decodeConfig } from "../../../../../src/plugins/bridge/config.ts";
import { planDockerAddressing, routeConflict } from "../../../../../src/plugins/bridge/docker/addressing.ts";
import { dockerNetworkOf } from "../../../../../src/plugins/bridge/docker/network.ts";
import { macOfIp, planBridge, planJoin, planPair } from "../../../../../src/plugins/bridge/docker/plan.ts";
import { unpublished } from "../../../../../src/plugins/bridge/docker/ports.ts";
import { emptyResult } from "../../../../../src/protocol/result.ts";
import { cidr, ip, mac } from "../../../../values.ts";
import { networkOf } from "../../configuration.ts";
import { attachment, bridgeLink, names } from "../examples.ts";

const leaseOf = (...addresses: readonly string[]) => ({
  ...emptyResult,
  ips: addresses.map((text) => ({ address: cidr(text) })),
});
const twins = ["192.0.2.2/24", "2001:db8:1::2/64"];

function planned(docker: object, { addresses = twins, present = [] as string[], isThere = false, mtu = 0 } = {}) {
  const config = decodeConfig(networkOf({ docker, mtu, ipam: { type: "host-local" } }), "");
  if (config.docker === undefined) throw new Error("no docker");
  const addressing = planDockerAddressing(config, config.docker, { leased: leaseOf(...addresses), present: [] });
  const network = dockerNetworkOf("cni0", config.docker, addressing.ips);
  const facts = {
    bridge: isThere ? bridgeLink : undefined,
    bridgeAddresses: present.map(cidr),
    container: undefined,
  };
  const wiring = { addressing, mac: mac("02:00:00:00:00:05"), names };
  return {
    addressing,
    bridge: lines(planBridge(config, config.docker, { network, gateways: addressing.gateways, facts, names })),
    pair: lines(planPair(config, attachment, wiring)),
    join: lines(planJoin("eth0", wiring)),
  };
}

const lines = (steps: Parameters<typeof printPlan>[0]) => printPlan(steps).trimEnd().split("\n");

describe("the bridge", () => {
  test("is made with its addresses and settings, and stays down", () => {
    expect(planned({}, { mtu: 1400 }).bridge).toEqual([
      "ip link add cni0 mtu 1400 address 02:00:00:00:00:99 txqueuelen 0 type bridge",
      "sysctl -w net/ipv6/conf/cni0/accept_ra=0 || true",
      "sysctl -w net/ipv6/conf/cni0/disable_ipv6=0",
      "ip address add 192.0.2.1/24 dev cni0",
      "ip address add 2001:db8:1::1/64 dev cni0 nodad",
      "sysctl -w net/ipv4/conf/cni0/route_localnet=1",
      "modprobe br_netfilter; sysctl -w net/bridge/bridge-nf-call-iptables=1",
      "modprobe br_netfilter; sysctl -w net/bridge/bridge-nf-call-ip6tables=1",
    ]);
  });

  test.for<[string, object, { present?: string[]; addresses?: string[] }, string[]]>([
    ["has what it needs", {}, { present: ["192.0.2.1/24", "2001:db8:1::1/64"] }, []],
    [
      "changes the IPv4 address of the same subnet",
      {},
      { present: ["10.0.0.1/8", "192.0.2.9/24"], addresses: ["192.0.2.2/24"] },
      ["ip address delete 192.0.2.9/24 dev cni0", "ip address add 192.0.2.1/24 dev cni0"],
    ],
    [
      "changes the first IPv4 address otherwise",
      {},
      { present: ["10.0.0.1/8", "10.0.0.2/8"], addresses: ["192.0.2.2/24"] },
      ["ip address delete 10.0.0.1/8 dev cni0", "ip address add 192.0.2.1/24 dev cni0"],
    ],
    [
      "keeps other IPv4 addresses beside the right one",
      {},
      { present: ["10.0.0.1/8", "192.0.2.1/24"], addresses: ["192.0.2.2/24"] },
      [],
    ],
    [
      "has no other IPv6 addresses",
      {},
      { present: ["fd00::1/64", "2001:db8:1::1/64"], addresses: ["2001:db8:1::2/64"] },
      ["ip address delete fd00::1/64 dev cni0"],
    ],
    [
      "has none when it is isolated",
      { internal: true, gatewayModeIPv4: "isolated", gatewayModeIPv6: "isolated" },
      {},
      [],
    ],
    [
      "has no IPv4 address when that is inhibited",
      { inhibitIPv4: true },
      {},
      ["ip address add 2001:db8:1::1/64 dev cni0 nodad"],
    ],
  ])("that is there %s", ([, docker, more, expected]) => {
    const { bridge } = planned(docker, { ...more, isThere: true });
    expect(bridge.filter((line) => line.startsWith("ip address"))).toEqual(expected);
    // it would follow the addresses of its ports
    const own = expected.length > 0 ? ["ip link set cni0 address 02:00:00:00:00:01"] : [];
    expect(bridge.filter((line) => line.startsWith("ip link"))).toEqual(own);
  });

  test("has no IPv6 when it is isolated in it, and is left alone without a subnet of it", () => {
    const isolated = planned({ internal: true, gatewayModeIPv6: "isolated" }).bridge;
    expect(isolated).toContain("sysctl -w net/ipv6/conf/cni0/disable_ipv6=1");
    expect(planned({}, { addresses: ["192.0.2.2/24"] }).bridge.join("\n")).not.toContain("disable_ipv6");
  });
});

describe("the container", () => {
  test("has its addresses before anything is up", () => {
    const { pair, join } = planned({}, { mtu: 1400 });
    expect(pair).toEqual([
      "ip link add veth1 mtu 1400 txqueuelen 0 type veth peer eth0 mtu 1400 address 02:00:00:00:00:05 txqueuelen 0 netns container",
      "ip link set veth1 master cni0 alias n1/c1/eth0",
      "bridge link set dev veth1 hairpin on",
      "nsenter --net=container sysctl -w net/ipv6/conf/eth0/disable_ipv6=0",
      "nsenter --net=container ip address add 192.0.2.2/24 dev eth0",
      "nsenter --net=container ip address add 2001:db8:1::2/64 dev eth0 nodad",
    ]);
    expect(join).toEqual([
      "ip link set veth1 up",
      "nsenter --net=container ip link set eth0 up",
      "nsenter --net=container ip route add 0.0.0.0/0 via 192.0.2.1 dev eth0",
      "nsenter --net=container ip route add ::/0 via 2001:db8:1::1 dev eth0",
      "# wait until veth1 is up and running",
      "nsenter --net=container arping -c 1 -U -I eth0 192.0.2.2",
      "nsenter --net=container ndsend 2001:db8:1::2 eth0",
    ]);
  });

  test("has no IPv6 without an address of it", () => {
    expect(planned({}, { addresses: ["192.0.2.2/24"] }).pair).toContain(
      "nsenter --net=container sysctl -w net/ipv6/conf/eth0/disable_ipv6=1",
    );
  });

  test("has a MAC address of its IPv4 address, if it has one", () => {
    expect(macOfIp(planned({}).addressing)).toBe("02:42:c0:00:02:02");
    expect(macOfIp(planned({}, { addresses: ["2001:db8:1::2/64"] }).addressing)).toBeUndefined();
  });
});

describe("the default route", () => {
  const config = decodeConfig(networkOf({ docker: {}, ipam: { type: "host-local" } }), "");
  const route = (dst: string, table = 254) => ({
    dst: cidr(dst),
    table,
    link: 2,
    gw: undefined,
    priority: 0,
    mtu: undefined,
  });
  const destinations = (present: readonly ReturnType<typeof route>[]) => {
    if (config.docker === undefined) throw new Error("no docker");
    const { routes } = planDockerAddressing(config, config.docker, { leased: leaseOf(...twins), present });
    return routes.map(({ dst }) => dst.ip.family);
  };

  test("is that of the first network, in each family", () => {
    expect(destinations([])).toEqual([4, 6]);
    expect(destinations([route("0.0.0.0/0")])).toEqual([6]);
    expect(destinations([route("::/0"), route("0.0.0.0/0")])).toEqual([]);
    expect(destinations([route("0.0.0.0/0", 100), route("10.0.0.0/8")])).toEqual([4, 6]);
  });

  test("does not overlap, other routes may not", () => {
    const { addressing } = planned({});
    expect(
      routeConflict(addressing, [route("0.0.0.0/0"), route("10.0.0.0/8"), route("192.0.2.0/24", 255)]),
    ).toBeUndefined();
    for (const other of ["192.0.0.0/16", "192.0.2.128/25", "2001:db8::/32"])
      expect(routeConflict(addressing, [route(other)])).toContain(`the container has a route to ${other} already`);
  });
});

test("ports that nobody can reach are told", () => {
  const network = dockerNetworkOf(
    "cni0",
    decodeConfig(networkOf({ docker: {}, ipam: { type: "x" } }), "").docker as never,
    leaseOf("192.0.2.2/24").ips,
  );
  const mapping = { protocol: "tcp", hostPort: 80, containerPort: 81 } as const;
  const endpoint = {
    addresses: [ip("192.0.2.2")],
    mappings: [
      { ...mapping, hostIp: ip("::1") },
      { ...mapping, hostIp: undefined },
    ],
  };
  expect(unpublished(network, endpoint)).toEqual([
    "port [::1]:80:81/tcp is not published: the container has no IPv6 address",
  ]);
});
