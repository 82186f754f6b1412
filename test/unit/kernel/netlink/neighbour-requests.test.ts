import { expect, test } from "vitest";
import { deleteNeighbour, listNeighbours, replaceNeighbour } from "../../../../src/kernel/netlink/neighbour.ts";
import { ip, mac } from "../../../values.ts";
import { decode } from "./decoder.ts";
import { asSent, byCommand, DUMP_FLAGS, network, type Row, requestOf } from "./requests.ts";

const NDA_IFINDEX = 8;
const link = network.d0;
const address = mac("02:00:00:00:00:09");

test.each(
  byCommand<Row>([
    {
      command: "ip neighbour replace 10.1.0.9 lladdr 02:00:00:00:00:09 dev d0 nud permanent",
      theirs: "300000001c0005057e93016b00000000020000000300000080000000080001000a0100090a0002000200000000090000",
      ours: replaceNeighbour({ link, ip: ip("10.1.0.9"), mac: address, isPermanent: true }),
    },
    {
      command: "ip neighbour replace 10.1.0.9 lladdr 02:00:00:00:00:09 dev d0 nud reachable",
      theirs: "300000001c0005057e93016b00000000020000000300000002000000080001000a0100090a0002000200000000090000",
      ours: replaceNeighbour({ link, ip: ip("10.1.0.9"), mac: address, isPermanent: false }),
    },
    {
      command: "ip neighbour replace fd00::9 lladdr 02:00:00:00:00:09 dev d0 nud permanent",
      theirs:
        "3c0000001c0005057e93016b000000000a000000030000008000000014000100fd0000000000000000000000000000090a0002000200000000090000",
      ours: replaceNeighbour({ link, ip: ip("fd00::9"), mac: address, isPermanent: true }),
    },
  ]),
)("%s is byte for byte what iproute2 sends", (_, { ours, theirs }) => {
  expect(asSent(ours, theirs)).toBe(theirs);
});

// the kernel does not look at the state of an entry to be deleted; iproute2 says permanent
test.each(
  byCommand<Row>([
    {
      command: "ip neighbour delete 10.1.0.9 dev d0",
      theirs: "240000001d0005007e93016b00000000020000000300000080000000080001000a010009",
      ours: deleteNeighbour({ link, ip: ip("10.1.0.9") }),
    },
    {
      command: "ip neighbour delete fd00::9 dev d0",
      theirs: "300000001d0005007e93016b000000000a000000030000008000000014000100fd000000000000000000000000000009",
      ours: deleteNeighbour({ link, ip: ip("fd00::9") }),
    },
  ]),
)("%s has the structure that iproute2 sends, but no state", (_, { ours, theirs }) => {
  const expected = decode(Buffer.from(theirs, "hex"), { fixed: 12 });
  expect(expected.fixed.slice(16, 20)).toBe("8000");
  expect(decode(Buffer.from(asSent(ours, theirs), "hex"), { fixed: 12 })).toEqual({
    ...expected,
    fixed: `${expected.fixed.slice(0, 16)}0000${expected.fixed.slice(20)}`,
  });
});

// iproute2 lets the kernel choose the link
test.each(
  byCommand<Row>([
    {
      command: "ip -4 neighbour show dev d0 # the dump of neighbours",
      theirs: "240000001e0001037e93016b000000000200000000000000000000000800080003000000",
      ours: requestOf((socket) => listNeighbours(socket, 4, link)),
    },
    {
      command: "ip -6 neighbour show dev d0 # the dump of neighbours",
      theirs: "240000001e0001037e93016b000000000a00000000000000000000000800080003000000",
      ours: requestOf((socket) => listNeighbours(socket, 6, link)),
    },
  ]),
)("%s has the structure that iproute2 sends, but asks for all links", (_, { ours, theirs }) => {
  const { attributes, ...expected } = decode(Buffer.from(theirs, "hex"), { fixed: 12 });
  expect(attributes).toEqual({ [NDA_IFINDEX]: "03000000" });
  expect(decode(Buffer.from(asSent(ours, theirs, DUMP_FLAGS), "hex"), { fixed: 12 })).toEqual({
    ...expected,
    attributes: {},
  });
});
