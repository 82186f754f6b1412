// What is left of published ports when their containers are gone, whichever plugin published them.
import { apply } from "../kernel/apply.ts";
import { forgetUdpFlows } from "../kernel/conntrack.ts";
import { findNftRules } from "../kernel/nft.ts";
import { Places } from "../kernel/places.ts";
import type { HostPort } from "../net/host-port.ts";
import type { Family, Ip } from "../net/ip.ts";
import type { PortRules } from "../plan/portmap/iptables-rules.ts";
import { nftPortsOwner } from "../plan/portmap/nft-rules.ts";
import type { Chain, OwnChain, Rule, RuleSet } from "../plan/rule-set.ts";
import type { Step } from "../plan/step.ts";
import type { Attachment, Surroundings } from "../protocol/plugin.ts";
import type { PortClaim } from "../state/port-claims.ts";
import { collect } from "./bridge/docker/attachments.ts";
import { otherClaims } from "./port-claims.ts";

/** For claims of containers that are gone. */
export async function removeStale(claims: readonly PortClaim[], around: Surroundings): Promise<void> {
  if (claims.length === 0) return;
  using places = new Places(undefined);
  for (const claim of claims) {
    const others = otherClaims(claim.network, claim);
    const steps = [
      ...removalOf(claim, others),
      ...claim.nft.flatMap(({ family }) => nftRemoval(claim, family, others)),
    ];
    await apply(steps, { ...around, places, record: () => {} });
    const isIt = ({ containerId, ifname }: Attachment) =>
      containerId === claim.containerId && ifname === claim.ifname && claim.plugin === "bridge";
    await collect(claim.network, isIt, around);
    around.log(
      `removed the published ports of ${claim.containerId} in ${claim.network}, whose network namespace is gone`,
    );
  }
}

/** What an earlier ADD of the same attachment wrote, and this one does not write again. */
export async function supersede(
  before: PortClaim | undefined,
  now: Pick<PortClaim, "remains" | "nft">,
  around: Surroundings,
): Promise<void> {
  if (before === undefined) return;
  using places = new Places(undefined);
  const others = otherClaims(before.network, before);
  const nft = now.nft.length > 0 ? [] : before.nft.flatMap(({ family }) => nftRemoval(before, family, others));
  await apply([...removalOf(before, others, now.remains), ...nft], { ...around, places, record: () => {} });
}

/** Rules of iptables, but for those of `now`. A chain that another interface of the container has, too, keeps that one's rules. */
export function removalOf(claim: PortClaim, others: readonly PortClaim[], now: PortClaim["remains"] = []): Step[] {
  return claim.remains.flatMap(({ family, rules, chain }): Step[] => {
    const kept = now.filter((each) => each.family === family);
    if (chain === undefined) {
      const texts = new Set(kept.flatMap((each) => each.rules).map(keyOf));
      const gone = rules.filter((rule) => !texts.has(keyOf(rule)));
      return gone.length === 0 ? [] : [{ do: "rules.release", family, rules: gone }];
    }
    // it is filled anew
    if (kept.some((each) => each.chain?.name === chain.name)) return [];
    const sharing = sharersOf(family, chain.name, others);
    if (sharing.length === 0)
      return [{ do: "rules.release", family, rules, chain: { table: chain.table, name: chain.name } }];
    return [{ do: "rules.ensure", rules: { family, chains: [], standing: [], ...joined(chain, sharing) } }];
  });
}

/** With the rules of the container's other interfaces in the network, whose chain it is, too. */
export function withSharers(set: RuleSet, others: readonly PortClaim[]): RuleSet {
  const { family, own, ownChain } = set;
  const sharers = ownChain === undefined ? [] : sharersOf(family, ownChain.name, others);
  if (ownChain === undefined || sharers.length === 0) return set;
  return { ...set, ...joined(ownChain, [...sharers, { family, rules: own, chain: ownChain }]) };
}

function sharersOf(family: Family, name: string, others: readonly PortClaim[]): readonly PortRules[] {
  return others.flatMap(({ remains }) => remains.filter((each) => each.family === family && each.chain?.name === name));
}

/** The rules of several in one chain, and what leads there. */
function joined(
  { table, name }: Chain,
  parts: readonly PortRules[],
): { readonly own: readonly Rule[]; readonly ownChain: OwnChain } {
  return {
    own: parts.flatMap(({ rules }) => rules),
    ownChain: { table, name, rules: parts.flatMap(({ chain }) => chain?.rules ?? []) },
  };
}

function keyOf({ table, chain, text }: Rule): string {
  return `${table} ${chain} ${text}`;
}

/** Rules of the container's other attachments have the same comment, and are written again. */
export function nftRemoval(
  { containerId }: { readonly containerId: string },
  family: Family,
  others: readonly PortClaim[],
): Step[] {
  const owner = nftPortsOwner(family, containerId);
  if (findNftRules(owner).rules.length === 0) return [];
  const kept = others.flatMap((claim) => claim.nft).flatMap((each) => (each.family === family ? each.rules : []));
  return kept.length === 0
    ? [{ do: "nft.remove", owner }]
    : [{ do: "nft.add", rules: { owner, base: [], standing: [], rules: kept } }];
}

/** Clients that go on sending would reach whoever had the port before. `ips` are the container's. */
export function forgetFlows(places: Places, ports: readonly HostPort[], ips: readonly Ip[]): void {
  const udp = ports.filter(({ protocol }) => protocol === "udp");
  const published = udp.map(({ family, port, ip }) => ({
    family,
    hostPort: port,
    hostIp: ip,
    container: ips.find((address) => address.family === family),
  }));
  if (published.length > 0) forgetUdpFlows(published, places.at("host").socket);
}
