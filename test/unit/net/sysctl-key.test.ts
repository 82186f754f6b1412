import { describe, expect, test } from "vitest";
import { isSameSetting, sysctlKey, sysctlProblem } from "../../../src/net/sysctl-key.ts";

describe("the file of a setting", () => {
  test.each([
    ["net.ipv4.ip_forward", "net/ipv4/ip_forward"],
    ["net/ipv4/ip_forward", "net/ipv4/ip_forward"],
    ["/net//ipv4/ip_forward", "net/ipv4/ip_forward"],
    ["net.ipv4.conf.IFNAME.arp_notify", "net/ipv4/conf/eth0.1/arp_notify"],
    ["net/ipv4/conf/IFNAME/arp_notify", "net/ipv4/conf/eth0.1/arp_notify"],
    ["net.ipv4.conf.eth0/100.arp_notify", "net/ipv4/conf/eth0.100/arp_notify"],
    ["net/ipv4/conf/eth0.100/arp_notify", "net/ipv4/conf/eth0.100/arp_notify"],
    ["net.IFNAME.IFNAME", "net/eth0.1/IFNAME"],
  ])("%s", (written, key) => {
    expect(sysctlKey(written, "eth0.1")).toBe(key);
  });

  test("has the name of the interface as it is", () => {
    expect(sysctlKey("net.ipv4.conf.IFNAME.x", "$&$1")).toBe("net/ipv4/conf/$&$1/x");
  });
});

describe("what may be set", () => {
  test.each(["net.ipv4.ip_forward", "net/core/somaxconn", "net.ipv6.conf.IFNAME.accept_ra"])("%s", (written) => {
    expect(sysctlProblem(sysctlKey(written, "eth0"))).toBe(undefined);
  });

  test.each([
    "",
    "net",
    "net.",
    "kernel.hostname",
    "network.x",
    "net/../kernel/hostname",
    "net/ipv4/../../kernel/hostname",
    "net/./ipv4",
    "../net/ipv4/ip_forward",
    "net.//.kernel",
    "net/ipv4/\0",
  ])("not %j", (written) => {
    expect(sysctlProblem(sysctlKey(written, "eth0"))).toEqual(expect.any(String));
  });
});

test("numbers with tabs or blanks between them are the same", () => {
  expect(isSameSetting("1024\t65000", "1024 65000")).toBe(true);
  expect(isSameSetting(" 1\n", "1")).toBe(true);
  expect(isSameSetting("1", "10")).toBe(false);
});
