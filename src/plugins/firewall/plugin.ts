import { apply } from "../../kernel/apply.ts";
import { findProgram } from "../../kernel/find-program.ts";
import { Places } from "../../kernel/places.ts";
import type { FamilyRules } from "../../plan/rule-set.ts";
import type { AddCall, DelCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import { carryOut, takeBack } from "../carry-out.ts";
import { resultBefore } from "../result-before.ts";
import { bridgeOf, decodeConfig, forwardingOf } from "./config.ts";
import { ownRulesOf, planAdd, planRemoval, ruleSetsOf, stillOwn } from "./plan.ts";
import { enter, isOf, leave, retract, settle } from "./records.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network);
  const result = resultBefore(call.network, "firewall");
  const forwarding = forwardingOf(config, result);
  const sets = ruleSetsOf(result, forwarding);
  const container = { on: bridgeOf(config, result), rules: ownRulesOf(result) };
  using places = new Places(undefined);
  const outdated = await enter(call, container, around);
  await carryOut(planAdd(sets, forwarding), {
    places,
    netns: call.netns,
    around,
    retract: (back) => retract(call, (kept) => takeBack(stillOwn(back, kept), call.netns, around)),
  });
  if (outdated.own.length > 0 || outdated.isOfBridge)
    await settle(call, container, { outdated, release: releaser(around) });
  return result;
}

/** Works from what ADD has noted, and from prevResult when that was the Go plugin. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  const more = ownRulesOf(call.network.prevResult ?? emptyResult);
  await leave(isOf(call.network.name, call), { release: releaser(around), more }, around);
}

/** For rules that are nobody's any more. Whoever has no iptables has no rules of it. */
export function releaser(
  around: Surroundings,
): (gone: readonly FamilyRules[], kept: readonly FamilyRules[]) => Promise<void> {
  return async (gone, kept) => {
    const possible = gone.filter(
      ({ family }) => findProgram(family === 4 ? "iptables-restore" : "ip6tables-restore", around.env) !== undefined,
    );
    using places = new Places(undefined);
    await apply(planRemoval(possible, kept), { ...around, places, record: () => {} });
  };
}
