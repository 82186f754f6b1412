import { isDefault } from "../../net/cidr.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Result } from "../../protocol/result.ts";
import type { MacvlanConfig } from "./config.ts";

/** What the container gets, as in the result. */
export type Addressing = Pick<Result, "ips" | "routes">;

/** Index of the container's interface in the result. */
const CONTAINER = 0;

export const noAddressing: Addressing = { ips: [], routes: [] };

/** An internal network has no way out, whatever IPAM says. Throws when IPAM gave no address. */
export function planAddressing({ ipamType, internal }: MacvlanConfig, leased: Result): Addressing {
  if (leased.ips.length === 0) {
    throw new CniError(ErrorCode.Internal, `the IPAM plugin ${ipamType} returned no addresses`);
  }
  return {
    ips: leased.ips.map((ip) => ({ ...ip, interface: CONTAINER, ...(internal ? { gateway: undefined } : {}) })),
    routes: internal ? leased.routes.filter((route) => !isDefault(route.dst)) : leased.routes,
  };
}
