// Reading nftables. It takes no process, so every call can afford to look whether there is anything to remove.
import type { NftTable } from "../../plan/nft-rules.ts";
import { isErrno } from "../kernel-error.ts";
import {
  AF_INET,
  AF_INET6,
  NETLINK_NETFILTER,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETRULE,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_RULE_CHAIN,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
} from "./constants.ts";
import { fixedPart, type Message, message, readText, text } from "./message.ts";
import { NetlinkSocket } from "./socket.ts";

const NFGENMSG_SIZE = 4;
/** libnftnl/udata.h: to the kernel it is the user's data. */
const NFTNL_UDATA_RULE_COMMENT = 0;
const families = { inet: NFPROTO_INET, bridge: NFPROTO_BRIDGE, ip: AF_INET, ip6: AF_INET6 } as const;
/** EINVAL is the answer of a kernel without nf_tables. */
const nothingThere = ["ENOENT", "EINVAL", "EOPNOTSUPP"];

/** Undefined in a kernel without netfilter, where there are no rules either. */
export function openNetfilter(): NetlinkSocket | undefined {
  try {
    return new NetlinkSocket(NETLINK_NETFILTER);
  } catch (error) {
    if (isErrno(error, "EPROTONOSUPPORT")) return undefined;
    throw error;
  }
}

export interface RuleEntry {
  readonly table: string | undefined;
  readonly chain: string | undefined;
  readonly handle: bigint;
  readonly comment: string | undefined;
}

/** Equivalent to: `nft -a list chain $table $chain`; none when there is no such chain. */
export function listNftRules(socket: NetlinkSocket, table: NftTable, chain: string): RuleEntry[] {
  const what = `list the rules of ${table.family} ${table.name} ${chain}`;
  const names = [text(NFTA_RULE_TABLE, table.name), text(NFTA_RULE_CHAIN, chain)];
  const request = { what, bytes: nftMessage(NFT_MSG_GETRULE, table, names) };
  const rules = orNothing(() => socket.dump(request).map(parseNftRule)) ?? [];
  // older kernels do not filter
  return rules.filter((rule) => rule.table === table.name && rule.chain === chain);
}

export function hasNftChain(socket: NetlinkSocket, table: NftTable, chain: string): boolean {
  const what = `find chain ${table.family} ${table.name} ${chain}`;
  const names = [text(NFTA_CHAIN_TABLE, table.name), text(NFTA_CHAIN_NAME, chain)];
  const request = { what, bytes: nftMessage(NFT_MSG_GETCHAIN, table, names) };
  return orNothing(() => socket.request(request)) !== undefined;
}

export function parseNftRule({ payload }: Message): RuleEntry {
  const { attributes } = fixedPart(payload, NFGENMSG_SIZE);
  const handle = attributes.get(NFTA_RULE_HANDLE);
  if (handle === undefined || handle.length !== 8) throw new Error("netlink: a rule without handle");
  return {
    table: readText(attributes, NFTA_RULE_TABLE),
    chain: readText(attributes, NFTA_RULE_CHAIN),
    handle: handle.readBigUInt64BE(),
    comment: parseComment(attributes.get(NFTA_RULE_USERDATA)),
  };
}

/** User data is a list of: a type, a length, so many bytes. */
function parseComment(userdata: Buffer | undefined): string | undefined {
  for (let at = 0; userdata !== undefined && at + 2 <= userdata.length; ) {
    const end = at + 2 + userdata.readUInt8(at + 1);
    if (end > userdata.length) throw new Error("netlink: user data of a rule that points outside");
    if (userdata.readUInt8(at) === NFTNL_UDATA_RULE_COMMENT) {
      return userdata.toString("utf8", at + 2, end).replace(/\0.*$/s, "");
    }
    at = end;
  }
  return undefined;
}

function nftMessage(type: number, { family }: NftTable, names: readonly Buffer[]): Buffer {
  return message((NFNL_SUBSYS_NFTABLES << 8) | type, 0, [Buffer.of(families[family], 0, 0, 0), ...names]);
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isErrno(error, ...nothingThere)) return undefined;
    throw error;
  }
}
