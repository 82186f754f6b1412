import { isDefault, networkOf, printCidr } from "../../../net/cidr.ts";
import type { Family } from "../../../net/ip.ts";
import type { PortMapping } from "../../../net/port-mapping.ts";
import type { Route } from "../../../net/route.ts";
import type { DockerNetwork, DockerSubnet } from "../../../plan/docker/network.ts";
import type { Endpoint } from "../../../plan/docker/steps.ts";
import { CniError, ErrorCode } from "../../../protocol/error.ts";
import type { ResultIp } from "../../../protocol/result.ts";
import type { DockerConfig } from "./config.ts";

/** The network that a container with these addresses is in. Errors: 7 when it would have two subnets of one family. */
export function dockerNetworkOf(bridge: string, docker: DockerConfig, ips: readonly ResultIp[]): DockerNetwork {
  const { icc, internal, masquerade, trustedHostInterfaces, allowDirectRouting, chainPrefix, hostBinding } = docker;
  return {
    bridge,
    icc,
    internal,
    masquerade,
    trustedHostInterfaces,
    allowDirectRouting,
    chainPrefix,
    hostBinding,
    subnets: { 4: subnetOf(4, docker, ips), 6: subnetOf(6, docker, ips) },
  };
}

function subnetOf(family: Family, docker: DockerConfig, ips: readonly ResultIp[]): DockerSubnet | undefined {
  const [first, ...others] = ips.map((ip) => ip.address).filter((address) => address.ip.family === family);
  if (first === undefined) return undefined;
  // its rules would be for everybody
  if (first.prefix === 0)
    throw new CniError(ErrorCode.InvalidConfig, `bridge: docker: ${printCidr(first)} has no subnet`);
  if (others.length > 0) {
    const given = [first, ...others].map(printCidr).join(" and ");
    const message = `bridge: a network with docker has one IPv${family} subnet, and IPAM gave ${given}`;
    throw new CniError(ErrorCode.InvalidConfig, message);
  }
  return { subnet: networkOf(first), gatewayMode: docker.gatewayMode[family], snat: docker.hostIp[family] };
}

/** A container with these addresses and routes, as its network sees it. */
export function endpointOf(
  ips: readonly ResultIp[],
  routes: readonly Route[],
  mappings: readonly PortMapping[],
): Endpoint {
  const families = routes.filter(({ dst }) => isDefault(dst)).map(({ dst }) => dst.ip.family);
  return { addresses: ips.map(({ address }) => address.ip), mappings, gatewayFamilies: [...new Set(families)] };
}
