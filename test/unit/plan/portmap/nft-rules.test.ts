import { describe, expect, test } from "vitest";
import { addNftRules, nothingFound } from "../../../../src/plan/nft-rules.ts";
import type { Publishing } from "../../../../src/plan/portmap/iptables-rules.ts";
import { nftPorts, nftPortsProblem } from "../../../../src/plan/portmap/nft-rules.ts";
import { ip } from "../../../values.ts";
import { mapping, usual } from "./examples.ts";

const mappings = [
  mapping(8080, 80),
  mapping(8081, 81, { hostIp: ip("127.0.0.1") }),
  mapping(53, 5353, { protocol: "udp", hostIp: ip("0.0.0.0") }),
  mapping(91, 91, { hostIp: ip("fd00::1") }),
];

const portsOf = (address = "192.0.2.2", more: Partial<Publishing> = {}) =>
  nftPorts("c1", { address: ip(address), mappings, publishing: { ...usual, ...more }, others: [] });
const rules = (...args: Parameters<typeof portsOf>) =>
  portsOf(...args).rules.map(({ chain, rule }) => `${chain}: ${rule}`);

test("what nft gets for IPv4", () => {
  expect(addNftRules(portsOf("192.0.2.2", { conditions: ["ip", "saddr", "!=", "10.0.0.1"] }), nothingFound)).toBe(
    `add table ip cni_hostport { comment "CNI portmap plugin" ; }
add chain ip cni_hostport hostports
add chain ip cni_hostport hostip_hostports
add chain ip cni_hostport hostports_all
flush chain ip cni_hostport hostports_all
add chain ip cni_hostport prerouting { type nat hook prerouting priority -100 ; }
flush chain ip cni_hostport prerouting
add chain ip cni_hostport output { type nat hook output priority -100 ; }
flush chain ip cni_hostport output
add chain ip cni_hostport masquerading { type nat hook postrouting priority 100 ; }
add rule ip cni_hostport hostports_all jump hostip_hostports
add rule ip cni_hostport hostports_all jump hostports
add rule ip cni_hostport prerouting ip saddr != 10.0.0.1 fib daddr type local jump hostports_all
add rule ip cni_hostport output ip saddr != 10.0.0.1 fib daddr type local jump hostports_all
add rule ip cni_hostport hostports tcp dport 8080 dnat to 192.0.2.2:80 comment "c1"
add rule ip cni_hostport hostports ip daddr 127.0.0.1 tcp dport 8081 dnat to 192.0.2.2:81 comment "c1"
add rule ip cni_hostport hostports udp dport 53 dnat to 192.0.2.2:5353 comment "c1"
add rule ip cni_hostport masquerading ip saddr 192.0.2.2 ip daddr 192.0.2.2 masquerade comment "c1"
add rule ip cni_hostport masquerading ip saddr 127.0.0.1 ip daddr 192.0.2.2 masquerade comment "c1"
`,
  );
});

test("of IPv6", () => {
  expect(rules("2001:db8:1::2")).toEqual([
    'hostports: tcp dport 8080 dnat to [2001:db8:1::2]:80 comment "c1"',
    'hostports: ip6 daddr fd00::1 tcp dport 91 dnat to [2001:db8:1::2]:91 comment "c1"',
    'masquerading: ip6 saddr 2001:db8:1::2 ip6 daddr 2001:db8:1::2 masquerade comment "c1"',
  ]);
});

describe("masquerading", () => {
  const masquerading = (...args: Parameters<typeof portsOf>) =>
    rules(...args).filter((rule) => rule.startsWith("masq"));

  test("is for all with masqAll", () => {
    expect(masquerading("192.0.2.2", { masqAll: true })).toEqual([
      'masquerading: ip saddr 0.0.0.0/0 ip daddr 192.0.2.2 masquerade comment "c1"',
    ]);
    expect(masquerading("2001:db8:1::2", { masqAll: true })).toEqual([
      'masquerading: ip6 saddr ::/0 ip6 daddr 2001:db8:1::2 masquerade comment "c1"',
    ]);
  });

  test("is not there without snat, and its chain neither", () => {
    expect(masquerading("192.0.2.2", { snat: false, masqAll: true })).toEqual([]);
    expect(portsOf("192.0.2.2", { snat: false }).base.join("\n")).not.toContain("masquerading");
  });
});

test("rules of the container's other attachments are kept", () => {
  const others = [{ chain: "hostports", rule: 'tcp dport 1 dnat to 10.0.0.1:1 comment "c1"' }];
  const { rules: all } = nftPorts("c1", { address: ip("192.0.2.2"), mappings, publishing: usual, others });
  expect(all[0]).toEqual(others[0]);
});

test("a container id may be as long as a comment", () => {
  expect(nftPortsProblem("c".repeat(128))).toBeUndefined();
  expect(nftPortsProblem("c".repeat(129))).toContain("128");
});
