// Docker's layout of rules as steps: one per family, so one transaction.
import type { Family, Ip } from "../../net/ip.ts";
import type { Rule, RuleSet } from "../rule-set.ts";
import type { Step } from "../step.ts";
import { chainsOf } from "./chain-names.ts";
import { endpointRules } from "./endpoint-rules.ts";
import { frameRules } from "./frame.ts";
import type { DockerNetwork } from "./network.ts";
import { networkRules } from "./network-rules.ts";

/** For the ADD that makes the network. Taking it back removes the network's rules; the frame stays, as with Docker. */
export function ensureNetwork(network: DockerNetwork): readonly Step[] {
  return networkRuleSets(network).map((rules) => ({ do: "rules.ensure", rules }));
}

/** For every ADD: the rules of the network are made anew when somebody has removed them. Taking it back leaves those. */
export function ensureEndpoint(network: DockerNetwork, addresses: readonly Ip[]): readonly Step[] {
  return endpointRuleSets(network, addresses).map((rules) => ({ do: "rules.ensure", rules }));
}

/** For every DEL. */
export function releaseEndpoint(network: DockerNetwork, addresses: readonly Ip[]): readonly Step[] {
  return release(network, (family) => rulesOfAddresses(network, addresses, family));
}

/** For the DEL of the last container. */
export function releaseNetwork(network: DockerNetwork): readonly Step[] {
  return release(network, (family) => networkRules(network, family));
}

/** All that a CHECK expects: `standing` and `own` together. */
export function endpointRuleSets(network: DockerNetwork, addresses: readonly Ip[]): readonly RuleSet[] {
  return networkRuleSets(network).map((set) => ({
    ...set,
    standing: [...set.standing, ...set.own],
    own: rulesOfAddresses(network, addresses, set.family),
  }));
}

function networkRuleSets(network: DockerNetwork): readonly RuleSet[] {
  return familiesOf(network).map((family) => ({
    family,
    chains: chainsOf(network.chainPrefix),
    standing: frameRules(network.chainPrefix),
    own: networkRules(network, family),
    forwarding: true,
  }));
}

function release(network: DockerNetwork, rulesOf: (family: Family) => readonly Rule[]): readonly Step[] {
  return familiesOf(network).flatMap((family) => {
    const rules = rulesOf(family);
    return rules.length === 0 ? [] : [{ do: "rules.release", family, rules }];
  });
}

function rulesOfAddresses(network: DockerNetwork, addresses: readonly Ip[], family: Family): readonly Rule[] {
  return addresses.filter((address) => address.family === family).flatMap((ip) => endpointRules(network, ip));
}

function familiesOf({ subnets }: DockerNetwork): readonly Family[] {
  return ([4, 6] satisfies Family[]).filter((family) => subnets[family] !== undefined);
}
