// What the answer of IPAM means for this network: gateways, and routes with their next hops.
import { type Cidr, isDefault, networkOf, parseCidr } from "../../net/cidr.ts";
import { addToIp, type Family, type Ip } from "../../net/ip.ts";
import { type Route, routeTable } from "../../net/route.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Result, ResultIp } from "../../protocol/result.ts";
import type { BridgeConfig } from "./config.ts";

export interface Addressing {
  /** As in the result. */
  readonly ips: readonly (ResultIp & { readonly interface: number })[];
  /** As in the result: a route may leave its gateway open. */
  readonly routes: readonly Route[];
  /** Addresses that the bridge has to have. */
  readonly gateways: readonly Cidr[];
}

/** Index of the container's interface in the result. */
const CONTAINER = 2;

export const noAddressing: Addressing = { ips: [], routes: [], gateways: [] };

/** Throws when IPAM gave no address. */
export function planAddressing(config: BridgeConfig, leased: Result): Addressing {
  if (leased.ips.length === 0) {
    throw new CniError(ErrorCode.Internal, `the IPAM plugin ${config.ipamType} returned no addresses`);
  }
  const ips = leased.ips.map((ip) => ({
    ...ip,
    interface: CONTAINER,
    gateway: ip.gateway ?? firstIp(config, ip.address),
  }));
  return {
    ips,
    routes: config.isDefaultGateway ? withDefaultRoutes(leased.routes, ips) : leased.routes,
    gateways: config.isGateway ? gatewaysOf(ips) : [],
  };
}

/** Without a gateway from IPAM the first address of the network is the bridge's. */
function firstIp(config: BridgeConfig, address: Cidr): Ip | undefined {
  return config.isGateway ? addToIp(networkOf(address).ip, 1n) : undefined;
}

/** A default route of IPAM counts; when it leaves the gateway open, it gets the one of the first address of its family. */
function withDefaultRoutes(routes: readonly Route[], ips: Addressing["ips"]): Route[] {
  const result = [...routes];
  for (const family of [4, 6] satisfies Family[]) {
    const gw = ips.find((ip) => ip.address.ip.family === family)?.gateway;
    if (gw === undefined) continue;
    const given = result.findIndex(
      (route) =>
        route.dst.ip.family === family && isDefault(route.dst) && routeTable(route.table) === routeTable(undefined),
    );
    const present = result[given];
    if (present === undefined) result.push({ dst: defaultDestination(family), gw });
    else result[given] = { ...present, gw: present.gw ?? gw };
  }
  return result;
}

function gatewaysOf(ips: Addressing["ips"]): Cidr[] {
  return ips.flatMap(({ gateway, address }) =>
    gateway === undefined ? [] : [{ ip: gateway, prefix: address.prefix }],
  );
}

function defaultDestination(family: Family): Cidr {
  const destination = parseCidr(family === 4 ? "0.0.0.0/0" : "::/0");
  if (destination === undefined) throw new Error("a constant is not an address");
  return destination;
}
