import type { Cidr } from "./cidr.ts";
import type { Ip } from "./ip.ts";

/** A route as CNI has it; what is absent is the kernel's choice. */
export interface Route {
  readonly dst: Cidr;
  readonly gw?: Ip | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  /** Its metric: the lower wins. */
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  /** RT_SCOPE_*: 0 is anywhere, 253 on the link. */
  readonly scope?: number | undefined;
}

/** RT_TABLE_MAIN of linux/rtnetlink.h */
const MAIN = 254;

/** The kernel takes no table and table 0 (RT_TABLE_UNSPEC) for the main one. */
export function routeTable(written: number | undefined): number {
  return written === undefined || written === 0 ? MAIN : written;
}
