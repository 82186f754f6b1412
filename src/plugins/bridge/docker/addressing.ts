// What the answer of IPAM means in a network of Docker.
import { type Cidr, contains, isDefault, networkOf, networksOverlap, printCidr } from "../../../net/cidr.ts";
import type { Family } from "../../../net/ip.ts";
import { printIp } from "../../../net/ip.ts";
import { type Route, routeTable } from "../../../net/route.ts";
import type { KernelRoute } from "../../../plan/facts.ts";
import type { Result } from "../../../protocol/result.ts";
import { type Addressing, planAddressing } from "../addressing.ts";
import type { BridgeConfig } from "../config.ts";
import { type DockerConfig, hasBridgeAddress } from "./config.ts";

const MAIN = routeTable(undefined);

/**
 * The first network of a container that has a way out gives it its default route, in each family; `present` are the routes that the
 * container has already.
 */
export function planDockerAddressing(
  config: BridgeConfig,
  docker: DockerConfig,
  { leased, present }: { readonly leased: Result; readonly present: readonly KernelRoute[] },
): Addressing {
  // inhibit_ipv4 leaves the gateway to another machine, whose address is made up as the bridge's would be
  const { ips, routes, gateways } = planAddressing({ ...config, isGateway: true }, leased);
  const isIsolated = (family: Family) => docker.gatewayMode[family] === "isolated";
  const isTaken = ({ dst, table }: Route) =>
    isDefault(dst) &&
    present.some(
      (other) => other.table === routeTable(table) && other.dst.ip.family === dst.ip.family && isDefault(other.dst),
    );
  return {
    ips: ips.map((ip) => (isIsolated(ip.address.ip.family) ? { ...ip, gateway: undefined } : ip)),
    // an internal network has no way out, whatever IPAM says
    routes: routes.filter((route) => !isTaken(route) && !(docker.internal && isDefault(route.dst))),
    gateways: gateways.filter(({ ip }) => hasBridgeAddress(docker, ip.family)),
  };
}

/** fe80::/10 */
const linkLocal: Cidr = { ip: { family: 6, value: 0xfe80n << 112n }, prefix: 10 };

/** Why a gateway cannot be reached: one that is not on the link, and so has no way to it. */
export function gatewayProblem({ ips }: Addressing): string | undefined {
  for (const { address, gateway } of ips) {
    if (gateway === undefined || contains(networkOf(address), gateway) || contains(linkLocal, gateway)) continue;
    return `the gateway ${printIp(gateway)} that IPAM gave is not in ${printCidr(networkOf(address))}`;
  }
  return undefined;
}

/** Why the container cannot have the addresses: what it sends to its neighbours would go elsewhere. */
export function routeConflict({ ips }: Addressing, present: readonly KernelRoute[]): string | undefined {
  for (const { address } of ips) {
    const subnet = networkOf(address);
    const other = present.find(({ dst, table }) => table === MAIN && !isDefault(dst) && networksOverlap(dst, subnet));
    if (other !== undefined)
      return `the container has a route to ${printCidr(other.dst)} already, which overlaps with ${printCidr(subnet)}`;
  }
  return undefined;
}
