import { describe, expect, test } from "vitest";
import { printCidr } from "../../../../src/net/cidr.ts";
import { printIp } from "../../../../src/net/ip.ts";
import type { Route } from "../../../../src/net/route.ts";
import { type Addressing, noAddressing, planAddressing } from "../../../../src/plugins/bridge/addressing.ts";
import type { BridgeConfig } from "../../../../src/plugins/bridge/config.ts";
import { kernelRoutes } from "../../../../src/plugins/kernel-routes.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { emptyResult, type Result } from "../../../../src/protocol/result.ts";
import { mustCidr, mustIp } from "../../net/must.ts";
import { plainConfig } from "./examples.ts";

const none = { ...plainConfig, ipamType: "host-local" };
const gateway = { ...none, isGateway: true };
const defaultGateway = { ...gateway, isDefaultGateway: true };

/** `10.1.0.5/16 via 10.1.0.1` is an address with its gateway. */
function leased(addresses: readonly string[], routes: readonly Route[] = []): Result {
  const ips = addresses.map((text) => {
    const [address = "", via] = text.split(" via ");
    return { address: mustCidr(address), gateway: via === undefined ? undefined : mustIp(via) };
  });
  return { ...emptyResult, ips, routes };
}

/** `0.0.0.0/0 via 10.1.0.1` is a route. */
function route(text: string, more: Partial<Route> = {}): Route {
  const [dst = "", via] = text.split(" via ");
  return { dst: mustCidr(dst), ...(via === undefined ? {} : { gw: mustIp(via) }), ...more };
}

function printRoute({ dst, gw, table, priority, scope }: Route): string {
  const words = [
    ["via", gw && printIp(gw)],
    ["table", table],
    ["metric", priority],
    ["scope", scope],
  ] as const;
  return [printCidr(dst), ...words.flatMap(([word, value]) => (value === undefined ? [] : [word, value]))].join(" ");
}

function describeIps({ ips }: Addressing): string[] {
  return ips.map(({ interface: index, address, gateway: via }) =>
    [index, printCidr(address), ...(via === undefined ? [] : ["via", printIp(via)])].join(" "),
  );
}

const routesOf = (config: BridgeConfig, result: Result) => planAddressing(config, result).routes.map(printRoute);
const gatewaysOf = (config: BridgeConfig, result: Result) => planAddressing(config, result).gateways.map(printCidr);

test("layer 2 has no addressing", () => {
  expect(noAddressing).toEqual({ ips: [], routes: [], gateways: [] });
});

test("an answer of IPAM without addresses is refused", () => {
  const error = new CniError(999, "the IPAM plugin host-local returned no addresses");
  expect(() => planAddressing(none, leased([]))).toThrow(error);
});

describe("the addresses in the result", () => {
  test.for([
    ["with the gateway of IPAM", none, ["10.1.0.5/16 via 10.1.0.9"], ["2 10.1.0.5/16 via 10.1.0.9"]],
    ["without one", none, ["10.1.0.5/16"], ["2 10.1.0.5/16"]],
    [
      "with the first of the network when the bridge is to be gateway",
      gateway,
      ["10.1.0.5/16"],
      ["2 10.1.0.5/16 via 10.1.0.1"],
    ],
    ["with the gateway of IPAM first", gateway, ["10.1.0.5/16 via 10.1.0.9"], ["2 10.1.0.5/16 via 10.1.0.9"]],
    [
      "in the order of IPAM",
      gateway,
      ["2001:db8::5/64", "10.1.0.5/16"],
      ["2 2001:db8::5/64 via 2001:db8::1", "2 10.1.0.5/16 via 10.1.0.1"],
    ],
  ] as const)("%s", ([, config, addresses, ips]) => {
    expect(describeIps(planAddressing(config, leased(addresses)))).toEqual(ips);
  });

  test("are of the container's interface, whatever IPAM says", () => {
    const ips = [{ address: mustCidr("10.1.0.5/16"), interface: 0 }];
    expect(describeIps(planAddressing(none, { ...emptyResult, ips }))).toEqual(["2 10.1.0.5/16"]);
  });
});

describe("the gateways on the bridge", () => {
  test.for([
    ["none when the bridge is no gateway", none, ["10.1.0.5/16 via 10.1.0.1"], []],
    ["that of IPAM, with the prefix of the address", gateway, ["10.1.0.5/16 via 10.1.0.9"], ["10.1.0.9/16"]],
    ["the first of the network", gateway, ["10.1.0.5/16"], ["10.1.0.1/16"]],
    ["of both families", gateway, ["10.1.0.5/16", "2001:db8::5/64"], ["10.1.0.1/16", "2001:db8::1/64"]],
    [
      "of two networks of a family",
      gateway,
      ["2001:db8::5/64", "2001:db8:1::5/64"],
      ["2001:db8::1/64", "2001:db8:1::1/64"],
    ],
  ] as const)("%s", ([, config, addresses, gateways]) => {
    expect(gatewaysOf(config, leased(addresses))).toEqual(gateways);
  });
});

describe("the routes in the result", () => {
  test.for([
    [
      "those of IPAM, open or not",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("0.0.0.0/0 via 10.1.0.9")],
      ["10.9.0.0/16", "0.0.0.0/0 via 10.1.0.9"],
    ],
    ["no default route unless it is asked for", gateway, ["10.1.0.5/16"], [], []],
    ["a default route", defaultGateway, ["10.1.0.5/16"], [], ["0.0.0.0/0 via 10.1.0.1"]],
    [
      "a default route by the gateway of IPAM",
      defaultGateway,
      ["10.1.0.5/16 via 10.1.0.9"],
      [],
      ["0.0.0.0/0 via 10.1.0.9"],
    ],
    [
      "a default route of each family, behind those of IPAM",
      defaultGateway,
      ["2001:db8::5/64", "10.1.0.5/16"],
      [route("10.9.0.0/16")],
      ["10.9.0.0/16", "0.0.0.0/0 via 10.1.0.1", "::/0 via 2001:db8::1"],
    ],
    [
      "one default route of a family, by its first address",
      defaultGateway,
      ["2001:db8::5/64", "2001:db8:1::5/64"],
      [],
      ["::/0 via 2001:db8::1"],
    ],
    [
      "the default route of IPAM and no other",
      defaultGateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0 via 10.1.0.9")],
      ["0.0.0.0/0 via 10.1.0.9"],
    ],
    [
      "the default route of IPAM with what it leaves open (W6)",
      defaultGateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0", { priority: 5 }), route("10.9.0.0/16")],
      ["0.0.0.0/0 via 10.1.0.1 metric 5", "10.9.0.0/16"],
    ],
    [
      "a default route of the family that IPAM left out",
      defaultGateway,
      ["10.1.0.5/16", "2001:db8::5/64"],
      [route("::/0 via 2001:db8::9")],
      ["::/0 via 2001:db8::9", "0.0.0.0/0 via 10.1.0.1"],
    ],
    [
      "a default route beside that of another table",
      defaultGateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0", { table: 100 })],
      ["0.0.0.0/0 table 100", "0.0.0.0/0 via 10.1.0.1"],
    ],
    [
      "a default route of IPAM that names the main table",
      defaultGateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0 via 10.1.0.9", { table: 254 })],
      ["0.0.0.0/0 via 10.1.0.9 table 254"],
    ],
    [
      "a default route of IPAM that names table 0, which the kernel takes for the main one",
      defaultGateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0 via 10.1.0.9", { table: 0 })],
      ["0.0.0.0/0 via 10.1.0.9 table 0"],
    ],
  ] as const)("%s", ([, config, addresses, routes, expected]) => {
    expect(routesOf(config, leased(addresses, routes))).toEqual(expected);
  });

  test("of IPAM are not changed in its answer", () => {
    const answer = leased(["10.1.0.5/16"], [route("0.0.0.0/0")]);
    planAddressing(defaultGateway, answer);
    expect(answer).toEqual(leased(["10.1.0.5/16"], [route("0.0.0.0/0")]));
  });
});

describe("the routes for the kernel", () => {
  test.for([
    ["their own next hop", gateway, ["10.1.0.5/16"], [route("10.9.0.0/16 via 10.1.0.9")], ["10.9.0.0/16 via 10.1.0.9"]],
    [
      "the gateway of the family",
      gateway,
      ["10.1.0.5/16", "2001:db8::5/64"],
      [route("2001:db8:9::/48"), route("10.9.0.0/16")],
      ["2001:db8:9::/48 via 2001:db8::1", "10.9.0.0/16 via 10.1.0.1"],
    ],
    [
      "the first gateway of the family that there is",
      none,
      ["10.1.0.5/16", "10.2.0.5/16 via 10.2.0.9"],
      [route("10.9.0.0/16")],
      ["10.9.0.0/16 via 10.2.0.9"],
    ],
    [
      "no next hop when the family has none",
      none,
      ["10.1.0.5/16 via 10.1.0.1"],
      [route("2001:db8:9::/48")],
      ["2001:db8:9::/48"],
    ],
    [
      "the gateway in another table too",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16", { table: 5000 })],
      ["10.9.0.0/16 via 10.1.0.1 table 5000"],
    ],
    [
      "the gateway in the scope of a site",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16", { scope: 200 })],
      ["10.9.0.0/16 via 10.1.0.1 scope 200"],
    ],
    [
      "no next hop in the scope of the link",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16", { scope: 253 })],
      ["10.9.0.0/16 scope 253"],
    ],
    [
      "the same route once (W6)",
      gateway,
      ["10.1.0.5/16"],
      [route("0.0.0.0/0"), route("0.0.0.0/0 via 10.1.0.1")],
      ["0.0.0.0/0 via 10.1.0.1"],
    ],
    [
      "the same destination, written with host bits, once",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("10.9.1.2/16")],
      ["10.9.0.0/16 via 10.1.0.1"],
    ],
    [
      "both of two that differ in the next hop",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16 via 10.1.0.7"), route("10.9.0.0/16 via 10.1.0.8")],
      ["10.9.0.0/16 via 10.1.0.7", "10.9.0.0/16 via 10.1.0.8"],
    ],
    [
      "both of two that differ in the metric",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("10.9.0.0/16", { priority: 5 })],
      ["10.9.0.0/16 via 10.1.0.1", "10.9.0.0/16 via 10.1.0.1 metric 5"],
    ],
    [
      "both of two that differ in the table",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("10.9.0.0/16", { table: 5 })],
      ["10.9.0.0/16 via 10.1.0.1", "10.9.0.0/16 via 10.1.0.1 table 5"],
    ],
    [
      "the same route once when one names the main table",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("10.9.0.0/16", { table: 254 })],
      ["10.9.0.0/16 via 10.1.0.1"],
    ],
    [
      "the same route once when one names the metric 0",
      gateway,
      ["10.1.0.5/16"],
      [route("10.9.0.0/16"), route("10.9.0.0/16", { priority: 0 })],
      ["10.9.0.0/16 via 10.1.0.1"],
    ],
  ] as const)("%s", ([, config, addresses, routes, expected]) => {
    expect(kernelRoutes(planAddressing(config, leased(addresses, routes))).map(printRoute)).toEqual(expected);
  });

  test("keep mtu and advmss", () => {
    const addressing = planAddressing(
      gateway,
      leased(["10.1.0.5/16"], [route("10.9.0.0/16", { mtu: 1400, advmss: 1360 })]),
    );
    expect(kernelRoutes(addressing)).toEqual([route("10.9.0.0/16 via 10.1.0.1", { mtu: 1400, advmss: 1360 })]);
  });
});
