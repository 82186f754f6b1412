import { describe, expect, test } from "vitest";
import {
  deleteLink,
  findLinkByIndex,
  findLinks,
  listLinks,
  setLink,
  setPort,
} from "../../../../src/kernel/netlink/link.ts";
import { addBridge, addDummy, addIfb, addMacvlan, addVeth, addVlan } from "../../../../src/kernel/netlink/new-link.ts";
import { mac } from "../../../values.ts";
import { decode, type Shape } from "./decoder.ts";
import { asSent, byCommand, DUMP_FLAGS, network, type Row, requestOf } from "./requests.ts";

const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_EXT_MASK = 29;
const [IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA] = [1, 2, 4, 5];
const RTEXT_FILTER_SKIP_STATS = "08000000";

const link: Shape = { fixed: 16, texts: [IFLA_IFNAME, IFLA_IFALIAS] };
const shapeWith = (data: Shape): Shape => ({
  ...link,
  nested: {
    [IFLA_LINKINFO]: {
      fixed: 0,
      texts: [IFLA_INFO_KIND, IFLA_INFO_SLAVE_KIND],
      nested: { [IFLA_INFO_DATA]: data, [IFLA_INFO_SLAVE_DATA]: { fixed: 0 } },
    },
  },
});
/** The data of a veth is its peer, VETH_INFO_PEER, as in a message of its own. */
const vethLink = shapeWith({ fixed: 0, nested: { 1: link } });
const otherLink = shapeWith({ fixed: 0 });

const macs = { host: mac("02:00:00:00:00:01"), container: mac("02:00:00:00:00:02") };
const parent = network.d0;
const netns = network.c1;

const newLinks: (Row & { readonly shape?: Shape })[] = [
  {
    command: "ip link add b1 type bridge",
    theirs:
      "38000000100005063593016b00000000000000000000000000000000000000000700030062310000100012000a0001006272696467650000",
    ours: addBridge({ name: "b1" }),
  },
  {
    command: "ip link add b1 mtu 1400 address 02:00:00:00:00:01 type bridge",
    theirs:
      "4c000000100005063593016b000000000000000000000000000000000000000008000400780500000a00010002000000000100000700030062310000100012000a0001006272696467650000",
    ours: addBridge({ name: "b1", mtu: 1400, mac: macs.host }),
  },
  {
    command: "ip link add bwp1 mtu 1400 txqueuelen 0 type ifb",
    theirs:
      "480000001000050604fe016b0000000000000000000000000000000000000000080004007805000008000d00000000000900030062777031000000000c0012000700010069666200",
    ours: addIfb({ name: "bwp1", mtu: 1400, txqlen: 0 }),
  },
  {
    command: "ip link add v0 type veth peer name v1 netns c1",
    theirs:
      "5c000000100005063593016b0000000000000000000000000000000000000000070003007630000034001200080001007665746828000200240001000000000000000000000000000000000008001c00040000000700030076310000",
    ours: addVeth({ name: "v0" }, { name: "v1", netns }),
    shape: vethLink,
  },
  {
    command:
      "ip link add v0 mtu 1400 address 02:00:00:00:00:01 type veth peer name v1 mtu 1300 address 02:00:00:00:00:02 netns c1",
    theirs:
      "84000000100005063593016b000000000000000000000000000000000000000008000400780500000a000100020000000001000007000300763000004800120008000100766574683c000200380001000000000000000000000000000000000008000400140500000a000100020000000002000008001c00040000000700030076310000",
    ours: addVeth({ name: "v0", mtu: 1400, mac: macs.host }, { name: "v1", mtu: 1300, mac: macs.container, netns }),
    shape: vethLink,
  },
  {
    command: "ip link add m0 link d0 netns c1 type macvlan mode bridge bcqueuelen 500",
    theirs:
      "5c000000100005063593016b000000000000000000000000000000000000000008001c00040000000800050003000000070003006d300000240012000b0001006d6163766c616e001400020008000700f40100000800010004000000",
    ours: addMacvlan({ name: "m0", netns }, { index: parent, mode: "bridge", queueLength: 500 }),
  },
  {
    command: "ip link add m0 link d0 netns c1 type macvlan mode private",
    theirs:
      "54000000100005063693016b000000000000000000000000000000000000000008001c00040000000800050003000000070003006d3000001c0012000b0001006d6163766c616e000c0002000800010001000000",
    ours: addMacvlan({ name: "m0", netns }, { index: parent, mode: "private" }),
  },
  {
    command: "ip link add m0 mtu 1300 address 02:00:00:00:00:01 link d0 netns c1 type macvlan mode vepa",
    theirs:
      "68000000100005063693016b000000000000000000000000000000000000000008000400140500000a000100020000000001000008001c00040000000800050003000000070003006d3000001c0012000b0001006d6163766c616e000c0002000800010002000000",
    ours: addMacvlan({ name: "m0", mtu: 1300, mac: macs.host, netns }, { index: parent, mode: "vepa" }),
  },
  {
    command: "ip link add m0 link d0 netns c1 type macvlan mode passthru",
    theirs:
      "54000000100005063693016b000000000000000000000000000000000000000008001c00040000000800050003000000070003006d3000001c0012000b0001006d6163766c616e000c0002000800010008000000",
    ours: addMacvlan({ name: "m0", netns }, { index: parent, mode: "passthru" }),
  },
  {
    command: "ip link add m0 link d0 type macvlan mode bridge",
    theirs:
      "4c0000001000050668f7016b00000000000000000000000000000000000000000800050003000000070003006d3000001c0012000b0001006d6163766c616e000c0002000800010004000000",
    ours: addMacvlan({ name: "m0" }, { index: parent, mode: "bridge" }),
  },
  {
    command: "ip link add d0.10 link d0 type vlan id 10",
    theirs:
      "4c0000001000050668f7016b000000000000000000000000000000000000000008000500030000000a00030064302e31300000001800120008000100766c616e0c000200060001000a000000",
    ours: addVlan({ name: "d0.10" }, { parent, id: 10 }),
  },
  {
    command: "ip link add d0.4094 mtu 1400 link d0 type vlan id 4094",
    theirs:
      "540000001000050668f7016b0000000000000000000000000000000000000000080004007805000008000500030000000c00030064302e34303934001800120008000100766c616e0c00020006000100fe0f0000",
    ours: addVlan({ name: "d0.4094", mtu: 1400 }, { parent, id: 4094 }),
  },
  {
    command: "ip link add dm-0123456789ab address 02:00:00:00:00:01 type dummy",
    theirs:
      "500000001000050668f7016b00000000000000000000000000000000000000000a000100020000000001000014000300646d2d30313233343536373839616200100012000900010064756d6d79000000",
    ours: addDummy({ name: "dm-0123456789ab", mac: macs.host }),
  },
];

// iproute2 writes the name last, the kind without a closing zero and nested attributes without their flag
test.each(byCommand(newLinks))("%s has the structure that iproute2 sends", (_, { ours, theirs, shape = otherLink }) => {
  expect(decode(Buffer.from(asSent(ours, theirs), "hex"), shape)).toEqual(decode(Buffer.from(theirs, "hex"), shape));
});

const changes: Row[] = [
  {
    command: "ip link delete d0",
    theirs: "20000000110005003693016b0000000000000000030000000000000000000000",
    ours: deleteLink("d0"),
  },
  {
    command: "ip link set dev d0 up",
    theirs: "20000000100005003693016b0000000000000000030000000100000001000000",
    ours: setLink("d0", { up: true }),
  },
  {
    command: "ip link set dev d0 down",
    theirs: "20000000100005003693016b0000000000000000030000000000000001000000",
    ours: setLink("d0", { up: false }),
  },
  {
    command: "ip link set dev d0 address 02:00:00:00:00:01",
    theirs: "2c000000100005003793016b00000000000000000300000000000000000000000a0001000200000000010000",
    ours: setLink("d0", { mac: macs.host }),
  },
  {
    command: "ip link set dev d0 mtu 1400",
    theirs: "28000000100005005ff9016b00000000000000000300000000000000000000000800040078050000",
    ours: setLink("d0", { mtu: 1400 }),
  },
  {
    command: "ip link set dev d0 txqueuelen 5",
    theirs: "28000000100005005ff9016b000000000000000003000000000000000000000008000d0005000000",
    ours: setLink("d0", { txqlen: 5 }),
  },
  {
    command: "ip link set dev d0 allmulticast on",
    theirs: "20000000100005005ff9016b0000000000000000030000000002000000020000",
    ours: setLink("d0", { allmulti: true }),
  },
  {
    command: "ip link set dev d0 allmulticast off",
    theirs: "20000000100005005ff9016b0000000000000000030000000000000000020000",
    ours: setLink("d0", { allmulti: false }),
  },
  {
    command: "ip link set dev d0 promisc off",
    theirs: "20000000100005005ff9016b0000000000000000030000000000000000010000",
    ours: setLink("d0", { promisc: false }),
  },
  {
    command: "ip link set dev d0 master b0",
    theirs: "28000000100005003693016b000000000000000003000000000000000000000008000a0004000000",
    ours: setLink("d0", { master: network.b0 }),
  },
  {
    command: "ip link set dev d0 alias net/c1/eth0",
    theirs: "30000000100005003693016b00000000000000000300000000000000000000000f0014006e65742f63312f6574683000",
    ours: setLink("d0", { alias: "net/c1/eth0" }),
  },
  {
    command: "ip link set dev d0 up address 02:00:00:00:00:01 alias x master b0",
    theirs:
      "3c000000100005003793016b00000000000000000300000001000000010000000a0001000200000000010000050014007800000008000a0004000000",
    ours: setLink("d0", { up: true, mac: macs.host, alias: "x", master: network.b0 }),
  },
];

// iproute2 asks for the index first; we let the kernel find the name, which saves a request
test.each(byCommand(changes))(
  "%s has the structure that iproute2 sends, but the name for the index",
  (_, { ours, theirs }) => {
    const expected = decode(Buffer.from(theirs, "hex"), link);
    expect(expected.fixed.slice(8, 16)).toBe("03000000");
    expect(decode(Buffer.from(asSent(ours, theirs), "hex"), link)).toEqual({
      ...expected,
      fixed: withIndex(expected.fixed, 0),
      attributes: { ...expected.attributes, [IFLA_IFNAME]: "d0" },
    });
  },
);

const ports: Row[] = [
  {
    command: "ip link set dev d1 type bridge_slave hairpin on",
    theirs:
      "40000000100005003693016b000000000000000002000000000000000000000020001200100001006272696467655f736c6176650c0005000500040001000000",
    ours: setPort("d1", { hairpin: true }),
  },
  {
    command: "ip link set dev d1 type bridge_slave hairpin off",
    theirs:
      "40000000100005003693016b000000000000000002000000000000000000000020001200100001006272696467655f736c6176650c0005000500040000000000",
    ours: setPort("d1", { hairpin: false }),
  },
];

// `bridge link set` sends the older RTM_SETLINK; what this one calls the kind of a link we call the kind of a port
test.each(byCommand(ports))("%s has the structure that iproute2 sends, but the name of the bridge's kind", (_, row) => {
  const expected = decode(Buffer.from(row.theirs, "hex"), otherLink);
  const info = expected.attributes[IFLA_LINKINFO];
  if (typeof info !== "object") throw new Error("no IFLA_LINKINFO");
  expect(info.attributes[IFLA_INFO_KIND]).toBe("bridge_slave");
  expect(decode(Buffer.from(asSent(row.ours, row.theirs), "hex"), otherLink)).toEqual({
    ...expected,
    fixed: withIndex(expected.fixed, 0),
    attributes: {
      [IFLA_IFNAME]: "d1",
      [IFLA_LINKINFO]: {
        fixed: "",
        attributes: {
          [IFLA_INFO_SLAVE_KIND]: "bridge",
          [IFLA_INFO_SLAVE_DATA]: info.attributes[IFLA_INFO_SLAVE_DATA],
        },
      },
    },
  });
});

describe("looking for links", () => {
  const rows: (Row & { readonly flags: number; readonly family: string })[] = [
    {
      command: "ip link show d0 # the first of its requests for d0",
      theirs: "30000000120001003693016b000000000000000000000000000000000000000008001d00090000000700030064300000",
      ours: requestOf((socket) => findLinks(socket, ["d0"])),
      flags: 0x5,
      family: "00",
    },
    {
      command: "ip link show d0 # the last of its requests, for the other end",
      theirs: "28000000120001003693016b000000000000000002000000000000000000000008001d0009000000",
      ours: requestOf((socket) => findLinkByIndex(socket, network.d1)),
      flags: 0x5,
      family: "00",
    },
    {
      command: "ip link show # the first of its requests",
      theirs: "28000000120001033693016b000000001100000000000000000000000000000008001d0001000000",
      ours: requestOf(listLinks),
      flags: DUMP_FLAGS,
      family: "11",
    },
  ];

  // iproute2 wants to know of virtual functions and statistics; it asks no acknowledgement, and AF_PACKET for all families
  test.each(byCommand(rows))("%s has the structure that iproute2 sends, but no statistics", (_, row) => {
    const expected = decode(Buffer.from(row.theirs, "hex"), link);
    expect(expected.fixed.slice(0, 2)).toBe(row.family);
    expect(decode(Buffer.from(asSent(row.ours, row.theirs, row.flags), "hex"), link)).toEqual({
      ...expected,
      flags: row.flags,
      fixed: `00${expected.fixed.slice(2)}`,
      attributes: { ...expected.attributes, [IFLA_EXT_MASK]: RTEXT_FILTER_SKIP_STATS },
    });
  });
});

function withIndex(fixed: string, index: number): string {
  const bytes = Buffer.from(fixed, "hex");
  bytes.writeInt32LE(index, 4);
  return bytes.toString("hex");
}
