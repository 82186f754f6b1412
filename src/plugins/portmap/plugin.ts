import { apply } from "../../kernel/apply.ts";
import { sha512 } from "../../kernel/libc.ts";
import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import { findRoute } from "../../kernel/netlink/route.ts";
import { Places } from "../../kernel/places.ts";
import type { Cidr } from "../../net/cidr.ts";
import { portmapChainName } from "../../net/hashed-name.ts";
import type { HostPort } from "../../net/host-port.ts";
import type { Family, Ip } from "../../net/ip.ts";
import { release } from "../../plan/docker/steps.ts";
import type { NftRule } from "../../plan/nft-rules.ts";
import type { Published } from "../../plan/portmap/iptables-rules.ts";
import { nftPortsProblem } from "../../plan/portmap/nft-rules.ts";
import type { RuleSet } from "../../plan/rule-set.ts";
import type { SetSysctl, Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, Attachment, DelCall, Network, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import type { PortClaim } from "../../state/port-claims.ts";
import { dockerdConflict } from "../bridge/docker/dockerd-conflict.ts";
import { hostPortsOf as dockerHostPortsOf, unpublished } from "../bridge/docker/ports.ts";
import { carryOut } from "../carry-out.ts";
import { programsIn } from "../firewall-backend.ts";
import { claimPorts, findClaim, forgetPorts, otherClaims } from "../port-claims.ts";
import { forgetFlows, removeStale, supersede, withSharers } from "../port-remains.ts";
import { refuse } from "../refuse.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, decodeRemains, type PortmapConfig } from "./config.ts";
import { dockerPorts, forgottenRules } from "./docker.ts";
import { addressesOf, hostPortsOf, nftRulesOf, planLoopback, releasesOf, ruleSetsOf } from "./plan.ts";
import { planRemoval } from "./remains.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, programsIn(around.env));
  const result = resultBefore(call.network, "portmap");
  using places = new Places(undefined);
  if (config.ports.length === 0) {
    await unpublish(call, { places, ips: [], around });
    return result;
  }
  const planned = planPorts(config, { call, result, places, log: around.log });
  const { ports, rules, remains } = planned;
  const ips = addressesOf(result, call.ifname).map(({ ip }) => ip);
  const claiming = { plugin: "portmap", ports, ips, onConflict: config.onConflict, rules: remains } as const;
  const { stale, before } = await claimPorts(call, claiming, around);
  await removeStale(stale, around);
  await supersede(before, remains, around);

  await carryOut([...rules, ...planned.settings, { do: "rules.await" }], { places, netns: call.netns, around });
  forgetFlows(places, ports, ips);
  return result;
}

/** Works with whatever is known; what is removed belongs to the container, whichever way it was written. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  const { network, ifname } = call;
  const result = network.prevResult ?? emptyResult;
  const ips = addressesOf(result, ifname).map(({ ip }) => ip);
  const claim = findClaim(network.name, call, "portmap");
  const config = decodeRemains(network);
  const forgotten = claim === undefined ? forgottenRules(config, { result, ifname, places }) : [];
  const steps = planRemoval(publishedBy(call), { attachment: call, claim, env: around.env });
  await apply([...release(forgotten), ...steps], { ...around, places, record: () => {} });
  forgetFlows(places, claim?.ports ?? hostPortsOf(config.ports, ips), ips);
  await forgetPorts(call, "portmap", around);
}

/** An ADD without ports has none of an earlier one either. */
async function unpublish(
  call: AddCall,
  { places, ips, around }: { readonly places: Places; readonly ips: readonly Ip[]; readonly around: Surroundings },
): Promise<void> {
  const claim = findClaim(call.network.name, call, "portmap");
  if (claim === undefined) return;
  const steps = planRemoval(publishedBy(call), { attachment: call, claim, env: around.env });
  await apply(steps, { ...around, places, record: () => {} });
  forgetFlows(places, claim.ports, ips);
  await forgetPorts(call, "portmap", around);
}

export function publishedBy({ network, containerId }: Attachment & { readonly network: Network }): Published {
  const attached = { network: network.name, containerId };
  return { ...attached, chain: portmapChainName(sha512, attached) };
}

interface PlannedPorts {
  readonly ports: readonly HostPort[];
  readonly rules: readonly Step[];
  readonly settings: readonly Step[];
  readonly remains: Pick<PortClaim, "remains" | "nft">;
}

interface Planning {
  readonly call: AddCall;
  readonly result: Result;
  readonly places: Places;
  readonly log: Surroundings["log"];
}

function planPorts(config: PortmapConfig, planning: Planning): PlannedPorts {
  if (config.docker !== undefined) return planInDocker(config, config.docker, planning);
  const { call, result, places } = planning;
  const addresses = addressesOf(result, call.ifname);
  const ips = addresses.map(({ ip }) => ip);
  return {
    ports: hostPortsOf(config.ports, ips),
    settings: loopbackSteps(config, { places, ips }),
    ...(config.backend === "iptables" ? planIptables(config, call, addresses) : planNftables(config, call, addresses)),
  };
}

type PlannedRules = Pick<PlannedPorts, "rules" | "remains">;

function planIptables(config: PortmapConfig, call: AddCall, addresses: readonly Cidr[]): PlannedRules {
  return ensured(ruleSetsOf(config, publishedBy(call), addresses), otherClaims(call.network.name, call));
}

/** Other interfaces of the container in the network have rules in the same chain. */
function ensured(sets: readonly RuleSet[], others: readonly PortClaim[]): PlannedRules {
  return {
    rules: sets.map((set): Step => ({ do: "rules.ensure", rules: withSharers(set, others) })),
    remains: { remains: releasesOf(sets), nft: [] },
  };
}

function planNftables(config: PortmapConfig, call: AddCall, addresses: readonly Cidr[]): PlannedRules {
  const problem = nftPortsProblem(call.containerId);
  if (problem !== undefined) throw new CniError(ErrorCode.InvalidEnvironment, `CNI_CONTAINERID: ${problem}`);
  const own = nftRulesOf(config, call.containerId, { addresses, others: () => [] });
  return {
    rules: nftRulesOf(config, call.containerId, { addresses, others: otherNftRules(call) }).map((rules) => ({
      do: "nft.add",
      rules,
    })),
    remains: {
      remains: [],
      nft: own.map(({ owner, rules }) => ({ family: owner.table.family === "ip" ? 4 : 6, rules })),
    },
  };
}

/** Of the container's other attachments. */
export function otherNftRules(
  call: Attachment & { readonly network: Network },
): (family: Family) => readonly NftRule[] {
  const claimed = otherClaims(call.network.name, call).flatMap((claim) => claim.nft);
  return (family) => claimed.flatMap((each) => (each.family === family ? each.rules : []));
}

function planInDocker(
  config: PortmapConfig,
  docker: NonNullable<PortmapConfig["docker"]>,
  { call, result, places, log }: Planning,
): PlannedPorts {
  const { network, endpoint, sets } = dockerPorts(docker, { ports: config.ports, result, ifname: call.ifname, places });
  refuse(dockerdConflict(network));
  for (const line of unpublished(network, endpoint)) log(line);
  return { ports: dockerHostPortsOf(network, endpoint), settings: [], ...ensured(sets, []) };
}

/** What makes 127.0.0.1 of the host lead to the container, with nothing to do for its IPv6 addresses. */
export function loopbackSteps(
  { publishing }: PortmapConfig,
  { places, ips }: { readonly places: Places; readonly ips: readonly Ip[] },
): SetSysctl[] {
  if (!publishing[4].snat) return [];
  const ip = ips.find(({ family }) => family === 4);
  const { socket } = places.at("host");
  // the interface by which the host reaches the container; there may be none by now
  const index = ip === undefined ? undefined : findRoute(socket, ip)?.link;
  const link = index === undefined ? undefined : findLinkByIndex(socket, index);
  return link === undefined ? [] : [planLoopback(link.name)];
}
