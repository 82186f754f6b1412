import type { Cidr } from "../net/cidr.ts";
import type { Result, ResultIp } from "../protocol/result.ts";

/** The addresses of the container's interface: later plugins of the chain may have added some to other interfaces. */
export function ipsOf(result: Result, ifname: string): ResultIp[] {
  const isOurs = (index: number | undefined) => index === undefined || result.interfaces[index]?.name === ifname;
  return result.ips.filter((ip) => isOurs(ip.interface));
}

/** Of the bridge, each with the prefix length of the address that it is for. */
export function gatewaysOf(result: Result, ifname: string): Cidr[] {
  return ipsOf(result, ifname).flatMap(({ gateway, address }) =>
    gateway === undefined ? [] : [{ ip: gateway, prefix: address.prefix }],
  );
}
