// What is left of published ports when their containers are gone, whichever plugin published them.
import { apply } from "../kernel/apply.ts";
import { forgetUdpFlows } from "../kernel/conntrack.ts";
import { findNftRules } from "../kernel/nft.ts";
import { Places } from "../kernel/places.ts";
import type { HostPort } from "../net/host-port.ts";
import type { Family, Ip } from "../net/ip.ts";
import { nftPortsOwner } from "../plan/portmap/nft-rules.ts";
import type { Step } from "../plan/step.ts";
import type { Surroundings } from "../protocol/plugin.ts";
import type { PortClaim } from "../state/port-claims.ts";
import { collect } from "./bridge/docker/attachments.ts";
import { otherClaims } from "./port-claims.ts";

/** For claims of containers that are gone. */
export async function removeStale(claims: readonly PortClaim[], around: Surroundings): Promise<void> {
  if (claims.length === 0) return;
  using places = new Places(undefined);
  for (const claim of claims) {
    const steps = [
      ...claim.remains.map((release): Step => ({ do: "rules.release", ...release })),
      ...claim.nft.flatMap(({ family }) => nftRemoval(claim, family, otherClaims(claim.network, claim))),
    ];
    await apply(steps, { ...around, places, record: () => {} });
    const isIt = (other: PortClaim | { containerId: string; ifname: string }) =>
      other.containerId === claim.containerId && other.ifname === claim.ifname;
    await collect(claim.network, isIt, around);
    around.log(
      `removed the published ports of ${claim.containerId} in ${claim.network}, whose network namespace is gone`,
    );
  }
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
    : [{ do: "nft.add", rules: { owner, base: [], rules: kept } }];
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
