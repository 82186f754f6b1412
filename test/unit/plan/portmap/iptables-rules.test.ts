import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { portmapChainName } from "../../../../src/net/hashed-name.ts";
import type { PortMapping } from "../../../../src/net/port-mapping.ts";
import { commentOf, type Publishing, portmapRules } from "../../../../src/plan/portmap/iptables-rules.ts";
import { cidr, ip } from "../../../values.ts";
import { mapping, usual } from "./examples.ts";

const sha512 = (text: string) => createHash("sha512").update(text).digest("hex");

/** Of the reference's tests. */
const idOfReference =
  "icee6giejonei6sohng6ahngee7laquohquee9shiGo7fohferakah3Feiyoolu2pei7ciPhoh7shaoX6vai3vuf0ahfaeng8yohb9ceu0daez5hashee8ooYai5wa3y";

test.for([
  ["testNetName", "CNI-DN-bfd599665540dd91d5d28"],
  ["test", "CNI-DN-67e92b96e692a494b6b85"],
] as const)("the chain of a container in %s", ([network, name]) => {
  expect(portmapChainName(sha512, { network, containerId: idOfReference })).toBe(name);
});

const whose = { network: "n1", containerId: "c1", chain: "CNI-DN-1" };
const address4 = cidr("192.0.2.2/24");
const address6 = cidr("2001:db8:1::2/64");
const mappings = [
  mapping(8080, 80),
  mapping(8081, 81, { hostIp: ip("127.0.0.1") }),
  mapping(53, 5353, { protocol: "udp", hostIp: ip("0.0.0.0") }),
  mapping(90, 90, { protocol: "sctp" }),
  mapping(91, 91, { hostIp: ip("fd00::1") }),
  mapping(92, 92, { hostIp: ip("::") }),
];

const rulesOf = (address = address4, more: Partial<Publishing> = {}, some: readonly PortMapping[] = mappings) =>
  portmapRules(whose, { address, mappings: some, publishing: { ...usual, ...more } });
const own = (...args: Parameters<typeof rulesOf>) => rulesOf(...args).ownChain?.rules;
const entries = (...args: Parameters<typeof rulesOf>) => rulesOf(...args).own.map(({ text }) => text);
const standing = (...args: Parameters<typeof rulesOf>) =>
  rulesOf(...args).standing.map(({ chain, text, at }) => `${at === "head" ? "-I" : "-A"} ${chain} ${text}`);

test("of IPv4: clients that the container could not answer, and then the translation", () => {
  expect(own()).toEqual([
    "-s 192.0.2.0/24 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
    "-s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
    "-p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80",
    "-s 192.0.2.0/24 -d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j CNI-HOSTPORT-SETMARK",
    "-s 127.0.0.1/32 -d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j CNI-HOSTPORT-SETMARK",
    "-d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 192.0.2.2:81",
    "-s 192.0.2.0/24 -p udp -m udp --dport 53 -j CNI-HOSTPORT-SETMARK",
    "-s 127.0.0.1/32 -p udp -m udp --dport 53 -j CNI-HOSTPORT-SETMARK",
    "-p udp -m udp --dport 53 -j DNAT --to-destination 192.0.2.2:5353",
    "-s 192.0.2.0/24 -p sctp -m sctp --dport 90 -j CNI-HOSTPORT-SETMARK",
    "-s 127.0.0.1/32 -p sctp -m sctp --dport 90 -j CNI-HOSTPORT-SETMARK",
    "-p sctp -m sctp --dport 90 -j DNAT --to-destination 192.0.2.2:90",
  ]);
});

test("of IPv6", () => {
  expect(own(address6, {}, [mapping(8080, 80), ...mappings.slice(4)])).toEqual([
    "-s 2001:db8:1::/64 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
    "-p tcp -m tcp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80",
    "-s 2001:db8:1::/64 -d fd00::1/128 -p tcp -m tcp --dport 91 -j CNI-HOSTPORT-SETMARK",
    "-d fd00::1/128 -p tcp -m tcp --dport 91 -j DNAT --to-destination [2001:db8:1::2]:91",
    "-s 2001:db8:1::/64 -p tcp -m tcp --dport 92 -j CNI-HOSTPORT-SETMARK",
    "-p tcp -m tcp --dport 92 -j DNAT --to-destination [2001:db8:1::2]:92",
  ]);
});

describe("what leads to the chain", () => {
  const comment = '-m comment --comment "dnat name: \\"n1\\" id: \\"c1\\"" -m multiport --dports';

  test("is a rule for each protocol, with the ports of both families", () => {
    expect(entries()).toEqual([
      `-p sctp ${comment} 90 -j CNI-DN-1`,
      `-p tcp ${comment} 8080,8081,91,92 -j CNI-DN-1`,
      `-p udp ${comment} 53 -j CNI-DN-1`,
    ]);
    expect(entries(address6)).toEqual(entries());
  });

  test("has at most 15 ports in one rule", () => {
    const many = Array.from({ length: 32 }, (_, i) => mapping(1000 + i, 80));
    const counts = entries(address4, {}, many).map((text) => text.split(",").length);
    expect(counts).toEqual([15, 15, 2]);
  });

  test("has the conditions of the network", () => {
    const conditions = ["!", "-s", "192.0.2.0/24", "-m", "comment", "--comment", 'a "b" \\c'];
    expect(entries(address4, { conditions }, [mapping(80, 80)])).toEqual([
      `-p tcp ${comment} 80 ! -s 192.0.2.0/24 -m comment --comment "a \\"b\\" \\\\c" -j CNI-DN-1`,
    ]);
  });
});

describe("what all share", () => {
  const jumps = ["PREROUTING", "OUTPUT"].map(
    (chain) => `-A ${chain} -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT`,
  );

  test("marks and masquerades", () => {
    expect(standing()).toEqual([
      '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
      "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE",
      '-I POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
      ...jumps,
    ]);
    expect(standing(address4, { markMasqBit: 31 })[1]).toContain("0x80000000/0x80000000");
    expect(rulesOf().chains.map(({ name }) => name)).toEqual([
      "CNI-HOSTPORT-DNAT",
      "CNI-HOSTPORT-SETMARK",
      "CNI-HOSTPORT-MASQ",
    ]);
  });

  test("does neither without snat, or with a chain of somebody else's", () => {
    for (const more of [{ snat: false }, { externalSetMarkChain: "KUBE-MARK-MASQ" }]) {
      expect(standing(address4, more)).toEqual(jumps);
      expect(rulesOf(address4, more).chains.map(({ name }) => name)).toEqual(["CNI-HOSTPORT-DNAT"]);
    }
  });
});

test("without snat there is the translation alone, with masqAll every client is marked, and it may be somebody else's chain", () => {
  const one = [mapping(8080, 80)];
  const translation = "-p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80";
  expect(own(address4, { snat: false }, one)).toEqual([translation]);
  expect(own(address4, { masqAll: true }, one)).toEqual([
    "-p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
    translation,
  ]);
  expect(own(address4, { masqAll: true, externalSetMarkChain: "X" }, one)?.[0]).toBe("-p tcp -m tcp --dport 8080 -j X");
});

test("a long comment is cut as the reference cuts it", () => {
  const comment = commentOf({ network: "n".repeat(200), containerId: "c".repeat(64) });
  expect([comment.length, comment.slice(-6)]).toEqual([256, "ccc..."]);
  expect(commentOf({ network: "n", containerId: "c".repeat(234) })).not.toContain("...");
});
