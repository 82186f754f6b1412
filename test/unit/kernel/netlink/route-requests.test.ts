import { expect, test } from "vitest";
import { addRoute, deleteRoute, listRoutes, type NewRoute } from "../../../../src/kernel/netlink/route.ts";
import { cidr, ip } from "../../../values.ts";
import { type Decoded, decode, type Shape } from "./decoder.ts";
import { asSent, byCommand, DUMP_FLAGS, network, type Row, requestOf } from "./requests.ts";

const [RTA_DST, RTA_METRICS, RTA_TABLE] = [1, 8, 15];
const shape: Shape = { fixed: 12, nested: { [RTA_METRICS]: { fixed: 0 } } };
const link = network.d0;

/** Offsets in rtmsg, in hexadecimal digits. */
const [TABLE, SCOPE] = [8, 12];

interface NewRow {
  readonly command: string;
  readonly theirs: string;
  readonly route: NewRoute;
}

// without NLM_F_EXCL, as the reference: `ip route add` refuses a second route to the same destination, `prepend` does not
const added: NewRow[] = [
  {
    command: "ip route prepend 10.9.0.0/16 dev d0 scope global",
    theirs: "2c000000180005047d93016b0000000002100000fe03000100000000080001000a0900000800040003000000",
    route: { dst: cidr("10.9.0.0/16"), link },
  },
  {
    command: "ip route prepend default via 10.1.0.1 dev d0",
    theirs: "2c000000180005047d93016b0000000002000000fe03000100000000080005000a0100010800040003000000",
    route: { dst: cidr("0.0.0.0/0"), link, gw: ip("10.1.0.1") },
  },
  {
    command: "ip route prepend 10.9.0.1/32 dev d0 scope link",
    theirs: "2c000000180005047d93016b0000000002200000fe03fd0100000000080001000a0900010800040003000000",
    route: { dst: cidr("10.9.0.1/32"), link, scope: 253 },
  },
  {
    command: "ip route prepend 10.9.0.1/32 dev d0 scope global src 10.1.0.5",
    theirs: "340000001800050468f7016b0000000002200000fe03000100000000080001000a090001080007000a0100050800040003000000",
    route: { dst: cidr("10.9.0.1/32"), link, src: ip("10.1.0.5") },
  },
  {
    command: "ip route prepend 10.9.0.0/16 via 10.1.0.1 dev d0 mtu 1400 advmss 1360 metric 50 table 1000",
    theirs:
      "58000000180005047d93016b00000000021000000003000100000000080001000a090000080005000a010001080006003200000008000f00e803000008000400030000001400080008000200780500000800080050050000",
    route: {
      dst: cidr("10.9.0.0/16"),
      link,
      gw: ip("10.1.0.1"),
      mtu: 1400,
      advmss: 1360,
      priority: 50,
      table: 1000,
    },
  },
  {
    command: "ip route prepend 10.9.0.0/16 via 10.1.0.1 dev d0 advmss 1360 table 100",
    theirs:
      "40000000180005047d93016b00000000021000006403000100000000080001000a090000080005000a01000108000400030000000c0008000800080050050000",
    route: { dst: cidr("10.9.0.0/16"), link, gw: ip("10.1.0.1"), advmss: 1360, table: 100 },
  },
  {
    command: "ip -6 route prepend 2001:db8:1::/48 via fd00::1 dev d0",
    theirs:
      "4c000000180005047d93016b000000000a300000fe030001000000001400010020010db800010000000000000000000014000500fd0000000000000000000000000000010800040003000000",
    route: { dst: cidr("2001:db8:1::/48"), link, gw: ip("fd00::1") },
  },
  {
    command: "ip -6 route prepend default via fd00::1 dev d0 metric 7",
    theirs:
      "54000000180005047d93016b000000000a000000fe03000100000000140001000000000000000000000000000000000014000500fd00000000000000000000000000000108000600070000000800040003000000",
    route: { dst: cidr("::/0"), link, gw: ip("fd00::1"), priority: 7 },
  },
];

// iproute2 names a table below 256 in the fixed part only, and has RTA_DST for the IPv6 default, whose length says it all
test.each(byCommand(added))(
  "%s has the structure that iproute2 sends, and always RTA_TABLE",
  (_, { route, theirs }) => {
    const ours = addRoute(route);
    expect(decode(Buffer.from(asSent(ours, theirs), "hex"), shape)).toEqual(withOurHabits(theirs));
  },
);

test("host bits of the destination are not sent", () => {
  const sloppy = addRoute({ dst: cidr("10.9.1.2/16"), link });
  expect(sloppy.bytes).toEqual(addRoute({ dst: cidr("10.9.0.0/16"), link }).bytes);
});

// any protocol, scope and type; IPv6 has no scopes, where iproute2 sends 0
test.each(
  byCommand([
    {
      command: "ip route delete 10.1.0.0/24 dev d0",
      theirs: "2c000000190005007d93016b0000000002180000fe00ff0000000000080001000a0100000800040003000000",
      route: { dst: cidr("10.1.0.0/24"), link },
    },
    {
      command: "ip -6 route delete fd00::/64 dev d0",
      theirs:
        "38000000190005007d93016b000000000a400000fe0000000000000014000100fd0000000000000000000000000000000800040003000000",
      route: { dst: cidr("fd00::/64"), link },
    },
  ]),
)("%s has the structure that iproute2 sends, and always RTA_TABLE and the scope nowhere", (_, row) => {
  const expected = withOurHabits(row.theirs);
  expect(decode(Buffer.from(asSent(deleteRoute(row.route), row.theirs), "hex"), shape)).toEqual({
    ...expected,
    fixed: `${expected.fixed.slice(0, SCOPE)}ff${expected.fixed.slice(SCOPE + 2)}`,
  });
});

test.each(
  byCommand<Row>([
    {
      command: "ip -4 route show table all # the dump of routes",
      theirs: "1c0000001a0001037d93016b00000000020000000000000000000000",
      ours: requestOf((socket) => listRoutes(socket, 4)),
    },
    {
      command: "ip -6 route show table all # the dump of routes",
      theirs: "1c0000001a0001037d93016b000000000a0000000000000000000000",
      ours: requestOf((socket) => listRoutes(socket, 6)),
    },
  ]),
)("%s is byte for byte what iproute2 sends", (_, { ours, theirs }) => {
  expect(asSent(ours, theirs, DUMP_FLAGS)).toBe(theirs);
});

function withOurHabits(theirs: string): Decoded {
  const decoded = decode(Buffer.from(theirs, "hex"), shape);
  const table = `${decoded.fixed.slice(TABLE, TABLE + 2)}000000`;
  const attributes: Record<number, Decoded["attributes"][number]> = { [RTA_TABLE]: table, ...decoded.attributes };
  if (decoded.fixed.startsWith("0a00")) delete attributes[RTA_DST];
  return { ...decoded, attributes };
}
