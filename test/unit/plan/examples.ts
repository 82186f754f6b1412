import type { PrivateChain } from "../../../src/plan/private-chain.ts";

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
