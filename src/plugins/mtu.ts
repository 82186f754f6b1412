import { CniError, ErrorCode } from "../protocol/error.ts";
import type { Result } from "../protocol/result.ts";

/** ETH_MIN_MTU and ETH_MAX_MTU of linux/if_ether.h. */
const MTU = { least: 68, most: 65535 } as const;
/** RFC 8200, section 5 */
const IPV6_MIN_MTU = 1280;

/** 0 leaves it to the kernel. Errors: 7 for one that no link can have. */
export function checkMtu(mtu: number, plugin: string): number | undefined {
  if (mtu === 0) return undefined;
  if (mtu >= MTU.least && mtu <= MTU.most) return mtu;
  throw new CniError(ErrorCode.InvalidConfig, `${plugin}: mtu ${mtu} is not between ${MTU.least} and ${MTU.most}`);
}

/** Why the addresses cannot be on links of this MTU, or undefined. */
export function mtuConflict(
  { mtu }: { readonly mtu: number | undefined },
  { ips }: Pick<Result, "ips">,
): string | undefined {
  const hasIpv6 = ips.some(({ address }) => address.ip.family === 6);
  if (mtu === undefined || mtu >= IPV6_MIN_MTU || !hasIpv6) return undefined;
  return `mtu ${mtu} is too small for an IPv6 address: ${IPV6_MIN_MTU} is the least`;
}
