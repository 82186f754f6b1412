import type { HostPort } from "../../../net/host-port.ts";
import { type Family, printIp } from "../../../net/ip.ts";
import type { PortMapping } from "../../../net/port-mapping.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import { hostIpOf, isTranslated } from "../../../plan/docker/port-rules.ts";
import { type Endpoint, publishedIn } from "../../../plan/docker/steps.ts";

/** Which ports no rule is for, one line for people each. Docker either says nothing, or has its proxy for them. */
export function unpublished(network: DockerNetwork, endpoint: Endpoint): readonly string[] {
  const { addresses, mappings = [] } = endpoint;
  const families = addresses.map(({ family }) => family);
  const elsewhere = families.filter((family) => publishedIn(network, endpoint, family).length === 0);
  return mappings.flatMap((mapping) => {
    const reason = reasonOf(network, mapping, { families, elsewhere });
    return reason === undefined ? [] : [`${printMapping(mapping)} is not published${reason}`];
  });
}

function reasonOf(
  { internal }: DockerNetwork,
  { hostIp }: PortMapping,
  { families, elsewhere }: { readonly families: readonly Family[]; readonly elsewhere: readonly Family[] },
): string | undefined {
  if (internal) return ": the network is internal";
  if (hostIp !== undefined && !families.includes(hostIp.family))
    return `: the container has no IPv${hostIp.family} address`;
  const [first] = elsewhere.filter((family) => hostIp === undefined || hostIp.family === family);
  return first === undefined ? undefined : ` in IPv${first}: the container has no default route by this network`;
}

function printMapping({ hostIp, hostPort, containerPort, protocol }: PortMapping): string {
  const ip = hostIp === undefined ? "" : `${hostIp.family === 6 ? `[${printIp(hostIp)}]` : printIp(hostIp)}:`;
  return `port ${ip}${hostPort}:${containerPort}/${protocol}`;
}

/** The ports of the host that rules lead to these addresses from: none in an internal network, and in a routed one. */
export function hostPortsOf(network: DockerNetwork, endpoint: Endpoint): readonly HostPort[] {
  return endpoint.addresses.flatMap((address) =>
    publishedIn(network, endpoint, address.family)
      .filter((mapping) => isTranslated(network, address, mapping))
      .map((mapping) => ({
        family: address.family,
        protocol: mapping.protocol,
        port: mapping.hostPort,
        ip: hostIpOf(network, mapping),
      })),
  );
}
