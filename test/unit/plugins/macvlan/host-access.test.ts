import { expect, test } from "vitest";
import { printCidr } from "../../../../src/net/cidr.ts";
import { printIp } from "../../../../src/net/ip.ts";
import type { Route } from "../../../../src/net/route.ts";
import type { KernelRoute } from "../../../../src/plan/facts.ts";
import { printPlan } from "../../../../src/plan/print.ts";
import {
  accessDifferences,
  lacksAddress,
  planHostLink,
  planParting,
  planReaching,
  routesToHost,
  throughHost,
} from "../../../../src/plugins/macvlan/host-access.ts";
import { mustCidr, mustIp, mustMac } from "../../net/must.ts";
import { containerLink, parentLink } from "./examples.ts";

const hostMac = mustMac("02:00:00:00:00:99");
const mac = mustMac("02:00:00:00:00:05");
const addresses = ["192.0.2.50/24", "2001:db8::50/64"].map(mustCidr);
const host = { 4: ["10.0.0.1/8", "192.0.2.1/24"].map(mustCidr), 6: ["2001:db8::1/64"].map(mustCidr) };
const addressing = (...texts: string[]) => ({ ips: texts.map((text) => ({ address: mustCidr(text) })), routes: [] });
const print = ({ dst, gw, scope }: Route) =>
  `${printCidr(dst)}${gw === undefined ? "" : ` via ${printIp(gw)}`}${scope === undefined ? "" : ` scope ${scope}`}`;

test("the host's link, quiet towards other machines", () => {
  expect(printPlan(planHostLink("mvhost0", parentLink, hostMac, [mac]))).toBe(
    `ip link add mvhost0 address 02:00:00:00:00:99 link lan0 type macvlan mode bridge
ip link set mvhost0 alias access to containers on lan0
tc qdisc add dev mvhost0 ingress
tc filter replace dev mvhost0 parent ffff: prio 1 handle 1 bpf da bytecode "6,32 0 0 8,21 0 3 5,40 0 0 6,21 0 1 512,6 0 0 0,6 0 0 2"
sysctl -w net/ipv4/conf/mvhost0/rp_filter=1 || true
sysctl -w net/ipv6/conf/mvhost0/accept_ra=0 || true
sysctl -w net/ipv6/conf/mvhost0/addr_gen_mode=1 || true
ip link set mvhost0 up
`,
  );
});

test("the ways to a container, from the address that is nearest to it", () => {
  expect(printPlan(planReaching("mvhost0", hostMac, { addresses, mac }, host))).toBe(
    `sysctl -w net/ipv6/conf/mvhost0/disable_ipv6=0 || true
ip address add fe80::ff:fe00:99/64 dev mvhost0 nodad
ip neighbour replace 192.0.2.50 lladdr 02:00:00:00:00:05 dev mvhost0 nud permanent
ip route add 192.0.2.50/32 scope 253 dev mvhost0 src 192.0.2.1
ip neighbour replace 2001:db8::50 lladdr 02:00:00:00:00:05 dev mvhost0 nud permanent
ip route add 2001:db8::50/128 dev mvhost0
`,
  );
  const far = planReaching("mvhost0", hostMac, { addresses: [mustCidr("10.7.0.2/24")], mac }, { ...host, 4: [] });
  expect(printPlan(far)).toContain("ip route add 10.7.0.2/32 scope 253 dev mvhost0\n");
});

test("who leaves takes his own with him, but not what another one has by now", () => {
  expect(printPlan(planParting("mvhost0", addresses, [mustCidr("192.0.2.50/32")]))).toBe(
    `ip route delete 2001:db8::50/128 dev mvhost0
ip neighbour delete 2001:db8::50 dev mvhost0
`,
  );
});

test("a container's ways to the host", () => {
  expect(routesToHost(addressing("192.0.2.50/24", "2001:db8::50/64"), host, hostMac).map(print)).toEqual([
    "10.0.0.1/32 scope 253",
    "2001:db8::1/128 via fe80::ff:fe00:99",
  ]);
  expect(routesToHost(addressing("192.0.2.50/24"), host, hostMac).map(print)).toEqual(["10.0.0.1/32 scope 253"]);
  expect(routesToHost(addressing("fd00::5/64"), host, hostMac).map(print)).toEqual([
    "2001:db8::1/128 via fe80::ff:fe00:99",
  ]);
});

test("routes by the host itself", () => {
  const routes: Route[] = ["0.0.0.0/0", "::/0", "2001:db8:1::/48"].map((dst) => ({ dst: mustCidr(dst) }));
  const ips = [
    { address: mustCidr("192.0.2.50/24"), gateway: mustIp("192.0.2.1") },
    { address: mustCidr("2001:db8::50/64"), gateway: mustIp("2001:db8::1") },
  ];
  const others = [{ dst: mustCidr("2001:db8:2::/48"), gw: mustIp("2001:db8::9") }];
  expect(throughHost({ ips, routes: [...routes, ...others] }, host, hostMac).routes.map(print)).toEqual([
    "0.0.0.0/0",
    "::/0 via fe80::ff:fe00:99",
    "2001:db8:1::/48 via fe80::ff:fe00:99",
    "2001:db8:2::/48 via 2001:db8::9",
  ]);
});

test("a host without an IPv4 address", () => {
  expect(lacksAddress(addressing("192.0.2.50/24"), { ...host, 4: [] })).toContain("no IPv4 address");
  expect(lacksAddress(addressing("2001:db8::50/64"), { 4: [], 6: [] })).toBeUndefined();
  expect(lacksAddress(addressing("192.0.2.50/24"), host)).toBeUndefined();
});

const link = { ...containerLink, index: 9, name: "mvhost0", isUp: true };
const routes: KernelRoute[] = ["192.0.2.50/32", "2001:db8::50/128"].map((dst) => ({
  dst: mustCidr(dst),
  link: 9,
  gw: undefined,
  table: 254,
  priority: 0,
  mtu: undefined,
}));
const neighbours = addresses.map(({ ip }) => ({ ip, mac }));
const facts = { host, link, parent: parentLink, routes, neighbours };
const other = mustMac("02:00:00:00:00:06");

test.each([
  ["nothing", facts, []],
  ["the link", { ...facts, link: undefined }, ["the host's interface mvhost0 is gone"]],
  ["its kind", { ...facts, link: { ...link, kind: "veth" } }, ["mvhost0 is not a macvlan on lan0"]],
  ["its parent", { ...facts, link: { ...link, peer: 3 } }, ["mvhost0 is not a macvlan on lan0"]],
  ["its being up", { ...facts, link: { ...link, isUp: false } }, ["the host's interface mvhost0 is down"]],
  ["a route", { ...facts, routes: routes.slice(1) }, ["the host has no route to 192.0.2.50 by mvhost0"]],
  [
    "where a route leads",
    { ...facts, routes: routes.map((route) => ({ ...route, link: 2 })) },
    ["the host has no route to 192.0.2.50 by mvhost0", "the host has no route to 2001:db8::50 by mvhost0"],
  ],
  [
    "a neighbour",
    { ...facts, neighbours: [{ ip: mustIp("192.0.2.50"), mac: other }, ...neighbours.slice(1)] },
    ["the host knows the MAC address 02:00:00:00:00:06 for 192.0.2.50 instead of 02:00:00:00:00:05"],
  ],
])("CHECK sees a difference in %s", (_, found, expected) => {
  expect(accessDifferences("mvhost0", { addresses, mac }, found)).toEqual(expected);
});
