import { describe, expect, test } from "vitest";
import type { Link } from "../../../../src/plan/facts.ts";
import { printPlan } from "../../../../src/plan/print.ts";
import { addressProblem, addSteps, delSteps, loopbackResult } from "../../../../src/plugins/loopback/plan.ts";
import { mustCidr, mustMac } from "../../net/must.ts";
import { plainLink } from "../../plain-link.ts";

const down: Link = {
  ...plainLink,
  index: 1,
  name: "lo",
  mac: mustMac("00:00:00:00:00:00"),
  mtu: 65536,
  isUp: false,
  isOperational: false,
};
const up: Link = { ...down, isUp: true };

test.for([
  ["ADD sets lo up", addSteps(down), "nsenter --net=container ip link set lo up\n"],
  ["ADD leaves lo that is up", addSteps(up), ""],
  ["DEL sets lo down", delSteps(up), "nsenter --net=container ip link set lo down\n"],
  ["DEL leaves lo that is down", delSteps(down), ""],
] as const)("%s", ([, steps, plan]) => {
  expect(printPlan(steps)).toBe(plan);
});

describe("addressProblem", () => {
  test.for([
    ["no address", []],
    ["what the kernel gives", ["127.0.0.1/8", "::1/128"]],
    ["another address of the loopback network", ["127.0.0.53/32"]],
  ] as const)("none with %s", ([, addresses]) => {
    expect(addressProblem(addresses.map(mustCidr))).toBeUndefined();
  });

  test.for([
    ["IPv4", ["127.0.0.1/8", "10.1.0.5/32"], "lo has the address 10.1.0.5/32, which is not a loopback address"],
    ["IPv6", ["::1/128", "::2/128"], "lo has the address ::2/128, which is not a loopback address"],
    ["link-local IPv6", ["fe80::1/64"], "lo has the address fe80::1/64, which is not a loopback address"],
  ] as const)("with another address of %s", ([, addresses, problem]) => {
    expect(addressProblem(addresses.map(mustCidr))).toBe(problem);
  });
});

describe("the result", () => {
  const lo = { name: "lo", mac: "00:00:00:00:00:00", sandbox: "/run/netns/c1" };
  const ip = (address: string) => ({ interface: 0, address: mustCidr(address) });

  test.for([
    ["of both families", ["127.0.0.1/8", "::1/128"], [ip("127.0.0.1/8"), ip("::1/128")]],
    ["IPv4 first", ["::1/128", "127.0.0.1/8"], [ip("127.0.0.1/8"), ip("::1/128")]],
    ["the first of each family", ["127.0.0.1/8", "127.0.0.2/8", "::1/128"], [ip("127.0.0.1/8"), ip("::1/128")]],
    ["without IPv6", ["127.0.0.1/8"], [ip("127.0.0.1/8")]],
    ["without addresses", [], []],
  ] as const)("%s", ([, addresses, ips]) => {
    const result = loopbackResult("/run/netns/c1", up, addresses.map(mustCidr));
    expect(result).toEqual({ interfaces: [lo], ips, routes: [], dns: {} });
  });
});
