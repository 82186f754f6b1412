// What CHECK of any plugin compares, one sentence for each difference.
import { type Cidr, isDefault, networkOf, printCidr, sameCidr } from "../net/cidr.ts";
import { printIp, sameIp } from "../net/ip.ts";
import { type Route, routeTable } from "../net/route.ts";
import type { KernelRoute, Link } from "../plan/facts.ts";
import type { ResultInterface } from "../protocol/result.ts";

export function missingAddresses(name: string, expected: readonly Cidr[], present: readonly Cidr[]): string[] {
  const missing = expected.filter((address) => !present.some((other) => sameCidr(address, other)));
  return missing.map((address) => `${name} does not have the address ${printCidr(address)}`);
}

/** As in the reference, a default route may lead elsewhere by now: other plugins of the chain do that. */
export function routeDifferences(
  expected: readonly Route[],
  present: readonly KernelRoute[],
  { comparesDefaults = false } = {},
): string[] {
  const wanted = (route: Route): Route =>
    !comparesDefaults && isDefault(route.dst) ? { dst: route.dst, table: route.table } : route;
  return expected.flatMap((route) => {
    const found = present.filter((other) => isSameDestination(route, other));
    const [first] = found;
    if (first === undefined) return [`the container has no route to ${printCidr(route.dst)}`];
    if (found.some((other) => isThere(wanted(route), other))) return [];
    return [`the container's route to ${printCidr(route.dst)} ${differenceOf(wanted(route), first)}`];
  });
}

export function macDifference(written: ResultInterface, link: Link): string[] {
  if (written.mac === undefined || written.mac === "" || written.mac.toLowerCase() === link.mac) return [];
  return [`${link.name} has the MAC address ${link.mac} instead of ${written.mac}`];
}

export function mtuDifference(config: { readonly mtu: number | undefined }, link: Link): string[] {
  if (config.mtu === undefined || config.mtu === link.mtu) return [];
  return [`${link.name} has MTU ${link.mtu} instead of ${config.mtu}`];
}

export function isInSandbox(link: ResultInterface): boolean {
  return link.sandbox !== undefined && link.sandbox !== "";
}

function isSameDestination(expected: Route, present: KernelRoute): boolean {
  return routeTable(expected.table) === present.table && sameCidr(networkOf(expected.dst), present.dst);
}

/** What is left open in the result may be anything. */
function isThere(route: Route, present: KernelRoute): boolean {
  return isByGateway(route, present) && hasMtu(route, present);
}

function isByGateway({ gw }: Route, present: KernelRoute): boolean {
  return gw === undefined || (present.gw !== undefined && sameIp(gw, present.gw));
}

function hasMtu({ mtu }: Route, present: KernelRoute): boolean {
  return mtu === undefined || mtu === 0 || mtu === present.mtu;
}

function differenceOf(route: Route, present: KernelRoute): string {
  const way = (gw: Route["gw"]) => (gw === undefined ? "direct" : `by ${printIp(gw)}`);
  const parts = [
    ...(isByGateway(route, present) ? [] : [`is ${way(present.gw)} instead of ${way(route.gw)}`]),
    ...(hasMtu(route, present) ? [] : [`has MTU ${present.mtu ?? "of the interface"} instead of ${route.mtu}`]),
  ];
  return parts.join(" and ");
}
