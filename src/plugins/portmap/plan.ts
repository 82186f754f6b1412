import type { Cidr } from "../../net/cidr.ts";
import type { HostPort } from "../../net/host-port.ts";
import type { Family, Ip } from "../../net/ip.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import type { NftRule } from "../../plan/nft-rules.ts";
import { type PortRules, type Published, portmapRules } from "../../plan/portmap/iptables-rules.ts";
import { nftPorts } from "../../plan/portmap/nft-rules.ts";
import type { RuleSet } from "../../plan/rule-set.ts";
import type { SetSysctl } from "../../plan/step.ts";
import type { Result } from "../../protocol/result.ts";
import type { PortmapConfig } from "./config.ts";

/** As in the reference: the first of each family that is not another interface's. */
export function addressesOf(result: Result, ifname: string): readonly Cidr[] {
  const isOurs = (index: number | undefined) => {
    const link = index === undefined ? undefined : result.interfaces[index];
    return link === undefined || (link.name === ifname && (link.sandbox ?? "") !== "");
  };
  const ours = result.ips.filter((ip) => isOurs(ip.interface)).map(({ address }) => address);
  return ([4, 6] satisfies Family[]).flatMap((family) => ours.find(({ ip }) => ip.family === family) ?? []);
}

/** The ports of the host that lead to these addresses. One that leaves the host's address open is in each family. */
export function hostPortsOf(mappings: readonly PortMapping[], addresses: readonly Ip[]): readonly HostPort[] {
  return addresses.flatMap(({ family }) =>
    mappings
      .filter(({ hostIp }) => hostIp === undefined || hostIp.family === family)
      .map(({ protocol, hostPort, hostIp }) => ({
        family,
        protocol,
        port: hostPort,
        ip: hostIp === undefined || hostIp.value === 0n ? undefined : hostIp,
      })),
  );
}

/** One for each family of the addresses. */
export function ruleSetsOf(
  { publishing, ports }: PortmapConfig,
  whose: Published,
  addresses: readonly Cidr[],
): readonly RuleSet[] {
  return addresses.map((address) =>
    portmapRules(whose, { address, mappings: ports, publishing: publishing[address.ip.family] }),
  );
}

/** The same with nftables; `others` are the rules of the container's other attachments. */
export function nftRulesOf(
  { publishing, ports }: PortmapConfig,
  containerId: string,
  {
    addresses,
    others,
  }: { readonly addresses: readonly Cidr[]; readonly others: (family: Family) => readonly NftRule[] },
) {
  return addresses.map(({ ip }) =>
    nftPorts(containerId, {
      address: ip,
      mappings: ports,
      publishing: publishing[ip.family],
      others: others(ip.family),
    }),
  );
}

/** What takes the rules away again. */
export function releasesOf(sets: readonly RuleSet[]): readonly PortRules[] {
  return sets.map(({ family, own, ownChain }) => ({
    family,
    rules: own,
    ...(ownChain === undefined ? {} : { chain: ownChain }),
  }));
}

/** So that clients at 127.0.0.1 of the host are led to the container. `link` is the host's way there. */
export function planLoopback(link: string): SetSysctl {
  return { do: "sysctl.set", place: "host", key: `net/ipv4/conf/${link}/route_localnet`, value: "1" };
}
