import type { Rule } from "./rule-set.ts";
import type { SavedRules } from "./saved-rules.ts";

/** Pairs of rules of one chain that are there, and the other way round than they were written: the first should be above the second. */
export function misplacedRules(rules: readonly Rule[], saved: SavedRules): readonly (readonly [Rule, Rule])[] {
  const chains = new Map(rules.map((rule) => [`${rule.table} ${rule.chain}`, rule]));
  return [...chains.values()].flatMap(({ table, chain }) => {
    const present = saved.rulesOf(table, chain);
    const place = (rule: Rule) => present.indexOf(rule.text);
    const inOrder = asWritten(rules.filter((rule) => rule.table === table && rule.chain === chain));
    const there = inOrder.filter((rule) => place(rule) >= 0);
    return there.flatMap((rule, i) => {
      const next = there[i + 1];
      return next !== undefined && place(rule) > place(next) ? [[rule, next] as const] : [];
    });
  });
}

/** Of two that were inserted at the head the later one is above. */
function asWritten(rules: readonly Rule[]): readonly Rule[] {
  return [...rules.filter(({ at }) => at === "head").reverse(), ...rules.filter(({ at }) => at === "end")];
}
