import { networkOf, printCidr } from "../../../net/cidr.ts";
import type { Family } from "../../../net/ip.ts";
import type { DockerNetwork, DockerSubnet } from "../../../plan/docker/network.ts";
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
  if (others.length > 0) {
    const given = [first, ...others].map(printCidr).join(" and ");
    const message = `bridge: a network with docker has one IPv${family} subnet, and IPAM gave ${given}`;
    throw new CniError(ErrorCode.InvalidConfig, message);
  }
  return { subnet: networkOf(first), gatewayMode: docker.gatewayMode[family], snat: docker.hostIp[family] };
}
