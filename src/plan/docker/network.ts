import type { Cidr } from "../../net/cidr.ts";
import type { Family, Ip } from "../../net/ip.ts";

/** `com.docker.network.bridge.gateway_mode_ipv4` and `_ipv6`. `isolated` is only for internal networks. */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";

export interface DockerSubnet {
  /** Without host bits. */
  readonly subnet: Cidr;
  readonly gatewayMode: GatewayMode;
  /** `com.docker.network.host_ipv4` and `_ipv6`: what containers send gets this address instead of that of the way out. */
  readonly snat?: Ip | undefined;
}

/** A network of Docker's bridge driver, as far as its firewall rules depend on it. */
export interface DockerNetwork {
  readonly chainPrefix: string;
  readonly bridge: string;
  /** One subnet of each family that the network has. */
  readonly subnets: Readonly<Partial<Record<Family, DockerSubnet | undefined>>>;
  /** Whether its containers may talk to each other. */
  readonly icc: boolean;
  readonly internal: boolean;
  readonly masquerade: boolean;
  /** Host interfaces from which the containers' own addresses may be reached. */
  readonly trustedHostInterfaces: readonly string[];
  /** The same from everywhere. */
  readonly allowDirectRouting: boolean;
  /** Where ports are published that leave the address of the host open; undefined and `0.0.0.0` are everywhere, in both families. */
  readonly hostBinding: Ip | undefined;
}
