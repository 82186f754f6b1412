import { describe, expect, test } from "vitest";
import { nftDifferences, parseNftListing } from "../../../src/plan/nft-listing.ts";
import type { NftRule, NftRules } from "../../../src/plan/nft-rules.ts";
import { nftRules } from "./examples.ts";

const listing = `table bridge nat {
	comment "of chain x {"
	chain PREROUTING {
		type filter hook prerouting priority dstnat; policy accept;
		jump own comment "c1"
		jump own comment "c2"
	}

	chain own {
		drop comment "c1"
	}
}
`;

function problems(text: string, rules: Partial<NftRules> = {}): string[] {
  return nftDifferences({ ...nftRules, ...rules }, parseNftListing(text));
}

test("nothing is missing of what is there, whatever others have there", () => {
  expect(problems(listing)).toEqual([]);
});

test("a table that is not there has none of the rules", () => {
  expect(problems("")).toEqual([
    'there is no rule of: nft add rule bridge nat PREROUTING jump own comment "c1"',
    'there is no rule of: nft add rule bridge nat own drop comment "c1"',
  ]);
});

test("a rule of another chain is none", () => {
  expect(problems(listing, { rules: [...nftRules.rules, { chain: "own", rule: 'jump own comment "c1"' }] })).toEqual([
    'there is no rule of: nft add rule bridge nat own jump own comment "c1"',
  ]);
});

test("what is changed is named as it was and as it is", () => {
  expect(problems(listing.replace("drop", "accept"))).toEqual([
    'there is no rule of: nft add rule bridge nat own drop comment "c1"',
    'there is a rule that is not the container\'s: nft add rule bridge nat own accept comment "c1"',
  ]);
});

describe("is the same", () => {
  const own = (rule: NftRule["rule"], line: string) =>
    problems(`table bridge nat {\n\tchain own {\n\t\t${line}\n\t}\n}\n`, {
      rules: [{ chain: "own", rule: `${rule} comment "c1"` }],
    });
  test.each([
    ["ip daddr != 10.1.0.5/32 masquerade", "ip daddr != 10.1.0.5 masquerade"],
    ["ip6 daddr != fd00::5/128 masquerade", "ip6 daddr != fd00::5 masquerade"],
    ["ip6 saddr ::102:304 drop", "ip6 saddr ::1.2.3.4 drop"],
    ["ip6 daddr 2001:db8::1 dnat to [::5:6]:80", "ip6 daddr 2001:db8::1 dnat to [::0.5.0.6]:80"],
  ])("%s as %s", (rule, line) => {
    expect(own(rule, `${line} comment "c1"`)).toEqual([]);
  });

  test.each([
    ["ip daddr 10.1.0.5 drop", "ip daddr 10.1.0.6 drop"],
    ["ip daddr 10.1.0.5 drop", "ip daddr 10.1.0.5/24 drop"],
    ["tcp dport 80 drop", "tcp dport 8 drop"],
  ])("%s not as %s", (rule, line) => {
    expect(own(rule, `${line} comment "c1"`)).toHaveLength(2);
  });

  test("not with another comment", () => {
    expect(own("drop", 'drop comment "::1.2.3.4"')).toHaveLength(1);
  });
});

test("conditions in an administrator's words are there, in whatever words, or they are not", () => {
  const standing = [{ chain: "own", rule: "goto x", conditions: ["ip", "saddr", "{10.0.0.0/8}"] }];
  const text = (line: string) => listing.replace('drop comment "c1"', `drop comment "c1"\n${line}`);
  expect(problems(text("ip saddr { 10.0.0.0/8 } goto x"), { standing })).toEqual([]);
  expect(problems(text("goto x"), { standing })).toEqual([
    "there is no rule of: nft add rule bridge nat own ip saddr {10.0.0.0/8} goto x",
  ]);
});
