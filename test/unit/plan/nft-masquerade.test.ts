import { describe, expect, test } from "vitest";
import { forgottenMasquerades, masqueradeOwner, nftMasquerade } from "../../../src/plan/nft-masquerade.ts";
import { addNftRules, nothingFound } from "../../../src/plan/nft-rules.ts";
import { mustCidr } from "../net/must.ts";

const hash = "6fd94d501e58f0aa-287fc69eff0574a2";
const whose = { hash, network: "unit-test", ifname: "eth0", containerId: "one" };
const comment = `comment "${hash}, net: unit-test, if: eth0, id: one"`;
const owner = {
  table: { family: "inet", name: "cni_plugins_masquerade" },
  shared: ["masq_checks"],
  chains: [],
  comment: { startsWith: hash, except: [] },
};

test("the whole transaction", () => {
  const rules = nftMasquerade(whose, ["192.168.1.1/24", "2001:db8::1/64"].map(mustCidr));
  expect(
    addNftRules(rules, nothingFound),
  ).toBe(`add table inet cni_plugins_masquerade { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }
add chain inet cni_plugins_masquerade masq_checks { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }
add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100 ; }
flush chain inet cni_plugins_masquerade postrouting
add rule inet cni_plugins_masquerade postrouting ip daddr 224.0.0.0/4 return
add rule inet cni_plugins_masquerade postrouting ip6 daddr ff00::/8 return
add rule inet cni_plugins_masquerade postrouting goto masq_checks
add rule inet cni_plugins_masquerade masq_checks ip saddr 192.168.1.1 ip daddr != 192.168.1.0/24 masquerade ${comment}
add rule inet cni_plugins_masquerade masq_checks ip6 saddr 2001:db8::1 ip6 daddr != 2001:db8::/64 masquerade ${comment}
`);
});

test("its owner", () => {
  expect(nftMasquerade(whose, []).owner).toEqual(owner);
  expect(masqueradeOwner(hash)).toEqual(owner);
});

test("what is forgotten of a network", () => {
  expect(forgottenMasquerades("6fd94d501e58f0aa", [hash])).toEqual({
    ...owner,
    comment: { startsWith: "6fd94d501e58f0aa", except: [hash] },
  });
});

describe("the comment", () => {
  const commentOf = (changes: Partial<typeof whose>) => {
    const [rule] = nftMasquerade({ ...whose, ...changes }, [mustCidr("10.0.0.1/8")]).rules;
    return /comment "([^"]*)"$/.exec(rule?.rule ?? "")?.[1];
  };

  test("loses its quotation marks before it is cut", () => {
    expect(commentOf({ ifname: 'e"0"' })).toBe(`${hash}, net: unit-test, if: e0, id: one`);
    expect(commentOf({ ifname: '"', containerId: "x".repeat(200) })).toHaveLength(128);
  });

  test("is cut to what nft takes", () => {
    const start = `${hash}, net: unit-test, if: eth0, id: `;
    expect(commentOf({ containerId: "x".repeat(200) })).toBe(start + "x".repeat(128 - start.length));
  });

  test("is cut between characters, of which one may be several bytes", () => {
    const network = "n".repeat(128 - hash.length - ", net: , if: é".length - 1);
    expect(commentOf({ network, ifname: "éé" })).toBe(`${hash}, net: ${network}, if: é`);
    expect(commentOf({ network: `${network}n`, ifname: "éé" })).toBe(`${hash}, net: ${network}n, if: `);
  });
});
