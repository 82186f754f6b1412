import { networkOf, sameCidr } from "../net/cidr.ts";
import { type Family, sameIp } from "../net/ip.ts";
import { type Route, routeTable } from "../net/route.ts";
import type { Result } from "../protocol/result.ts";

/** RT_SCOPE_LINK: what is reached on the link itself, or nearer, has no next hop. */
const LINK_SCOPE = 253;

/** Routes as the kernel gets them: with a next hop where there is one, and none twice. */
export function kernelRoutes({ ips, routes }: Pick<Result, "ips" | "routes">): Route[] {
  const gatewayOf = (family: Family) =>
    ips.find((ip) => ip.address.ip.family === family && ip.gateway !== undefined)?.gateway;
  const complete = routes.map((route) => {
    const isDirect = route.scope !== undefined && route.scope >= LINK_SCOPE;
    return isDirect ? route : { ...route, gw: route.gw ?? gatewayOf(route.dst.ip.family) };
  });
  return complete.filter((route, i) => complete.findIndex((other) => sameRoute(route, other)) === i);
}

function sameRoute(a: Route, b: Route): boolean {
  const sameGateway = a.gw === undefined || b.gw === undefined ? a.gw === b.gw : sameIp(a.gw, b.gw);
  return (
    sameGateway &&
    sameCidr(networkOf(a.dst), networkOf(b.dst)) &&
    (a.priority ?? 0) === (b.priority ?? 0) &&
    routeTable(a.table) === routeTable(b.table)
  );
}
