import { expect, test } from "vitest";
import { addAddress, parseAddress } from "../../../../src/kernel/netlink/address.ts";
import { parseLink, setLink, setPort } from "../../../../src/kernel/netlink/link.ts";
import { type Message, parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { parseNeighbour, replaceNeighbour } from "../../../../src/kernel/netlink/neighbour.ts";
import { addBridge, addDummy, addMacvlan, addVlan } from "../../../../src/kernel/netlink/new-link.ts";
import { addRoute, parseRoute } from "../../../../src/kernel/netlink/route.ts";
import type { Request } from "../../../../src/kernel/netlink/socket.ts";
import { cidr, ip, mac } from "../../../values.ts";

// the messages that make an object have the form of those that tell of it

test.each([
  ["a bridge", addBridge({ name: "b0", mtu: 1400, mac: mac("02:00:00:00:00:01") }), { kind: "bridge" }],
  [
    "a macvlan",
    addMacvlan({ name: "m0", netns: 9, mtu: 65535 }, { index: 0x7fffffff, mode: "bridge" }),
    { kind: "macvlan", mtu: 65535, peer: 0x7fffffff, macvlan: { mode: "bridge", queueLength: undefined } },
  ],
  [
    "a macvlan with a queue",
    addMacvlan({ name: "m0" }, { index: 3, mode: "passthru", queueLength: 0xffffffff }),
    { macvlan: { mode: "passthru", queueLength: 0xffffffff } },
  ],
  [
    "a VLAN",
    addVlan({ name: "d0.4094" }, { parent: 3, id: 4094 }),
    { kind: "vlan", name: "d0.4094", peer: 3, vlanId: 4094 },
  ],
  ["a dummy", addDummy({ name: "dm-0123456789ab" }), { kind: "dummy", name: "dm-0123456789ab" }],
  ["a link to set up", setLink("d0", { up: true, master: 4 }), { name: "d0", isUp: true, master: 4 }],
  ["a link to set down", setLink("d0", { up: false, alias: "ä b" }), { name: "d0", isUp: false, alias: "ä b" }],
  ["a port with hairpin mode", setPort("d1", { hairpin: true }), { name: "d1", hairpin: true }],
  ["a port without hairpin mode", setPort("d1", { hairpin: false }), { name: "d1", hairpin: false }],
  ["a name of 15 letters", addBridge({ name: "abcdefghijklmno" }), { name: "abcdefghijklmno" }],
])("%s can be read from the request that makes it", (_, request, link) => {
  expect(parseLink(only(request))).toMatchObject(link);
});

test.each(["10.1.0.5/24", "0.0.0.0/0", "255.255.255.255/32", "2001:db8::ffff/64", "::/0", "::1/128", "fe80::1/10"])(
  "the address %s can be read from the request that adds it",
  (text) => {
    const request = addAddress({ link: 0x7fffffff, linkName: "d0", cidr: cidr(text), nodad: true });
    expect(parseAddress(only(request))).toEqual({
      link: 0x7fffffff,
      cidr: cidr(text),
      scope: 0,
      isTentative: false,
      isDuplicate: false,
    });
  },
);

test.each([
  { dst: "10.9.0.0/16", gw: "10.1.0.1", table: 254, priority: 0 },
  { dst: "0.0.0.0/0", gw: "10.1.0.1", table: 255, priority: 1 },
  { dst: "10.9.0.1/32", gw: undefined, table: 256, priority: 0xffffffff },
  { dst: "::/0", gw: "fe80::1", table: 1, priority: 1024 },
  { dst: "2001:db8::/32", gw: undefined, table: 0xffffffff, priority: 0 },
])("the route to $dst in table $table can be read from the request that adds it", ({ dst, gw, ...rest }) => {
  const route = { link: 3, dst: cidr(dst), gw: gw === undefined ? undefined : ip(gw), ...rest };
  expect(parseRoute(only(addRoute(route)))).toEqual([route]);
});

test.each([
  ["10.1.0.9", true],
  ["fe80::9", false],
])("the neighbour %s can be read from the request that sets it", (text, isPermanent) => {
  const neighbour = { link: 3, ip: ip(text), mac: mac("02:00:00:00:00:09"), isPermanent };
  expect(parseNeighbour(only(replaceNeighbour(neighbour)))).toEqual([neighbour]);
});

function only({ bytes }: Request): Message {
  const [message, ...others] = parseMessages(bytes);
  if (message === undefined || others.length > 0) throw new Error("not one message");
  return message;
}
