// `ipMasq` with nftables, as the reference writes it: what a container sends out of its own network gets the address of the
// host, unless it is multicast. One rule for each address, and nothing for the kernel to go through but these.
import { type Cidr, networkOf, printCidr } from "../net/cidr.ts";
import { printIp } from "../net/ip.ts";
import { type NftOwner, type NftRules, type NftTable, nameOf, quoteNft } from "./nft-rules.ts";

const table: NftTable = { family: "inet", name: "cni_plugins_masquerade" };
const CHECKS = "masq_checks";
/** NFTNL_UDATA_COMMENT_MAXLEN of libnftnl; more is an error of nft. */
const LONGEST_COMMENT = 128;

/** Whose rules they are. */
export interface NftMasqueraded {
  /** See masqueradeHash. */
  readonly hash: string;
  readonly network: string;
  readonly ifname: string;
  readonly containerId: string;
}

export function masqueradeOwner(hash: string): NftOwner {
  return { table, shared: [CHECKS], chains: [], comment: { startsWith: hash, except: [] } };
}

/** The rules of a network's attachments, but for these. */
export function forgottenMasquerades(networkHash: string, valid: readonly string[]): NftOwner {
  return { ...masqueradeOwner(""), comment: { startsWith: networkHash, except: valid } };
}

export function nftMasquerade(whose: NftMasqueraded, addresses: readonly Cidr[]): NftRules {
  const comment = quoteNft(commentOf(whose));
  return {
    owner: masqueradeOwner(whose.hash),
    base,
    standing,
    rules: addresses.map((address) => ({ chain: CHECKS, rule: `${masquerade(address)} comment ${comment}` })),
  };
}

/** The comments of table and chain are the reference's, too: people see them in `nft list ruleset`. */
const base = [
  `add table ${nameOf(table)} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }`,
  `add chain ${nameOf(table)} ${CHECKS} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }`,
  `add chain ${nameOf(table)} postrouting { type nat hook postrouting priority 100 ; }`,
  // whatever became of its rules, afterwards they are these
  `flush chain ${nameOf(table)} postrouting`,
];

const standing = ["ip daddr 224.0.0.0/4 return", "ip6 daddr ff00::/8 return", `goto ${CHECKS}`].map((rule) => ({
  chain: "postrouting",
  rule,
}));

function masquerade(address: Cidr): string {
  const ip = address.ip.family === 4 ? "ip" : "ip6";
  return `${ip} saddr ${printIp(address.ip)} ${ip} daddr != ${printCidr(networkOf(address))} masquerade`;
}

function commentOf({ hash, network, ifname, containerId }: NftMasqueraded): string {
  return cut(`${hash}, net: ${network}, if: ${ifname}, id: ${containerId}`.replaceAll('"', ""));
}

/** Whole characters of at most so many bytes. */
function cut(comment: string): string {
  const encoder = new TextEncoder();
  const characters = [...comment].slice(0, LONGEST_COMMENT);
  while (encoder.encode(characters.join("")).length > LONGEST_COMMENT) characters.pop();
  return characters.join("");
}
