import { expect, test } from "vitest";
import { parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { addBridge, addVeth } from "../../../../src/kernel/netlink/new-link.ts";
import { addVlans, deleteVlans, listPortVlans, parsePortVlans } from "../../../../src/kernel/netlink/vlan.ts";
import { decode, type Shape } from "./decoder.ts";
import { asSent, byCommand, DUMP_FLAGS, network, type Row, requestOf } from "./requests.ts";

const NLA_F_NESTED = 0x8000;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const [IFLA_INFO_KIND, IFLA_INFO_DATA] = [1, 2];
const port = { index: network.d1, name: "d1" };
const tagged = (first: number, last = first) => ({ first, last, isPvid: false, isUntagged: false });
const pvid = (vid: number) => ({ first: vid, last: vid, isPvid: true, isUntagged: true });

// iproute2 asks for the names of all links first; these are its second requests
const vlans: Row[] = [
  {
    command: "bridge vlan add dev d1 vid 10 pvid untagged master",
    theirs: "3400000013000500ebb2016b000000000700000002000000000000000000000014001a0006000000010000000800020006000a00",
    ours: addVlans(port, [pvid(10)]),
  },
  {
    command: "bridge vlan add dev d1 vid 4094 master",
    theirs: "3400000013000500ebb2016b000000000700000002000000000000000000000014001a000600000001000000080002000000fe0f",
    ours: addVlans(port, [tagged(4094)]),
  },
  {
    command: "bridge vlan add dev d1 vid 200-210 master",
    theirs:
      "3c00000013000500ebb2016b00000000070000000200000000000000000000001c001a000600000001000000080002000800c800080002001000d200",
    ours: addVlans(port, [tagged(200, 210)]),
  },
  {
    command: "bridge vlan delete dev d1 vid 1 master",
    theirs: "3400000011000500ebb2016b000000000700000002000000000000000000000014001a0006000000010000000800020000000100",
    ours: deleteVlans(port, [{ first: 1, last: 1 }]),
  },
  {
    command: "bridge vlan delete dev d1 vid 1-4094 master",
    theirs:
      "3c00000011000500ebb2016b00000000070000000200000000000000000000001c001a0006000000010000000800020008000100080002001000fe0f",
    ours: deleteVlans(port, [{ first: 1, last: 4094 }]),
  },
];

test.each(byCommand(vlans))("%s has the bytes that iproute2 sends, and marks what is nested", (_, { ours, theirs }) => {
  const sent = Buffer.from(asSent(ours, theirs), "hex");
  // behind the two headers: the type of IFLA_AF_SPEC
  expect(sent.readUInt16LE(34)).toBe(Buffer.from(theirs, "hex").readUInt16LE(34) | NLA_F_NESTED);
  sent.writeUInt16LE(sent.readUInt16LE(34) & ~NLA_F_NESTED, 34);
  expect(sent.toString("hex")).toBe(theirs);
});

test("bridge -compressvlans vlan show has the bytes that iproute2 sends", () => {
  const theirs = "2800000012000103ebb2016b000000000700000000000000000000000000000008001d0004000000";
  expect(asSent(requestOf(listPortVlans), theirs, DUMP_FLAGS)).toBe(theirs);
});

const linkinfo = (data: Shape): Shape => ({
  fixed: 16,
  texts: [IFLA_IFNAME],
  nested: { [IFLA_LINKINFO]: { fixed: 0, texts: [IFLA_INFO_KIND], nested: { [IFLA_INFO_DATA]: data } } },
});

const links: (Row & { readonly shape: Shape })[] = [
  {
    command: "ip link add b1 type bridge vlan_filtering 1",
    theirs:
      "4400000010000506eab2016b000000000000000000000000000000000000000007000300623100001c0012000a00010062726964676500000c0002000500070001000000",
    ours: addBridge({ name: "b1", vlanFiltering: true }),
    shape: linkinfo({ fixed: 0 }),
  },
  {
    command: "ip link add v0 type veth peer name v1",
    theirs:
      "5400000010000506eab2016b000000000000000000000000000000000000000007000300763000002c0012000800010076657468200002001c000100000000000000000000000000000000000700030076310000",
    ours: addVeth({ name: "v0" }, { name: "v1" }),
    shape: linkinfo({ fixed: 0, nested: { 1: { fixed: 16, texts: [IFLA_IFNAME] } } }),
  },
  {
    command: "ip link add v0 mtu 1400 type veth peer name v1 mtu 1400",
    theirs:
      "6400000010000506eab2016b00000000000000000000000000000000000000000800040078050000070003007630000034001200080001007665746828000200240001000000000000000000000000000000000008000400780500000700030076310000",
    ours: addVeth({ name: "v0", mtu: 1400 }, { name: "v1", mtu: 1400 }),
    shape: linkinfo({ fixed: 0, nested: { 1: { fixed: 16, texts: [IFLA_IFNAME] } } }),
  },
];

test.each(byCommand(links))("%s has the structure that iproute2 sends", (_, { ours, theirs, shape }) => {
  expect(decode(Buffer.from(asSent(ours, theirs), "hex"), shape)).toEqual(decode(Buffer.from(theirs, "hex"), shape));
});

test.each([
  ["nothing", []],
  ["one", [pvid(1)]],
  ["a range", [tagged(1, 4094)]],
  ["several", [pvid(100), tagged(101), tagged(200, 210), { ...tagged(300), isUntagged: true }]],
])("%s can be read from the request that adds it", (_, wanted) => {
  const [message, ...others] = parseMessages(addVlans(port, wanted).bytes);
  expect(others).toEqual([]);
  expect(message && parsePortVlans(message)).toEqual({ port: port.index, vlans: wanted });
});

test("many VLANs of a port are one request", () => {
  const wanted = Array.from({ length: 2047 }, (_, i) => tagged(2 * i + 1));
  const messages = parseMessages(addVlans(port, wanted).bytes);
  expect(messages.map((message) => parsePortVlans(message).vlans.length)).toEqual([2047]);
});
