import { describe, expect, test } from "vitest";
import {
  contains,
  hostCidr,
  isDefault,
  lastIpOf,
  networkOf,
  parseCidr,
  printCidr,
  sameCidr,
} from "../../../src/net/cidr.ts";
import { printIp } from "../../../src/net/ip.ts";
import { mustCidr, mustIp } from "./must.ts";

describe("parseCidr and printCidr", () => {
  test.for([
    ["host bits are kept", "10.1.0.5/16", "10.1.0.5/16"],
    ["the shortest prefix", "0.0.0.0/0", "0.0.0.0/0"],
    ["the longest IPv4 prefix", "10.0.0.1/32", "10.0.0.1/32"],
    ["IPv6 becomes canonical", "2001:DB8:0::1/64", "2001:db8::1/64"],
    ["the longest IPv6 prefix", "::1/128", "::1/128"],
    ["IPv4-mapped is IPv4", "::ffff:10.0.0.2/120", "10.0.0.2/24"],
    ["IPv4-mapped in groups is IPv4", "::ffff:a00:2/128", "10.0.0.2/32"],
    ["all of the mapped addresses are all of IPv4", "::ffff:0.0.0.0/96", "0.0.0.0/0"],
    ["an IPv4-compatible address is IPv6", "::1.2.3.4/120", "::102:304/120"],
  ] as const)("%s: %s", ([, text, printed]) => {
    expect(printCidr(mustCidr(text))).toBe(printed);
  });

  test.for([
    ["no prefix length", "10.0.0.1"],
    ["an empty prefix length", "10.0.0.1/"],
    ["no address", "/8"],
    ["two prefix lengths", "10.0.0.0/8/8"],
    ["a prefix too long for IPv4", "10.0.0.1/33"],
    ["a prefix too long for IPv6", "::1/129"],
    ["a negative prefix", "10.0.0.1/-1"],
    ["a leading zero in the prefix", "10.0.0.1/08"],
    ["a sign", "10.0.0.1/+8"],
    ["a mask", "10.0.0.1/255.0.0.0"],
    ["a prefix shorter than that of the mapped addresses", "::ffff:10.0.0.1/95"],
    ["a prefix too long for a mapped address", "::ffff:10.0.0.1/129"],
    ["space behind", "10.0.0.1/8 "],
  ] as const)("no address with prefix length: %s: %j", ([, text]) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

describe("networkOf and lastIpOf", () => {
  test.for([
    ["10.1.0.5/16", "10.1.0.0/16", "10.1.255.255"],
    ["192.168.127.0/23", "192.168.126.0/23", "192.168.127.255"],
    ["10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"],
    ["10.1.2.3/0", "0.0.0.0/0", "255.255.255.255"],
    ["2001:db8:24:19ff::/63", "2001:db8:24:19fe::/63", "2001:db8:24:19ff:ffff:ffff:ffff:ffff"],
    ["2001:db8::5/128", "2001:db8::5/128", "2001:db8::5"],
  ] as const)("%s is of %s, which ends with %s", ([text, network, last]) => {
    expect(printCidr(networkOf(mustCidr(text)))).toBe(network);
    expect(printIp(lastIpOf(mustCidr(text)))).toBe(last);
  });
});

describe("contains", () => {
  test.for([
    ["10.1.0.0/16", "10.1.0.0", true],
    ["10.1.0.0/16", "10.1.255.255", true],
    ["10.1.0.0/16", "10.2.0.0", false],
    ["10.1.2.3/16", "10.1.9.9", true],
    ["10.1.2.3/32", "10.1.2.4", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "10.0.0.1", false],
    ["2001:db8::/64", "2001:db8::ffff", true],
    ["2001:db8::/64", "2001:db8:0:1::", false],
  ] as const)("%s holds %s: %s", ([cidr, ip, held]) => {
    expect(contains(mustCidr(cidr), mustIp(ip))).toBe(held);
  });
});

describe("sameCidr", () => {
  test.for([
    ["10.1.0.5/16", "10.1.0.5/16", true],
    ["10.1.0.5/16", "10.1.0.6/16", false],
    ["10.1.0.5/16", "10.1.0.5/24", false],
    ["0.0.0.0/0", "::/0", false],
  ] as const)("%s and %s: %s", ([a, b, same]) => {
    expect(sameCidr(mustCidr(a), mustCidr(b))).toBe(same);
  });
});

describe("isDefault", () => {
  test.for([
    ["0.0.0.0/0", true],
    ["::/0", true],
    ["0.0.0.0/1", false],
    ["::/128", false],
    ["10.0.0.0/8", false],
  ] as const)("%s: %s", ([text, expected]) => {
    expect(isDefault(mustCidr(text))).toBe(expected);
  });
});

describe("hostCidr", () => {
  test.for([
    ["10.1.2.3", "10.1.2.3/32"],
    ["2001:db8::1", "2001:db8::1/128"],
  ] as const)("%s alone is %s", ([ip, cidr]) => {
    expect(printCidr(hostCidr(mustIp(ip)))).toBe(cidr);
  });
});
