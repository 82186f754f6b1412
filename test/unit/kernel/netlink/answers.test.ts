import { expect, test } from "vitest";
import { parseAddress } from "../../../../src/kernel/netlink/address.ts";
import { parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { parseNeighbour } from "../../../../src/kernel/netlink/neighbour.ts";
import { parseRoute } from "../../../../src/kernel/netlink/route.ts";
import { cidr, ip, mac } from "../../../values.ts";
import { objects } from "./captured.ts";

const NLMSG_DONE = 3;
const link = 3;

/** The messages of a datagram without the end of the dump. */
function messagesOf(datagram: Buffer) {
  return parseMessages(datagram).filter(({ type }) => type !== NLMSG_DONE);
}

test("addresses of both families are read, of a point-to-point link the near one", () => {
  const global = { link, scope: 0, isTentative: false, isDuplicate: false };
  expect(messagesOf(objects.addresses).map(parseAddress)).toEqual([
    { ...global, cidr: cidr("10.1.0.5/24") },
    { ...global, cidr: cidr("10.2.0.1/32") },
    { ...global, cidr: cidr("fd00::5/64"), isTentative: true },
    { ...global, cidr: cidr("fe80::1c8f:86ff:fed3:7453/64"), scope: 253, isTentative: true },
  ]);
});

test("a route with metrics and a table above 255 is read", () => {
  expect(messagesOf(objects.metrics).map(parseRoute)).toEqual([
    [{ dst: cidr("10.9.0.0/16"), link, gw: ip("10.1.0.1"), table: 1000, priority: 50, mtu: 1400 }],
  ]);
});

test("IPv4 routes are read, one with two next hops as two", () => {
  const main = { link, table: 254, priority: 0 };
  expect(messagesOf(objects.ipv4Routes).map(parseRoute)).toEqual([
    [{ ...main, dst: cidr("0.0.0.0/0"), gw: ip("10.1.0.1") }],
    [{ ...main, dst: cidr("10.1.0.0/24"), gw: undefined }],
    [{ ...main, dst: cidr("10.2.0.2/32"), gw: undefined }],
    [
      { ...main, dst: cidr("10.8.0.0/16"), gw: ip("10.1.0.1") },
      { ...main, dst: cidr("10.8.0.0/16"), gw: ip("10.1.0.3") },
    ],
  ]);
});

test("IPv6 routes are read, one with two next hops as two", () => {
  const main = { link, table: 254, gw: undefined };
  expect(messagesOf(objects.ipv6Routes).map(parseRoute)).toEqual([
    [{ ...main, dst: cidr("2001:db8::/32"), gw: ip("fd00::1"), priority: 7 }],
    [
      { ...main, dst: cidr("2001:db9::/32"), gw: ip("fd00::1"), priority: 1024 },
      { ...main, dst: cidr("2001:db9::/32"), gw: ip("fd00::3"), priority: 1024 },
    ],
    [{ ...main, dst: cidr("fd00::/64"), priority: 256 }],
    [{ ...main, dst: cidr("fe80::/64"), priority: 256, link: 2 }],
    [{ ...main, dst: cidr("fe80::/64"), priority: 256 }],
  ]);
});

test("IPv4 neighbours are read, one that nobody answered for without a MAC address", () => {
  expect(messagesOf(objects.ipv4Neighbours).flatMap(parseNeighbour)).toEqual([
    { link, ip: ip("10.1.0.7"), mac: undefined, isPermanent: false },
    { link, ip: ip("10.1.0.9"), mac: mac("02:00:00:00:00:09"), isPermanent: true },
    { link, ip: ip("10.1.0.8"), mac: mac("02:00:00:00:00:08"), isPermanent: false },
  ]);
});

test("IPv6 neighbours are read", () => {
  expect(messagesOf(objects.ipv6Neighbours).flatMap(parseNeighbour)).toEqual([
    { link, ip: ip("ff02::16"), mac: mac("33:33:00:00:00:16"), isPermanent: false },
    { link, ip: ip("fd00::9"), mac: mac("02:00:00:00:00:09"), isPermanent: true },
  ]);
});
