import { describe, expect, test } from "vitest";
import { addToIp, bitsOf, ipFromBytes, ipToBytes, parseIp, printIp, sameIp } from "../../../src/net/ip.ts";
import { mustIp } from "./must.ts";

describe("parseIp and printIp", () => {
  test.for([
    ["IPv4", "10.1.2.3", 4, "10.1.2.3"],
    ["the first IPv4 address", "0.0.0.0", 4, "0.0.0.0"],
    ["the last IPv4 address", "255.255.255.255", 4, "255.255.255.255"],
    ["IPv6", "2001:db8::1", 6, "2001:db8::1"],
    ["the IPv6 address of nobody", "::", 6, "::"],
    ["a compression at the end", "1:2:3:4:5:6:7::", 6, "1:2:3:4:5:6:7:0"],
    ["a compression at the start", "::2:3:4:5:6:7:8", 6, "0:2:3:4:5:6:7:8"],
    ["upper case and leading zeros become canonical", "2001:0DB8:00AB::0001", 6, "2001:db8:ab::1"],
    ["a single zero group is not compressed", "2001:db8:0:1:1:1:1:1", 6, "2001:db8:0:1:1:1:1:1"],
    ["the first of two equal runs of zeros is compressed", "2001:db8:0:0:1:0:0:1", 6, "2001:db8::1:0:0:1"],
    ["the longest run of zeros is compressed", "1:0:0:2:0:0:0:3", 6, "1:0:0:2::3"],
    ["IPv6 with a dotted end", "64:ff9b::1.2.3.4", 6, "64:ff9b::102:304"],
    ["an IPv4-compatible address is IPv6", "::1.2.3.4", 6, "::102:304"],
    ["the same without the dotted form", "::102:304", 6, "::102:304"],
    ["IPv4-mapped with a dotted end is IPv4", "::ffff:10.0.0.1", 4, "10.0.0.1"],
    ["IPv4-mapped in groups is IPv4", "::FFFF:a00:1", 4, "10.0.0.1"],
    ["IPv4-mapped without compression is IPv4", "0:0:0:0:0:ffff:10.0.0.1", 4, "10.0.0.1"],
    ["IPv4-translated is IPv6", "::ffff:0:1.2.3.4", 6, "::ffff:0:102:304"],
  ] as const)("%s: %s", ([, text, family, printed]) => {
    const ip = mustIp(text);
    expect({ family: ip.family, printed: printIp(ip) }).toEqual({ family, printed });
  });

  test.for([
    ["nothing", ""],
    ["three numbers", "10.0.1"],
    ["five numbers", "10.0.0.1.2"],
    ["a number above 255", "10.0.0.256"],
    ["a leading zero", "010.0.0.1"],
    ["a hexadecimal number", "0x10.0.0.1"],
    ["space in front", " 10.0.0.1"],
    ["a newline behind", "10.0.0.1\n"],
    ["a prefix length", "10.0.0.1/8"],
    ["a host name", "localhost"],
    ["digits of another script", "٣.1.1.1"],
    ["too few groups", "1:2:3"],
    ["too many groups", "1:2:3:4:5:6:7:8:9"],
    ["two compressions", "1::2::3"],
    ["a compression of nothing", "1:2:3:4::5:6:7:8"],
    ["a group of five digits", "12345::"],
    ["a colon in front", ":1"],
    ["a colon behind", "1::2:"],
    ["brackets", "[::1]"],
    ["a zone", "fe80::1%eth0"],
    ["a sign", "::-1"],
    ["a mapped number above 255", "::ffff:1.2.3.256"],
    ["a mapped leading zero", "::ffff:010.0.0.1"],
    ["a mapped hexadecimal number", "::ffff:0x1.2.3.4"],
  ] as const)("no address: %s: %j", ([, text]) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

describe("bytes", () => {
  test.for([
    ["10.1.2.255", [10, 1, 2, 255]],
    ["2001:db8::ff", [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]],
  ] as const)("%s is in network byte order", ([text, bytes]) => {
    expect([...ipToBytes(mustIp(text))]).toEqual(bytes);
    expect(ipFromBytes(bytes)).toEqual(mustIp(text));
  });

  test("bits of an address", () => {
    expect([bitsOf(4), bitsOf(6)]).toEqual([32, 128]);
  });
});

describe("addToIp", () => {
  test.for([
    ["192.168.0.1", 1n, "192.168.0.2"],
    ["192.168.0.255", 1n, "192.168.1.0"],
    ["192.168.1.0", -1n, "192.168.0.255"],
    ["2001:db8::ffff", 1n, "2001:db8::1:0"],
    ["2001:db8::1:0", -1n, "2001:db8::ffff"],
    ["::123", 1n, "::124"],
    ["10.0.0.1", 256n, "10.0.1.1"],
  ] as const)("%s and %d is %s", ([text, count, sum]) => {
    expect(printIp(addToIp(mustIp(text), count))).toBe(sum);
  });
});

describe("sameIp", () => {
  test.for([
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1", "10.0.0.2", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["0.0.0.1", "::1", false],
    ["::ffff:10.0.0.1", "10.0.0.1", true],
  ] as const)("%s and %s: %s", ([a, b, same]) => {
    expect(sameIp(mustIp(a), mustIp(b))).toBe(same);
  });
});
