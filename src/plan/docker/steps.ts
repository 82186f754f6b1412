// Docker's layout of rules as steps: one per family, so one transaction.
import type { Family, Ip } from "../../net/ip.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import type { FamilyRules, Rule, RuleSet } from "../rule-set.ts";
import type { Step } from "../step.ts";
import { chainsOf } from "./chain-names.ts";
import { endpointRules } from "./endpoint-rules.ts";
import { frameRules } from "./frame.ts";
import type { DockerNetwork } from "./network.ts";
import { networkRules } from "./network-rules.ts";
import { portRules } from "./port-rules.ts";

/** A container in the network: its addresses, and which ports lead to it. */
export interface Endpoint {
  readonly addresses: readonly Ip[];
  readonly mappings?: readonly PortMapping[];
  /**
   * Families in which the container goes out by this network; all unless it is said. As with Docker, it is there that its ports
   * are published, but for those of a routed network.
   */
  readonly gatewayFamilies?: readonly Family[];
}

/** The mappings that the network publishes for an address of the family. */
export function publishedIn(
  { subnets }: DockerNetwork,
  { mappings = [], gatewayFamilies }: Endpoint,
  family: Family,
): readonly PortMapping[] {
  const isGateway = gatewayFamilies === undefined || gatewayFamilies.includes(family);
  return isGateway || subnets[family]?.gatewayMode === "routed" ? mappings : [];
}

/**
 * For every ADD: the rules of the network are made anew when somebody has removed them, and with them those of its other containers; the first
 * in a network makes them. Taking it back leaves those.
 */
export function ensureEndpoint(
  network: DockerNetwork,
  endpoint: Endpoint,
  {
    isFirst = false,
    others = () => [],
  }: { readonly isFirst?: boolean; readonly others?: () => readonly FamilyRules[] } = {},
): readonly Step[] {
  const sets = isFirst ? firstEndpointRuleSets(network, endpoint) : endpointRuleSets(network, endpoint);
  return sets.map((set) => ({
    do: "rules.ensure",
    rules: { ...set, others: () => others().flatMap((each) => (each.family === set.family ? each.rules : [])) },
  }));
}

/** For the first container of the network. */
function firstEndpointRuleSets(network: DockerNetwork, endpoint: Endpoint): readonly RuleSet[] {
  return networkRuleSets(network).map((set) => ({
    ...set,
    founding: set.own,
    own: rulesOf(network, endpoint, set.family),
  }));
}

/** All that a CHECK expects: `standing` and `own` together. */
export function endpointRuleSets(network: DockerNetwork, endpoint: Endpoint): readonly RuleSet[] {
  return networkRuleSets(network).map((set) => ({
    ...set,
    standing: [...set.standing, ...set.own],
    own: rulesOf(network, endpoint, set.family),
  }));
}

/** For a plugin that publishes ports of a network that another one has made. */
export function portRuleSets(network: DockerNetwork, endpoint: Endpoint): readonly RuleSet[] {
  return networkRuleSets(network).map(({ family, chains, standing }) => ({
    family,
    chains,
    standing,
    own: endpoint.addresses
      .filter((ip) => ip.family === family)
      .flatMap((ip) => portRules(network, ip, publishedIn(network, endpoint, family))),
  }));
}

/** What is to be released in the end. */
export function rulesOfEndpoint(network: DockerNetwork, endpoint: Endpoint): readonly FamilyRules[] {
  return familiesOf(network).map((family) => ({ family, rules: rulesOf(network, endpoint, family) }));
}

/** The same for what all containers share. */
export function rulesOfNetwork(network: DockerNetwork): readonly FamilyRules[] {
  return familiesOf(network).map((family) => ({ family, rules: networkRules(network, family) }));
}

export function release(rules: readonly FamilyRules[]): readonly Step[] {
  return rules.filter((each) => each.rules.length > 0).map((each) => ({ do: "rules.release", ...each }));
}

function networkRuleSets(network: DockerNetwork): readonly RuleSet[] {
  return rulesOfNetwork(network).map(({ family, rules }) => ({
    family,
    chains: chainsOf(network.chainPrefix),
    standing: frameRules(network.chainPrefix),
    own: rules,
    forwarding: true,
  }));
}

function rulesOf(network: DockerNetwork, endpoint: Endpoint, family: Family): readonly Rule[] {
  const mappings = publishedIn(network, endpoint, family);
  return endpoint.addresses
    .filter((address) => address.family === family)
    .flatMap((ip) => [...endpointRules(network, ip), ...portRules(network, ip, mappings)]);
}

function familiesOf({ subnets }: DockerNetwork): readonly Family[] {
  return ([4, 6] satisfies Family[]).filter((family) => subnets[family] !== undefined);
}
