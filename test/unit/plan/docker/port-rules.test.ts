import { describe, expect, test } from "vitest";
import type { PortMapping } from "../../../../src/net/port-mapping.ts";
import type { GatewayMode } from "../../../../src/plan/docker/network.ts";
import { portRules } from "../../../../src/plan/docker/port-rules.ts";
import { dockerNetwork, dockerSubnet } from "../../../docker-networks.ts";
import { ip } from "../../../values.ts";

const c4 = ip("192.0.2.2");
const c6 = ip("2001:db8:1::2");
const web: PortMapping = { protocol: "tcp", hostPort: 8080, containerPort: 80, hostIp: undefined };
const both = dockerNetwork("br1", ["192.0.2.0/24", "2001:db8:1::/64"]);
const inMode = (gatewayMode: GatewayMode) =>
  dockerNetwork("br1", [], { subnets: { 4: dockerSubnet("192.0.2.0/24", { gatewayMode }) } });

const calls = (...args: Parameters<typeof portRules>) =>
  portRules(...args).map(({ table, chain, text, at }) => `${table} ${at === "head" ? "-I" : "-A"} ${chain} ${text}`);
/** Which ports of the host lead where. */
const published = (...args: Parameters<typeof portRules>) =>
  portRules(...args)
    .filter(({ text }) => text.includes("DNAT"))
    .map(({ text }) => text);

const dnat = "nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80";
const self = "nat -A POSTROUTING -s 192.0.2.2/32 -d 192.0.2.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE";
const open = "filter -I DOCKER -d 192.0.2.2/32 ! -i br1 -o br1 -p tcp -m tcp --dport 80 -j ACCEPT";

describe("a published port", () => {
  test.for<[GatewayMode, string[]]>([
    ["nat", [dnat, self, open]],
    ["nat-unprotected", [dnat, self]],
    ["routed", [open]],
    ["isolated", []],
  ])("of a network in mode %s", ([mode, expected]) => {
    expect(calls(inMode(mode), c4, [web])).toEqual(expected);
  });

  test("of an internal network, and of one without the family, is none", () => {
    expect(calls({ ...both, internal: true }, c4, [web])).toEqual([]);
    expect(calls(inMode("nat"), c6, [web])).toEqual([]);
  });

  test("of IPv6 is not for link-local clients", () => {
    expect(published(both, c6, [web])).toEqual([
      "! -s fe80::/10 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80",
    ]);
    expect(published(both, c6, [{ ...web, hostIp: ip("fd00::1") }])).toEqual([
      "! -s fe80::/10 -d fd00::1/128 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80",
    ]);
  });

  test.for<[string, string | undefined, string | undefined, number, number]>([
    ["left open is in both families", undefined, undefined, 1, 1],
    ["left open, where the network says any, is in both families", undefined, "0.0.0.0", 1, 1],
    ["left open, where the network says one, is there", undefined, "192.0.2.99", 1, 0],
    ["of any IPv4 address is in that family", "0.0.0.0", undefined, 1, 0],
    ["of any IPv6 address is in that family", "::", undefined, 0, 1],
    ["of an IPv6 address is in that family, whatever the network says", "fd00::1", "192.0.2.99", 0, 1],
  ])("%s", ([, hostIp, binding, in4, in6]) => {
    const network = { ...both, hostBinding: binding === undefined ? undefined : ip(binding) };
    const mapping = { ...web, hostIp: hostIp === undefined ? undefined : ip(hostIp) };
    expect([published(network, c4, [mapping]).length, published(network, c6, [mapping]).length]).toEqual([in4, in6]);
  });

  test("on a loopback address is closed to what comes in from outside", () => {
    expect(calls(both, c4, [{ ...web, hostIp: ip("127.3.2.1") }])[0]).toBe(
      "raw -A PREROUTING -d 127.3.2.1/32 ! -i lo -p tcp -m tcp --dport 8080 -j DROP",
    );
  });
});

test("several come by container port, protocol, host port and address", () => {
  const mapping = (containerPort: number, protocol: PortMapping["protocol"], hostPort: number, hostIp?: string) => ({
    containerPort,
    protocol,
    hostPort,
    hostIp: hostIp === undefined ? undefined : ip(hostIp),
  });
  const sorted = [
    mapping(53, "tcp", 53),
    mapping(53, "udp", 53),
    mapping(53, "sctp", 53),
    mapping(80, "tcp", 8080),
    mapping(80, "tcp", 8081, "192.0.2.8"),
    mapping(80, "tcp", 8081, "192.0.2.9"),
    mapping(443, "tcp", 443),
  ];
  const texts = sorted.flatMap((each) => published(both, c4, [each]));
  expect(texts).toHaveLength(7);
  expect(published(both, c4, sorted.toReversed())).toEqual(texts);
});

test("two ports of the host that lead to one of the container open it once", () => {
  const rules = calls(both, c4, [web, { ...web, hostPort: 8081 }]);
  expect(rules.filter((rule) => rule === open)).toHaveLength(1);
  expect(rules.filter((rule) => rule === self)).toHaveLength(1);
  expect(rules.filter((rule) => rule.includes("DNAT"))).toHaveLength(2);
});
