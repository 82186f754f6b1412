import { readRules } from "../../../kernel/rule-sets.ts";
import { readSysctl } from "../../../kernel/sysctl.ts";
import { endpointRuleSets } from "../../../plan/docker/steps.ts";
import { misplacedRules } from "../../../plan/rule-order.ts";
import { printRule, type RuleSet } from "../../../plan/rule-set.ts";
import { missingRules, type SavedRules } from "../../../plan/saved-rules.ts";
import type { CheckCall, Surroundings } from "../../../protocol/plugin.ts";
import type { Result } from "../../../protocol/result.ts";
import { isForwardPolicyOurs } from "../../../state/forward-policy.ts";
import { ipsOf } from "../../prev-result.ts";
import type { BridgeConfig } from "../config.ts";
import type { DockerConfig } from "./config.ts";
import { dockerNetworkOf, endpointOf } from "./network.ts";

const forwarding = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;
const bridged = { 4: "net/bridge/bridge-nf-call-iptables", 6: "net/bridge/bridge-nf-call-ip6tables" } as const;

/** What there is not of the rules and settings that Docker's layout needs, one sentence each. */
export function dockerDifferences(
  { bridge, ports }: BridgeConfig,
  docker: DockerConfig,
  {
    call,
    expected,
    env,
  }: {
    readonly call: CheckCall;
    readonly expected: Result;
    readonly env: Surroundings["env"];
  },
): string[] {
  const ips = ipsOf(expected, call.ifname);
  const network = dockerNetworkOf(bridge, docker, ips);
  const endpoint = endpointOf(ips, expected.routes, ports);
  const sets = endpointRuleSets(network, endpoint);
  const keys = [
    `net/ipv4/conf/${bridge}/route_localnet`,
    ...sets.flatMap(({ family }) => [forwarding[family], bridged[family]]),
  ];
  const off = keys.filter((key) => readSysctl(key) !== "1");
  return [
    ...off.map((key) => `${key} is not 1`),
    ...sets.flatMap((set) => ruleProblems(set, readRules(set.family, env))),
  ];
}

function ruleProblems({ family, standing, own }: RuleSet, saved: SavedRules): string[] {
  const rules = [...standing, ...own];
  const policy = isForwardPolicyOurs(family) ? saved.policyOf("filter", "FORWARD") : "DROP";
  return [
    ...(policy === "DROP" ? [] : [`the policy of FORWARD is ${policy} for IPv${family}, and was DROP`]),
    ...missingRules(rules, saved).map((rule) => `there is no rule of: ${printRule(rule, family)}`),
    ...misplacedRules(rules, saved).map(
      ([upper, lower]) => `in chain ${lower.chain} of IPv${family}, ${lower.text} is above ${upper.text}`,
    ),
  ];
}
