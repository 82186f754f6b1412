import { type Cidr, hostCidr, networkOf, printCidr } from "../net/cidr.ts";
import type { Family } from "../net/ip.ts";
import { type PrivateChain, quote, type SavedTable, unquote } from "./private-chain.ts";

/** XT_MAX_COMMENT_LEN of linux/netfilter/xt_comment.h without the closing zero. */
const LONGEST_COMMENT = 255;

const multicast = { 4: "224.0.0.0/4", 6: "ff00::/8" } as const;

/** Whose rules they are. */
export interface Masqueraded {
  /** Names of the private chain: see masqueradeChainNames. */
  readonly chain: { readonly name: string; readonly otherName: string };
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
  const { chain, network, containerId } = whose;
  const comment = `-m comment --comment ${quote(commentOf(network, containerId))}`;
  const networks = new Set(addresses.map((address) => printCidr(networkOf(address))));
  return {
    family,
    table: "nat",
    ...chain,
    rules: [
      ...Array.from(networks, (destination) => `-d ${destination} ${comment} -j ACCEPT`),
      `! -d ${multicast[family]} ${comment} -j MASQUERADE`,
    ],
    jumps: addresses.map((address) => ({
      from: "POSTROUTING",
      rule: `-s ${printCidr(hostCidr(address.ip))} ${comment}`,
    })),
  };
}

/** The chains of a network's containers, found by the rules that lead to them; each to be removed with all of these. */
export function masqueradedIn(
  saved: SavedTable,
  network: string,
  family: Family,
): { readonly whose: Masqueraded; readonly chain: PrivateChain }[] {
  const found = new Map<string, Masqueraded>();
  for (const rule of saved.rules) {
    const [, text = "", name = ""] = leading.exec(rule) ?? [];
    const [, net, containerId] = /^name: "(.*)" id: "(.*)"$/.exec(unquote(text)) ?? [];
    if (net === network && containerId !== undefined)
      found.set(name, { chain: { name, otherName: name }, network, containerId });
  }
  return Array.from(found.values(), (whose) => ({ whose, chain: masqueradeChain(whose, family, []) }));
}

/** A rule of POSTROUTING with our comment, quoted as iptables does, and the chain it leads to. */
const leading = /^-A POSTROUTING .*--comment "((?:[^"\\]|\\.)*)" -j (CNI-[0-9a-f]{24})$/;

function commentOf(network: string, containerId: string): string {
  return `name: "${network}" id: "${containerId}"`.slice(0, LONGEST_COMMENT);
}
