import { describe, expect, test } from "vitest";
import {
  addMissing,
  addWhereExpected,
  alreadyThere,
  lacksOthers,
  remove,
  removePresent,
  strays,
} from "../../../src/plan/rule-input.ts";
import type { Rule, RuleSet } from "../../../src/plan/rule-set.ts";
import { missingRules, SavedRules } from "../../../src/plan/saved-rules.ts";

const rule = (table: Rule["table"], chain: string, text: string, at: Rule["at"] = "end"): Rule => ({
  table,
  chain,
  text,
  at,
});

const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => rule("filter", "X", `-j ${name}`)) as [Rule, Rule, Rule, Rule];
const head = (of: Rule): Rule => ({ ...of, at: "head" });
const direct = rule("raw", "PREROUTING", "-d 10.1.0.5/32 -j DROP");

const set = (more: Partial<RuleSet>): RuleSet => ({ family: 4, chains: [], standing: [], own: [], ...more });
const saved = (...rules: readonly string[]) =>
  new SavedRules(`*filter\n:X - [0:0]\n${rules.map((name) => `-A X -j ${name}\n`).join("")}COMMIT\n`);

describe("addWhereExpected", () => {
  test("checks everything before it changes anything", () => {
    const standing = [direct, a, rule("nat", "OUTPUT", "-j N")];
    const own = [rule("raw", "PREROUTING", "-j 1"), rule("raw", "OUTPUT", "-j 2"), rule("raw", "PREROUTING", "-j 3")];
    expect(addWhereExpected(set({ standing, own }))).toBe(`*nat
-C OUTPUT -j N
COMMIT
*filter
-C X -j a
COMMIT
*raw
-C PREROUTING -d 10.1.0.5/32 -j DROP
-S PREROUTING
-S OUTPUT
-A PREROUTING -j 1
-A OUTPUT -j 2
-A PREROUTING -j 3
COMMIT
`);
  });

  test("only checks when there is nothing to add", () => {
    expect(addWhereExpected(set({ standing: [a] }))).toBe("*filter\n-C X -j a\nCOMMIT\n");
  });

  test("checks all tables before it changes the first of several", () => {
    const standing = [b, rule("nat", "OUTPUT", "-j N")];
    expect(addWhereExpected(set({ standing, own: [head(a), direct] }))).toBe(`*raw
-S PREROUTING
COMMIT
*nat
-C OUTPUT -j N
COMMIT
*filter
-C X -j b
-S X
COMMIT
*raw
-A PREROUTING -d 10.1.0.5/32 -j DROP
COMMIT
*filter
-I X -j a
COMMIT
`);
  });

  test("is nothing for no rules", () => {
    expect(addWhereExpected(set({}))).toBeUndefined();
  });

  test("tells by its listing what was there", () => {
    const listing = "-P PREROUTING ACCEPT\n-A PREROUTING -d 10.1.0.5/32 -j DROP\n";
    expect(alreadyThere(set({ own: [direct, a] }), listing)).toEqual([direct]);
    expect(alreadyThere(set({ own: [direct] }), "-A PREROUTING -d 10.1.0.55/32 -j DROP\n")).toEqual([]);
  });
});

test("rules of others are listed, and missed", () => {
  const other = { ...direct, text: "-d 10.1.0.6/32 -j DROP" };
  expect(addWhereExpected(set({ standing: [a], own: [direct] }), [b, other])).toBe(
    "*filter\n-C X -j a\n-S X\nCOMMIT\n*raw\n-S PREROUTING\n-A PREROUTING -d 10.1.0.5/32 -j DROP\nCOMMIT\n",
  );
  const listing = "-N X\n-A X -j b\n-P PREROUTING ACCEPT\n-A PREROUTING -d 10.1.0.5/32 -j DROP\n";
  expect(lacksOthers([], listing)).toBe(false);
  expect(lacksOthers([direct, b], listing)).toBe(false);
  expect(lacksOthers([direct, other], listing)).toBe(true);
});

describe("addMissing", () => {
  test("makes the rules of others behind those that stand", () => {
    const wanted = set({ standing: [a], own: [d] });
    expect(addMissing(wanted, saved("b"), { others: [b, c] })).toBe(
      "*filter\n-I X -j a\n-A X -j c\n-A X -j d\nCOMMIT\n",
    );
  });

  test.for<[string, Rule[], string[], string[]]>([
    ["appends to an empty chain", [a, b], [], ["-A X -j a", "-A X -j b"]],
    ["appends below others", [a, b], ["o"], ["-A X -j a", "-A X -j b"]],
    ["does nothing when all are there", [a, b], ["a", "o", "b"], []],
    ["does not mind another order", [a, b], ["b", "a"], []],
    ["puts a rule above the next of its own", [a, b, c], ["o", "a", "o", "c", "o"], ["-I X 4 -j b"]],
    [
      "puts several above the next of their own",
      [a, b, c, d],
      ["o", "d"],
      ["-I X 2 -j a", "-I X 3 -j b", "-I X 4 -j c"],
    ],
    ["puts the last one at the end", [a, b], ["a", "o"], ["-A X -j b"]],
    ["puts later ones at the head above earlier ones", [head(a), head(b)], ["o"], ["-I X -j a", "-I X -j b"]],
    ["puts the upper one at the head", [head(a), head(b)], ["o", "a"], ["-I X -j b"]],
    ["puts the lower one below the upper one", [head(a), head(b)], ["o", "b", "o"], ["-I X 3 -j a"]],
    ["appends what is below the last rule", [head(a), head(b)], ["o", "b"], ["-A X -j a"]],
    ["keeps those of the head above those of the end", [c, head(a)], ["o"], ["-A X -j c", "-I X -j a"]],
  ])("%s", ([, wanted, present, lines]) => {
    const input = addMissing(set({ standing: wanted }), saved(...present));
    expect(input).toBe(lines.length === 0 ? undefined : `*filter\n${lines.join("\n")}\nCOMMIT\n`);
  });

  test("makes chains that are missing, and nothing of those that are there", () => {
    const chains = ["X", "Y"].map((name) => ({ table: "filter", name }) as const);
    expect(addMissing(set({ chains: [...chains, { table: "nat", name: "X" }] }), saved("o"))).toBe(
      "*nat\n-N X\nCOMMIT\n*filter\n-N Y\nCOMMIT\n",
    );
  });

  test("sets the policy with the rules, and also when none is missing", () => {
    expect(addMissing(set({ own: [a] }), saved(), { dropForward: true })).toBe(
      "*filter\n-P FORWARD DROP\n-A X -j a\nCOMMIT\n",
    );
    expect(addMissing(set({ own: [a] }), saved("a"), { dropForward: true })).toBe("*filter\n-P FORWARD DROP\nCOMMIT\n");
  });

  test("knows the same rule in another chain or table as another", () => {
    const elsewhere = [rule("nat", "X", "-j a"), rule("filter", "Y", "-j a")];
    expect(addMissing(set({ own: elsewhere }), saved("a"))).toBe(
      "*nat\n-A X -j a\nCOMMIT\n*filter\n-A Y -j a\nCOMMIT\n",
    );
  });
});

describe("a chain that is one attachment's alone", () => {
  const ownChain = { table: "filter", name: "OWN", rules: ["-p tcp -j y", "-j z"] } as const;
  const jump = rule("filter", "X", "-p tcp -j OWN");
  const own = set({ standing: [a], own: [jump], ownChain });
  const filled = [":OWN - [0:0]", "-A OWN -p tcp -j y", "-A OWN -j z"].join("\n");

  test("is filled anew with what leads there", () => {
    expect(addWhereExpected(own)).toBe(`*filter\n-C X -j a\n-S X\n${filled}\n-A X -p tcp -j OWN\nCOMMIT\n`);
    expect(addMissing(own, saved())).toBe(`*filter\n${filled}\n-A X -j a\n-A X -p tcp -j OWN\nCOMMIT\n`);
  });

  test("has no other rules that lead there", () => {
    const listing = "-N X\n-A X -j a\n-A X -p udp -j OWN\n-A X -p tcp -j OWN\n-A X -j OWN2\n";
    expect(strays(own, listing)).toEqual([rule("filter", "X", "-p udp -j OWN")]);
    expect(strays(set({ own: [jump] }), listing)).toEqual([]);
    const before = new SavedRules("*filter\n:X - [0:0]\n-A X -j a\n-A X -p udp -j OWN\n:OWN - [0:0]\n-A OWN -j q\n");
    expect(addMissing(own, before)).toBe(`*filter\n${filled}\n-A X -p tcp -j OWN\n-D X -p udp -j OWN\nCOMMIT\n`);
  });

  test("goes with what leads there, known or not", () => {
    const gone = { rules: [jump], chain: ownChain };
    expect(remove(gone)).toBe("*filter\n-D X -p tcp -j OWN\n-F OWN\n-X OWN\nCOMMIT\n");
    const there = new SavedRules(
      "*filter\n:X - [0:0]\n:Y - [0:0]\n:OWN - [0:0]\n-A X -p udp -j OWN\n-A Y -j OWN\n-A Y -j b\n",
    );
    expect(removePresent(gone, there)).toBe("*filter\n-D X -p udp -j OWN\n-D Y -j OWN\n-F OWN\n-X OWN\nCOMMIT\n");
    expect(removePresent(gone, saved())).toBeUndefined();
  });
});

describe("removing", () => {
  test("is a line for each rule, by table", () => {
    expect(remove({ rules: [a, direct, b] })).toBe(
      "*raw\n-D PREROUTING -d 10.1.0.5/32 -j DROP\nCOMMIT\n*filter\n-D X -j a\n-D X -j b\nCOMMIT\n",
    );
    expect(remove({ rules: [] })).toBeUndefined();
  });

  test("of one that is there twice in what is to be removed is one line", () => {
    expect(remove({ rules: [a, a] })).toBe("*filter\n-D X -j a\nCOMMIT\n");
    expect(removePresent({ rules: [a, a] }, saved("a"))).toBe("*filter\n-D X -j a\nCOMMIT\n");
  });

  test("of what is there is a line for each time", () => {
    expect(removePresent({ rules: [a, b, direct] }, saved("a", "o", "a"))).toBe(
      "*filter\n-D X -j a\n-D X -j a\nCOMMIT\n",
    );
    expect(removePresent({ rules: [b] }, saved("a"))).toBeUndefined();
  });
});

describe("what iptables-save prints", () => {
  const rules = new SavedRules(`# Generated by iptables-save v1.8.9 on Sat Nov 21 14:59:32 2026
*raw
:PREROUTING ACCEPT [12:3456]
:OUTPUT ACCEPT [0:0]
COMMIT
# Completed on Sat Nov 21 14:59:32 2026
*filter
:X - [0:0]
:Y - [0:0]
-A X -m comment --comment "-A Y -j z" -j a
-A X -j b
COMMIT
`);

  test("has chains by table, and their rules in order", () => {
    expect([rules.hasChain("filter", "Y"), rules.hasChain("raw", "OUTPUT"), rules.hasChain("raw", "X")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(rules.rulesOf("filter", "X")).toEqual(['-m comment --comment "-A Y -j z" -j a', "-j b"]);
    expect([rules.rulesOf("filter", "Y"), rules.rulesOf("nat", "X")]).toEqual([[], []]);
  });

  test("has rules or misses them", () => {
    expect(missingRules([a, b, direct], rules)).toEqual([a, direct]);
  });
});
