import { describe, expect, test } from "vitest";
import { chooseBackend, mayHaveIptablesRules } from "../../../src/plugins/firewall-backend.ts";

const programs = (iptables: boolean, nft: boolean) => ({ hasIptables: () => iptables, hasNft: () => nft });

describe("chooseBackend", () => {
  test.for([
    [undefined, true, true, "iptables"],
    [undefined, true, false, "iptables"],
    [undefined, false, true, "nftables"],
    [undefined, false, false, "iptables"],
    ["iptables", false, true, "iptables"],
    ["nftables", true, false, "nftables"],
  ] as const)("%s, with iptables: %s, with nft: %s, is %s", ([configured, iptables, nft, expected]) => {
    expect(chooseBackend(configured, programs(iptables, nft))).toBe(expected);
  });

  test("what is configured is not looked for", () => {
    const never = () => {
      throw new Error("looked for it");
    };
    expect(chooseBackend("nftables", { hasIptables: never, hasNft: never })).toBe("nftables");
  });
});

describe("mayHaveIptablesRules", () => {
  test.for([
    ["iptables as ever", "iptables", false, true, true],
    ["iptables, which is missing: the error has to say so", "iptables", false, false, true],
    ["changed from nftables to iptables", "iptables", true, true, true],
    ["changed from nftables to iptables, which is missing", "iptables", true, false, false],
    ["left open", undefined, false, true, true],
    ["left open, without iptables", undefined, false, false, false],
    ["left open, in nftables", undefined, true, false, false],
    ["nftables as ever", "nftables", true, true, false],
    ["changed from iptables to nftables", "nftables", false, true, true],
    ["nftables, without iptables", "nftables", false, false, false],
  ] as const)("%s", ([, configured, isInNftables, iptables, expected]) => {
    expect(mayHaveIptablesRules(configured, isInNftables, programs(iptables, true))).toBe(expected);
  });
});
