import { apply } from "../../kernel/apply.ts";
import { findProgram } from "../../kernel/find-program.ts";
import { Places } from "../../kernel/places.ts";
import type { FamilyRules } from "../../plan/rule-set.ts";
import type { AddCall, DelCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import { carryOut } from "../carry-out.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, forwardingOf } from "./config.ts";
import { ownRulesOf, planAdd, planRemoval, ruleSetsOf } from "./plan.ts";
import { enter, isOf, leave, settle } from "./records.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network);
  const result = resultBefore(call.network, "firewall");
  const forwarding = forwardingOf(config, result);
  const sets = ruleSetsOf(result, forwarding);
  const own = ownRulesOf(result);
  using places = new Places(undefined);
  const before = await enter(call, own, around);
  await carryOut(planAdd(sets, forwarding), { places, netns: call.netns, around });
  if (before.length > 0) await settle(call, own, (kept) => release(before, kept, around));
  return result;
}

/** Works from what ADD has noted, and from prevResult when that was the Go plugin. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  const told = ownRulesOf(call.network.prevResult ?? emptyResult);
  await leave(
    isOf(call.network.name, call),
    (gone, kept) => release([...gone.flatMap(({ rules }) => rules), ...told], kept, around),
    around,
  );
}

/** Rules that are nobody's any more. Whoever has no iptables has no rules of it. */
export async function release(
  gone: readonly FamilyRules[],
  kept: readonly FamilyRules[],
  around: Surroundings,
): Promise<void> {
  const possible = gone.filter(
    ({ family }) => findProgram(family === 4 ? "iptables-restore" : "ip6tables-restore", around.env) !== undefined,
  );
  using places = new Places(undefined);
  await apply(planRemoval(possible, kept), { ...around, places, record: () => {} });
}
