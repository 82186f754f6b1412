import { readRules } from "../../kernel/rule-sets.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import { allRulesOf, type BridgePolicy, rulesOfOtherPolicies } from "../../plan/firewall/isolation.ts";
import { misplacedRules } from "../../plan/rule-order.ts";
import { printRule, type RuleSet } from "../../plan/rule-set.ts";
import { missingRules, type SavedRules } from "../../plan/saved-rules.ts";
import type { Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, Surroundings } from "../../protocol/plugin.ts";
import { readFirewallState } from "../../state/firewall-record.ts";
import { resultBefore } from "../result-before.ts";
import { bridgeOf, decodeConfig, forwardingOf } from "./config.ts";
import { planAdd, ruleSetsOf } from "./plan.ts";
import { isOf } from "./records.ts";

/** Errors: 999 with every rule that is missing, or at another place. It changes nothing. */
export async function check(call: CheckCall, { env }: Surroundings): Promise<void> {
  const { network } = call;
  const config = decodeConfig(network);
  const result = resultBefore(network, "firewall");
  const forwarding = forwardingOf(config, result);
  const sets = ruleSetsOf(result, forwarding);
  const problems = [
    ...sets.flatMap((set) => {
      const saved = readRules(set.family, env);
      return [...problemsOf(set, saved), ...contradictions(call, bridgeOf(config, result), { set, saved })];
    }),
    ...planAdd(sets, forwarding).flatMap(settingProblem),
  ];
  if (problems.length > 0) throw new CniError(ErrorCode.Internal, problems.join("; "));
}

function problemsOf({ family, standing, own }: RuleSet, saved: SavedRules): string[] {
  // in which order the container's own rules are among each other makes no difference
  const misplaced = [standing, ...own.map((rule) => [...standing, rule])].flatMap((rules) =>
    misplacedRules(rules, saved),
  );
  const lines = [
    ...missingRules([...standing, ...own], saved).map((rule) => `there is no rule of: ${printRule(rule, family)}`),
    ...misplaced.map(([above, below]) => `the rule "${above.text}" is below "${below.text}" in ${above.chain}`),
  ];
  return [...new Set(lines)];
}

/** Rules that keep the bridge apart although this container's policy, and those of others on it, do not say so. */
function contradictions(
  { network, ...attachment }: CheckCall,
  on: BridgePolicy | undefined,
  { set, saved }: { readonly set: RuleSet; readonly saved: SavedRules },
): string[] {
  if (on === undefined) return [];
  const isOwn = isOf(network.name, attachment);
  const others = readFirewallState().records.filter((record) => !isOwn(record));
  const needed = others.flatMap(allRulesOf).flatMap(({ family, rules }) => (family === set.family ? rules : []));
  return rulesOfOtherPolicies(on)
    .filter((rule) => saved.has(rule) && !needed.some(({ text }) => text === rule.text))
    .map(
      ({ chain, text }) => `the rule "${text}" is in ${chain}, but the ingressPolicy of ${on.bridge} is ${on.policy}`,
    );
}

function settingProblem(step: Step): string[] {
  return step.do === "sysctl.set" && readSysctl(step.key) !== step.value ? [`${step.key} is not ${step.value}`] : [];
}
