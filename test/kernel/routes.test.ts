import { beforeAll, describe, expect, test } from "vitest";
import { findLinks } from "../../src/kernel/netlink/link.ts";
import { addRoute, deleteRoute, listRoutes } from "../../src/kernel/netlink/route.ts";
import { cidr, ip } from "../values.ts";
import { leaveTheMachine } from "./own-network.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const NETWORK = `ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;
  ip address add 10.1.0.5/24 dev v0; ip address add fd00::5/64 dev v0 nodad`;
const SCOPE_LINK = 253;

function v0(side: Side): number {
  return findLinks(side.socket, ["v0"])[0]?.index ?? 0;
}

describe("a route that is added", () => {
  test.each([
    {
      what: "through a gateway",
      route: { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1") },
      command: "-4 route show 10.9.0.0/16",
      shown: { dst: "10.9.0.0/16", gateway: "10.1.0.1", dev: "v0", protocol: "boot", scope: "global" },
    },
    {
      what: "for everything",
      route: { dst: cidr("0.0.0.0/0"), gw: ip("10.1.0.1") },
      command: "-4 route show default",
      shown: { dst: "default", gateway: "10.1.0.1", dev: "v0" },
    },
    {
      what: "to one host on the link",
      route: { dst: cidr("10.9.0.1/32"), scope: SCOPE_LINK },
      command: "-4 route show 10.9.0.1",
      shown: { dst: "10.9.0.1", dev: "v0", scope: "link" },
    },
    {
      what: "with metrics and a priority",
      route: { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), mtu: 1400, advmss: 1360, priority: 50 },
      command: "-4 route show 10.9.0.0/16",
      shown: { gateway: "10.1.0.1", metric: 50, metrics: [{ mtu: 1400, advmss: 1360 }] },
    },
    {
      what: "with an MTU alone",
      route: { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), mtu: 1400 },
      command: "-4 route show 10.9.0.0/16",
      shown: { metrics: [{ mtu: 1400 }] },
    },
    {
      what: "in a table that fits into a byte",
      route: { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), table: 100 },
      command: "-4 route show table 100",
      shown: { dst: "10.9.0.0/16" },
    },
    {
      what: "in a table above 255",
      route: { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), table: 100_000 },
      command: "-4 route show table 100000",
      shown: { dst: "10.9.0.0/16" },
    },
    {
      what: "whose destination has host bits",
      route: { dst: cidr("10.9.1.2/16") },
      command: "-4 route show 10.9.0.0/16",
      shown: { dst: "10.9.0.0/16" },
    },
    {
      what: "of IPv6 for everything",
      route: { dst: cidr("::/0"), gw: ip("fd00::1") },
      command: "-6 route show default",
      shown: { dst: "default", gateway: "fd00::1", dev: "v0" },
    },
    {
      what: "of IPv6 with metrics and a priority, in a table above 255",
      route: { dst: cidr("2001:db8::/32"), gw: ip("fd00::1"), mtu: 1400, advmss: 1340, priority: 7, table: 1000 },
      command: "-6 route show table 1000",
      shown: { dst: "2001:db8::/32", gateway: "fd00::1", metric: 7, metrics: [{ mtu: 1400, advmss: 1340 }] },
    },
  ])("$what is there", async ({ route, command, shown }) => {
    await using side = await Side.open(NETWORK);
    const {
      table = 254,
      gw,
      mtu,
      priority = route.dst.ip.family === 4 ? 0 : 1024,
    } = {
      ...{ gw: undefined, mtu: undefined },
      ...route,
    };
    side.socket.request(addRoute({ ...route, link: v0(side) }));
    expect(await side.ip(command)).toMatchObject(shown);

    const listed = listRoutes(side.socket, route.dst.ip.family).filter((each) => each.table === table);
    const prefix = route.dst.prefix;
    expect(listed).toContainEqual({ dst: { prefix, ip: expect.anything() }, link: v0(side), gw, table, priority, mtu });
  });

  test("twice is EEXIST the second time", async () => {
    await using side = await Side.open(NETWORK);
    for (const route of [
      { dst: cidr("10.9.0.0/16"), link: v0(side), gw: ip("10.1.0.1") },
      { dst: cidr("2001:db8::/32"), link: v0(side), gw: ip("fd00::1") },
    ]) {
      side.socket.request(addRoute(route));
      expect(() => side.socket.request(addRoute(route))).toThrow(/^add route .* via .*: EEXIST: /);
    }
  });

  test("through a gateway that is nobody's neighbour has the kernel's own words in its error", async () => {
    await using side = await Side.open(NETWORK);
    const request = addRoute({ dst: cidr("10.9.0.0/16"), link: v0(side), gw: ip("192.0.2.1") });
    expect(() => side.socket.request(request)).toThrow(
      /^add route 10\.9\.0\.0\/16 via 192\.0\.2\.1: ENETUNREACH: .* \(Nexthop has invalid gateway\)$/,
    );
  });

  test("to a link that is down is ENETDOWN", async () => {
    await using side = await Side.open("ip link add v0 type veth peer name v1");
    const request = addRoute({ dst: cidr("10.9.0.0/16"), link: v0(side) });
    expect(() => side.socket.request(request)).toThrow("add route 10.9.0.0/16: ENETDOWN");
  });
});

describe("a route that is deleted", () => {
  test.each([
    { dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), table: 1000 },
    { dst: cidr("2001:db8::/32"), gw: ip("fd00::1"), table: 1000 },
  ])("is gone: %#", async (route) => {
    await using side = await Side.open(NETWORK);
    side.socket.request(addRoute({ ...route, link: v0(side) }));
    side.socket.request(deleteRoute({ ...route, link: v0(side) }));
    expect(listRoutes(side.socket, route.dst.ip.family).filter(({ table }) => table === 1000)).toEqual([]);
  });

  test("and is not there is ESRCH", async () => {
    await using side = await Side.open(NETWORK);
    const request = deleteRoute({ dst: cidr("10.9.0.0/16"), link: v0(side) });
    expect(() => side.socket.request(request)).toThrow("delete route 10.9.0.0/16: ESRCH");
  });

  test("may be one that the kernel made, as with `ip route delete`", async () => {
    await using side = await Side.open(NETWORK);
    side.socket.request(deleteRoute({ dst: cidr("10.1.0.0/24"), link: v0(side) }));
    expect(await side.sh("ip -4 route show 10.1.0.0/24")).toBe("");
  });
});

describe("the list of routes", () => {
  test("has every table, and each next hop of a route", async () => {
    await using side = await Side.open(`${NETWORK}; ip address add 10.1.1.5/24 dev v0
      ip route add 10.9.0.0/16 nexthop via 10.1.0.1 nexthop via 10.1.1.1; ip route add 10.8.0.0/16 dev v0 table 77`);
    const routes = listRoutes(side.socket, 4);
    const common = { link: v0(side), priority: 0 };
    expect(routes.filter(({ dst }) => dst.prefix === 16)).toEqual(
      expect.arrayContaining([
        { ...common, dst: cidr("10.9.0.0/16"), gw: ip("10.1.0.1"), table: 254 },
        { ...common, dst: cidr("10.9.0.0/16"), gw: ip("10.1.1.1"), table: 254 },
        { ...common, dst: cidr("10.8.0.0/16"), gw: undefined, table: 77 },
      ]),
    );
    expect(routes).toContainEqual({ ...common, dst: cidr("10.1.0.5/32"), gw: undefined, table: 255 });
  });

  test("has one family", async () => {
    await using side = await Side.open(NETWORK);
    const families = (family: 4 | 6) => new Set(listRoutes(side.socket, family).map(({ dst }) => dst.ip.family));
    expect([families(4), families(6)]).toEqual([new Set([4]), new Set([6])]);
  });

  test("has a route without a link, which leads nowhere", async () => {
    await using side = await Side.open(`${NETWORK}; ip route add blackhole 10.7.0.0/16`);
    expect(listRoutes(side.socket, 4)).toContainEqual({
      dst: cidr("10.7.0.0/16"),
      link: undefined,
      gw: undefined,
      table: 254,
      priority: 0,
    });
  });

  test("of a network without any is empty", async () => {
    await using side = await Side.open("ip link set lo down; ip address flush dev lo");
    expect(listRoutes(side.socket, 4)).toEqual([]);
  });
});
