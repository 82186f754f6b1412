// `macspoofchk`, as the reference writes it: the bridge drops what a container sends with another MAC address than its own.
import type { Mac } from "../net/mac.ts";
import { type NftOwner, type NftRules, type NftTable, nameOf, quoteNft } from "./nft-rules.ts";

const table: NftTable = { family: "bridge", name: "nat" };
const PREROUTING = "PREROUTING";

/** Whose rules they are. */
export interface SpoofChecked {
  readonly containerId: string;
  readonly ifname: string;
}

/** Why there can be no rules for it, or undefined: the names of chains have the container's and its interface's in them. */
export function spoofCheckProblem({ ifname }: SpoofChecked): string | undefined {
  if (isChainName(ifname)) return undefined;
  return `macspoofchk: ${JSON.stringify(ifname)} cannot be part of the name of an nftables chain`;
}

export function spoofCheckOwner(whose: SpoofChecked): NftOwner {
  const id = idOf(whose);
  const chains = isChainName(whose.ifname) ? [`cni-br-iface-${id}`, `cni-br-iface-${id}-mac`] : [];
  return { table, shared: [PREROUTING], chains, comment: { is: `macspoofchk-${id}` } };
}

/** `port` is the host's end of the container's veth. */
export function spoofCheck(whose: SpoofChecked, { port, mac }: { readonly port: string; readonly mac: Mac }): NftRules {
  const id = idOf(whose);
  const [own, ownMac] = [`cni-br-iface-${id}`, `cni-br-iface-${id}-mac`];
  const comment = `comment ${quoteNft(`macspoofchk-${id}`)}`;
  return {
    owner: spoofCheckOwner(whose),
    base: [
      `add table ${nameOf(table)}`,
      `add chain ${nameOf(table)} ${PREROUTING} { type filter hook prerouting priority -300 ; policy accept ; }`,
    ],
    standing: [],
    rules: [
      { chain: PREROUTING, rule: `iifname ${quoteNft(port)} jump ${own} ${comment}` },
      { chain: own, rule: `jump ${ownMac} ${comment}` },
      { chain: ownMac, rule: `ether saddr ${mac} return ${comment}` },
      { chain: ownMac, rule: `drop ${comment}` },
    ],
  };
}

function idOf({ containerId, ifname }: SpoofChecked): string {
  return `${containerId}-${ifname}`;
}

/** What nft takes for a name; it knows no quotation marks there. */
function isChainName(text: string): boolean {
  return /^[\w.-]+$/.test(text);
}
