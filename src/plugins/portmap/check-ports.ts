import { readNftTable } from "../../kernel/nft.ts";
import { Places } from "../../kernel/places.ts";
import { readRules } from "../../kernel/rule-sets.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import type { Family } from "../../net/ip.ts";
import { nftDifferences } from "../../plan/nft-listing.ts";
import { printRule, type Rule, type RuleSet } from "../../plan/rule-set.ts";
import { missingRules, type SavedRules } from "../../plan/saved-rules.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, Surroundings } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { dockerdConflict } from "../bridge/docker/dockerd-conflict.ts";
import { programsIn } from "../firewall-backend.ts";
import { otherClaims } from "../port-claims.ts";
import { withSharers } from "../port-remains.ts";
import { refuse } from "../refuse.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, type PortmapConfig } from "./config.ts";
import { dockerPorts } from "./docker.ts";
import { addressesOf, nftRulesOf, ruleSetsOf } from "./plan.ts";
import { loopbackSteps, otherNftRules, publishedBy } from "./plugin.ts";

/** Errors: 999 with everything that is missing or different. */
export async function check(call: CheckCall, { env }: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, programsIn(env));
  const result = resultBefore(call.network, "portmap");
  const problems = config.ports.length === 0 ? [] : problemsOf(config, { call, result, env });
  if (problems.length > 0) throw new CniError(ErrorCode.Internal, problems.join("; "));
}

interface ToCheck {
  readonly call: CheckCall;
  readonly result: Result;
  readonly env: Surroundings["env"];
}

function problemsOf(config: PortmapConfig, { call, result, env }: ToCheck): readonly string[] {
  using places = new Places(undefined);
  if (config.docker !== undefined) {
    const { network, sets } = dockerPorts(config.docker, { ports: config.ports, result, ifname: call.ifname, places });
    refuse(dockerdConflict(network));
    return sets.flatMap((set) => missing([...set.standing, ...set.own], set.family, readRules(set.family, env)));
  }
  const addresses = addressesOf(result, call.ifname);
  const settings = loopbackSteps(config, { places, ips: addresses.map(({ ip }) => ip) });
  const others = otherClaims(call.network.name, call);
  const rules =
    config.backend === "iptables"
      ? ruleSetsOf(config, publishedBy(call), addresses).flatMap((set) =>
          iptablesProblems(set, withSharers(set, others), env),
        )
      : nftProblems(config, { call, result, env });
  const off = settings.filter(({ key, value }) => readSysctl(key) !== value);
  return [...rules, ...off.map(({ key, value }) => `${key} is not ${value}`)];
}

/** `all` are also those of the container's other interfaces. */
function iptablesProblems(set: RuleSet, all: RuleSet, env: Surroundings["env"]): string[] {
  const saved = readRules(set.family, env);
  const print = (rule: Rule) => `there is no rule of: ${printRule(rule, set.family)}`;
  return [
    ...missing(set.standing, set.family, saved),
    ...missingEntries(set, saved).map(print),
    ...chainProblems(set, all.ownChain?.rules ?? [], saved),
  ];
}

function missing(rules: readonly Rule[], family: Family, saved: SavedRules): string[] {
  return missingRules(rules, saved).map((rule) => `there is no rule of: ${printRule(rule, family)}`);
}

/** iptables prints conditions in its own words and places, so an entry is known by its protocol, its ports, and where it leads. */
function missingEntries({ own, ownChain }: RuleSet, saved: SavedRules): readonly Rule[] {
  return own.filter(({ table, chain, text }) => {
    const parts = [/-p \w+ /, / --dports [\d,]+ /].map((part) => part.exec(text)?.[0] ?? text);
    const end = ` -j ${ownChain?.name}`;
    return !saved
      .rulesOf(table, chain)
      .some((present) => present.endsWith(end) && parts.every((part) => present.includes(part)));
  });
}

/** The chain is the container's alone: its rules are these, each interface's in this order. */
function chainProblems({ family, ownChain }: RuleSet, all: readonly string[], saved: SavedRules): string[] {
  if (ownChain === undefined) return [];
  const { table, name, rules } = ownChain;
  const present = saved.rulesOf(table, name);
  const print = (text: string) => printRule({ table, chain: name, text, at: "end" }, family);
  const gone = rules.filter((text) => !present.includes(text));
  const more = present.filter((text) => !all.includes(text));
  const places = rules.map((text) => present.indexOf(text)).filter((place) => place >= 0);
  const isOtherOrder = places.some((place, i) => place < (places[i - 1] ?? 0));
  return [
    ...gone.map((text) => `there is no rule of: ${print(text)}`),
    ...more.map((text) => `there is a rule that is not the container's: ${print(text)}`),
    ...(isOtherOrder ? [`the rules of ${name} are in another order`] : []),
  ];
}

/** Those of the container's other interfaces have the same comment. */
function nftProblems(config: PortmapConfig, { call, result, env }: ToCheck): string[] {
  const addresses = addressesOf(result, call.ifname);
  const others = otherNftRules(call);
  return nftRulesOf(config, call.containerId, { addresses, others }).flatMap((rules) =>
    nftDifferences(rules, readNftTable(rules.owner.table, env)),
  );
}
