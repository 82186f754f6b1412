import { readRules } from "../../kernel/rule-sets.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import { misplacedRules } from "../../plan/rule-order.ts";
import { printRule, type RuleSet } from "../../plan/rule-set.ts";
import { missingRules, type SavedRules } from "../../plan/saved-rules.ts";
import type { Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, Surroundings } from "../../protocol/plugin.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, forwardingOf } from "./config.ts";
import { planAdd, ruleSetsOf } from "./plan.ts";

/** Errors: 999 with every rule that is missing, or at another place. It changes nothing. */
export async function check({ network }: CheckCall, { env }: Surroundings): Promise<void> {
  const config = decodeConfig(network);
  const result = resultBefore(network, "firewall");
  const forwarding = forwardingOf(config, result);
  const sets = ruleSetsOf(result, forwarding);
  const problems = [
    ...sets.flatMap((set) => problemsOf(set, readRules(set.family, env))),
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

function settingProblem(step: Step): string[] {
  return step.do === "sysctl.set" && readSysctl(step.key) !== step.value ? [`${step.key} is not ${step.value}`] : [];
}
