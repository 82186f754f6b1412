import { expect, test } from "vitest";
import { announcementFrame } from "../../../src/net/announcement.ts";
import { ip, mac } from "../../values.ts";

const from = mac("02:00:00:00:00:01");
const hex = (text: string) => text.replaceAll(/\s/g, "");

test("of an IPv4 address is an ARP request for it, to everybody", () => {
  expect(announcementFrame(ip("192.0.2.2"), from).toString("hex")).toBe(
    hex(`ffffffffffff 020000000001 0806  0001 0800 06 04 0001
      020000000001 c0000202 000000000000 c0000202`),
  );
});

test("of an IPv6 address is a neighbour advertisement with a right checksum, to all nodes", () => {
  expect(announcementFrame(ip("2001:db8:1::2"), from).toString("hex")).toBe(
    hex(`333300000001 020000000001 86dd  60000000 0020 3a ff
      20010db8000100000000000000000002 ff020000000000000000000000000001
      88 00 f926 20000000 20010db8000100000000000000000002 02 01 020000000001`),
  );
});

/** All parts of the checksum, as the receiver adds them. */
function sumOf(frame: Buffer): number {
  const words = (bytes: Buffer) => Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(i * 2));
  let sum = [...words(frame.subarray(22, 54)), 32, 58, ...words(frame.subarray(54))].reduce((a, b) => a + b);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

test.for(["fd00::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "::2", "2001:db8:ffff::ffff"])(
  "the checksum of %s is right",
  (address) => {
    expect(sumOf(announcementFrame(ip(address), from))).toBe(0xffff);
  },
);
