import type { HostPort } from "../../../net/host-port.ts";
import { printIp } from "../../../net/ip.ts";
import type { PortMapping } from "../../../net/port-mapping.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import { hostIpOf, isTranslated } from "../../../plan/docker/port-rules.ts";
import type { Endpoint } from "../../../plan/docker/steps.ts";

/** Which ports no rule is for, one line for people each. Docker either says nothing, or has its proxy for them. */
export function unpublished(network: DockerNetwork, { addresses, mappings = [] }: Endpoint): readonly string[] {
  if (network.internal)
    return mappings.map((mapping) => `${printMapping(mapping)} is not published: the network is internal`);
  return mappings.flatMap((mapping) => {
    const { hostIp } = mapping;
    if (hostIp === undefined || addresses.some(({ family }) => family === hostIp.family)) return [];
    return [`${printMapping(mapping)} is not published: the container has no IPv${hostIp.family} address`];
  });
}

function printMapping({ hostIp, hostPort, containerPort, protocol }: PortMapping): string {
  const ip = hostIp === undefined ? "" : `${hostIp.family === 6 ? `[${printIp(hostIp)}]` : printIp(hostIp)}:`;
  return `port ${ip}${hostPort}:${containerPort}/${protocol}`;
}

/** The ports of the host that rules lead to these addresses from: none in an internal network, and in a routed one. */
export function hostPortsOf(network: DockerNetwork, { addresses, mappings = [] }: Endpoint): readonly HostPort[] {
  return addresses.flatMap((address) =>
    mappings
      .filter((mapping) => isTranslated(network, address, mapping))
      .map((mapping) => ({
        family: address.family,
        protocol: mapping.protocol,
        port: mapping.hostPort,
        ip: hostIpOf(network, mapping),
      })),
  );
}
