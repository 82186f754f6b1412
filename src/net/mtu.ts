/** ETH_MIN_MTU and ETH_MAX_MTU of linux/if_ether.h. */
const MTU = { least: 68, most: 65535 } as const;

/** Why an interface cannot have it, or undefined when it can. */
export function mtuProblem(mtu: number): string | undefined {
  return mtu >= MTU.least && mtu <= MTU.most ? undefined : `mtu ${mtu} is not between ${MTU.least} and ${MTU.most}`;
}
