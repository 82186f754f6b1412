// Rules that keep a bridge apart are its containers' together: who needs them, and which nobody needs any more.
import type { Family } from "../../net/ip.ts";
import type { FamilyRules, Rule } from "../rule-set.ts";
import { bridgeRules, type Isolation } from "./rules.ts";

/** What the configuration says of the bridge that a container is on. */
export interface BridgePolicy {
  readonly bridge: string;
  readonly policy: "open" | Isolation["policy"];
}

/** One family's rules that keep a bridge apart. */
export interface BridgeRules extends Isolation {
  readonly family: Family;
}

/** A container, with its own rules. */
export interface Filtered {
  /** Undefined when it is on none. */
  readonly on?: BridgePolicy | undefined;
  readonly rules: readonly FamilyRules[];
}

const policies = ["same-bridge", "isolated"] as const;

/** What a container needs of its bridge. */
export function neededBy({ on, rules }: Filtered): readonly BridgeRules[] {
  if (on === undefined || on.policy === "open") return [];
  const { bridge, policy } = on;
  return Array.from(new Set(rules.map(({ family }) => family)), (family) => ({ bridge, policy, family }));
}

/** All that a container needs. */
export function allRulesOf(container: Filtered): readonly FamilyRules[] {
  return [...container.rules, ...writtenOut(neededBy(container))];
}

export function writtenOut(all: readonly BridgeRules[]): readonly FamilyRules[] {
  return all.map(({ family, ...isolation }) => ({ family, rules: bridgeRules(isolation) }));
}

/**
 * Those that none of the containers on the bridge needs. A bridge without any keeps its rules, as in the reference: they hinder nobody,
 * and a container of the Go plugin may be there.
 */
export function contradicting(
  written: readonly BridgeRules[],
  containers: readonly Filtered[],
): readonly BridgeRules[] {
  const needed = containers.flatMap(neededBy);
  return written.filter(
    (each) => containers.some(({ on }) => on?.bridge === each.bridge) && !needed.some((other) => isSame(other, each)),
  );
}

/** The first ones without those of the others. */
export function without(some: readonly BridgeRules[], others: readonly BridgeRules[]): readonly BridgeRules[] {
  return some.filter((each) => !others.some((other) => isSame(other, each)));
}

/** What keeps the bridge apart otherwise than the policy says. */
export function rulesOfOtherPolicies({ bridge, policy }: BridgePolicy): readonly Rule[] {
  const wanted = policy === "open" ? [] : bridgeRules({ bridge, policy }).map(({ text }) => text);
  const all = policies.flatMap((each) => bridgeRules({ bridge, policy: each }));
  return all.filter(({ text }, i) => !wanted.includes(text) && all.findIndex((other) => other.text === text) === i);
}

function isSame(a: BridgeRules, b: BridgeRules): boolean {
  return a.bridge === b.bridge && a.policy === b.policy && a.family === b.family;
}
