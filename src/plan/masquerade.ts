import { type Cidr, hostCidr, networkOf, printCidr } from "../net/cidr.ts";
import type { Family } from "../net/ip.ts";
import { type PrivateChain, quote } from "./private-chain.ts";

/** XT_MAX_COMMENT_LEN of linux/netfilter/xt_comment.h without the closing zero. */
const LONGEST_COMMENT = 255;

const multicast = { 4: "224.0.0.0/4", 6: "ff00::/8" } as const;

/** Whose rules they are. */
export interface Masqueraded {
  /** Name of the private chain: see masqueradeChainName. */
  readonly chain: string;
  readonly network: string;
  readonly containerId: string;
}

/**
 * The rules of `ipMasq`, as the reference writes them: what the container sends out of its own network gets the address of the
 * host, unless it is multicast. One chain for each family of the addresses.
 */
export function masqueradeChains(whose: Masqueraded, addresses: readonly Cidr[]): PrivateChain[] {
  return ([4, 6] satisfies Family[]).flatMap((family) => {
    const ours = addresses.filter((address) => address.ip.family === family);
    return ours.length === 0 ? [] : [masqueradeChain(whose, family, ours)];
  });
}

/** Without addresses it is a chain to remove, with every rule that leads to it. */
export function masqueradeChain(whose: Masqueraded, family: Family, addresses: readonly Cidr[]): PrivateChain {
  const { chain: name, network, containerId } = whose;
  const comment = `-m comment --comment ${quote(`name: "${network}" id: "${containerId}"`.slice(0, LONGEST_COMMENT))}`;
  const networks = new Set(addresses.map((address) => printCidr(networkOf(address))));
  return {
    family,
    table: "nat",
    name,
    rules: [
      ...Array.from(networks, (destination) => `-d ${destination} ${comment} -j ACCEPT`),
      `! -d ${multicast[family]} ${comment} -j MASQUERADE`,
    ],
    jumps: addresses.map((address) => ({
      from: "POSTROUTING",
      rule: `-s ${printCidr(hostCidr(address.ip))} ${comment} -j ${name}`,
    })),
  };
}
