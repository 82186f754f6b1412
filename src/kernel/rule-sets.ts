// Rules in shared chains. When all is as it should be before, one process does it; else the rules are read first, and nobody
// else may then write what was missing: the lock is for that.
import type { Family } from "../net/ip.ts";
import {
  addMissing,
  addWhereExpected,
  alreadyThere,
  lacksOthers,
  remove,
  removeDoubles,
  removePresent,
  strays,
} from "../plan/rule-input.ts";
import type { Rule, RuleSet } from "../plan/rule-set.ts";
import { missingRules, SavedRules } from "../plan/saved-rules.ts";
import type { Release } from "../plan/step.ts";
import type { CniError } from "../protocol/error.ts";
import { isForwardPolicyOurs, noteForwardPolicy } from "../state/forward-policy.ts";
import { isForwardingOff, switchForwardingOn, takeForwardingBack } from "./forwarding.ts";
import { type Environment, printRules, Restore, type RuleChange } from "./iptables.ts";
import { watchCommits } from "./netlink/commits.ts";
import type { RulesLock } from "./rules-lock.ts";

interface Surroundings {
  readonly env: Environment;
  /** Whoever gave it lets go of it in the end. */
  readonly lock: RulesLock;
  readonly checkInterrupt: () => Promise<void>;
}

/** How often the rules are read anew when others change them between reading and writing. */
const ATTEMPTS = 3;

/** All rules of the host, as: `iptables-save`. */
export function readRules(family: Family, env: Environment): SavedRules {
  return new SavedRules(printRules(family, { args: [], env }));
}

/** See RuleSet. `added` gets those of its own and revocable rules that were not there, also when writing them then fails. */
export async function startEnsuring(
  set: RuleSet,
  around: Surroundings,
  added: (own: readonly Rule[]) => void,
): Promise<RuleChange> {
  const { founding = [] } = set;
  // somebody else who comes to the network may find them missing at the same time
  if (founding.length > 0) await around.lock.take(set.family, around);
  const written = { ...set, own: [...founding, ...set.own] };
  const others = set.others?.() ?? [];
  const input = set.forwarding && isForwardingOff(set.family) ? undefined : addWhereExpected(written, others);
  const first = input === undefined ? undefined : new Restore(set, input, around.env);
  return {
    finish: async () => {
      const outcome = first?.finished();
      if (outcome === undefined || outcome.refusal !== undefined) {
        return ensureMissing(set, { ...around, added, refusal: outcome?.refusal });
      }
      const before = alreadyThere(written, outcome.stdout);
      added(set.own.filter((rule) => !before.includes(rule)));
      // those are there twice now: the lower ones keep their place among the others
      const doubles = removeDoubles(written, { before, more: strays(set, outcome.stdout) });
      if (doubles !== undefined) restoreOrThrow(doubles, set.family, around.env);
      if (lacksOthers(others, outcome.stdout))
        await ensureMissing(set, { ...around, added: () => {}, refusal: undefined });
    },
  };
}

/** Removes those that are there. */
export function startReleasing({ family, ...removal }: Release, around: Surroundings): RuleChange {
  // without its rules it cannot be known beforehand what leads to a chain
  const isKnown = removal.chain === undefined || removal.rules.length > 0;
  const watch = watchCommits();
  const input = isKnown ? remove(removal) : undefined;
  const first = input === undefined ? undefined : new Restore({ family }, input, around.env);
  return {
    finish: async () => {
      const refusal = first?.refusalOrCommit(watch);
      watch?.[Symbol.dispose]();
      if (isKnown && refusal === undefined) return;
      await change(family, { ...around, refusal }, () => (saved) => removePresent(removal, saved));
    },
  };
}

interface Repair extends Surroundings {
  readonly refusal: CniError | undefined;
}

async function ensureMissing(
  set: RuleSet,
  repair: Repair & { readonly added: (own: readonly Rule[]) => void },
): Promise<void> {
  const { family } = set;
  const switched = set.forwarding ? switchForwardingOn(family) : [];
  const isOurs = set.forwarding === true && (switched.length > 0 || isForwardPolicyOurs(family));
  try {
    await change(family, repair, () => {
      const before = set.others?.() ?? [];
      return (saved) => {
        repair.added(missingRules([...(set.revocable ?? []), ...set.own], saved));
        const dropForward = isOurs && saved.policyOf("filter", "FORWARD") !== "DROP";
        return addMissing(set, saved, { others: staying(before, set), dropForward });
      };
    });
    if (switched.length > 0) noteForwardPolicy(family);
  } catch (error) {
    takeForwardingBack(switched);
    throw error;
  }
}

/** Who came while the rules were being read writes his own then, and who went has removed them. */
function staying(before: readonly Rule[], { others }: RuleSet): readonly Rule[] {
  const now = new Set((others?.() ?? []).map(keyOf));
  return before.filter((rule) => now.has(keyOf(rule)));
}

function keyOf({ table, chain, text }: Rule): string {
  return `${table} ${chain} ${text}`;
}

/** Writes what is made of the rules that are there; `prepare` is called before they are read, and what it returns after that. */
async function change(
  family: Family,
  { env, lock, checkInterrupt, refusal }: Repair,
  prepare: () => (saved: SavedRules) => string | undefined,
): Promise<void> {
  await lock.take(family, { env, checkInterrupt });
  let last = refusal;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const decide = prepare();
    const input = decide(readAfter(last, family, env));
    if (input === undefined) return;
    last = new Restore({ family }, input, env).refusal();
    if (last === undefined) return;
  }
  throw last;
}

/** When the rules cannot be read either, it is the refusal that tells why. */
function readAfter(refusal: CniError | undefined, family: Family, env: Environment): SavedRules {
  try {
    return readRules(family, env);
  } catch (error) {
    throw refusal ?? error;
  }
}

function restoreOrThrow(input: string, family: Family, env: Environment): void {
  const refusal = new Restore({ family }, input, env).refusal();
  if (refusal !== undefined) throw refusal;
}
