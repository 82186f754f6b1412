import { readRules } from "../../../kernel/rule-sets.ts";
import { readSysctl } from "../../../kernel/sysctl.ts";
import { endpointRuleSets } from "../../../plan/docker/steps.ts";
import { printRule } from "../../../plan/rule-set.ts";
import { missingRules } from "../../../plan/saved-rules.ts";
import type { CheckCall, Surroundings } from "../../../protocol/plugin.ts";
import type { Result } from "../../../protocol/result.ts";
import type { BridgeConfig } from "../config.ts";
import { ipsOf } from "../prev-result.ts";
import type { DockerConfig } from "./config.ts";
import { dockerNetworkOf } from "./network.ts";

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
  const endpoint = { addresses: ips.map(({ address }) => address.ip), mappings: ports };
  const sets = endpointRuleSets(network, endpoint);
  const keys = [
    `net/ipv4/conf/${bridge}/route_localnet`,
    ...sets.flatMap(({ family }) => [forwarding[family], bridged[family]]),
  ];
  const off = keys.filter((key) => readSysctl(key) !== "1");
  return [
    ...off.map((key) => `${key} is not 1`),
    ...sets.flatMap(({ family, standing, own }) =>
      missingRules([...standing, ...own], readRules(family, env)).map(
        (rule) => `there is no rule of: ${printRule(rule, family)}`,
      ),
    ),
  ];
}
