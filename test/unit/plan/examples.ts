import type { NftRules } from "../../../src/plan/nft-rules.ts";
import type { PrivateChain } from "../../../src/plan/private-chain.ts";
import type { RuleSet } from "../../../src/plan/rule-set.ts";

/** Two rules, and two jumps that lead to them. */
export const chain: PrivateChain = {
  family: 4,
  table: "nat",
  name: "CNI-1",
  otherName: "CNI-2",
  rules: ["-d 10.1.0.0/16 -j ACCEPT", "! -d 224.0.0.0/4 -j MASQUERADE"],
  jumps: [
    { from: "POSTROUTING", rule: "-s 10.1.0.5/32" },
    { from: "POSTROUTING", rule: "-s 10.2.0.5/32" },
  ],
};

/** One rule among those of others, and one in a chain of its own. */
export const nftRules: NftRules = {
  owner: {
    table: { family: "bridge", name: "nat" },
    shared: ["PREROUTING"],
    chains: ["own"],
    comment: { is: "c1" },
  },
  base: ["add table bridge nat"],
  standing: [],
  rules: [
    { chain: "PREROUTING", rule: 'jump own comment "c1"' },
    { chain: "own", rule: 'drop comment "c1"' },
  ],
};

export const ruleSet: RuleSet = {
  family: 4,
  chains: [{ table: "filter", name: "X" }],
  standing: [{ table: "filter", chain: "FORWARD", text: "-j X", at: "head" }],
  own: [{ table: "raw", chain: "PREROUTING", text: "-d 10.1.0.5/32 ! -i cni0 -j DROP", at: "end" }],
};
