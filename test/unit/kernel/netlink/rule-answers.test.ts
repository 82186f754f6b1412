import { expect, test } from "vitest";
import { attribute, message, parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { parseNftRule } from "../../../../src/kernel/netlink/nftables.ts";
import { rules } from "./captured-rules.ts";

const place = { table: "cni_plugins_masquerade", chain: "masq_checks" };
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_USERDATA = 7;

test("a rule and its comment are read", () => {
  expect(parseMessages(rules.withComment).map(parseNftRule)).toEqual([
    {
      ...place,
      handle: 3n,
      comment: "6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one",
    },
  ]);
});

test("a rule without comment is read", () => {
  expect(parseMessages(rules.withoutComment).map(parseNftRule)).toEqual([{ ...place, handle: 4n, comment: undefined }]);
});

test.for([
  ["behind other data", [9, 2, 65, 66, 0, 3, 67, 68, 0], "CD"],
  ["without the closing zero", [0, 2, 67, 68], "CD"],
  ["of no length", [0, 0], ""],
  ["among other data, which is none", [9, 1, 0], undefined],
] as const)("a comment %s", ([, userdata, comment]) => {
  expect(parseNftRule(ruleWith(userdata)).comment).toBe(comment);
});

test("a comment that points outside is refused", () => {
  expect(() => parseNftRule(ruleWith([0, 3, 67, 68]))).toThrow("netlink: user data of a rule that points outside");
});

test("a rule without handle is refused", () => {
  const [bare] = parseMessages(message(2566, 0, [Buffer.alloc(4)]));
  expect(() => bare && parseNftRule(bare)).toThrow("netlink: a rule without handle");
});

function ruleWith(userdata: readonly number[]) {
  const body = [
    Buffer.alloc(4),
    attribute(NFTA_RULE_HANDLE, Buffer.alloc(8)),
    attribute(NFTA_RULE_USERDATA, Buffer.from(userdata)),
  ];
  const [rule] = parseMessages(message(2566, 0, body));
  if (rule === undefined) throw new Error("the test itself is wrong");
  return rule;
}
