// iptables of the nft kind is done when the kernel has committed its change. It ends later: the kernel keeps it until nobody can see the
// removed rules any more, some 13 ms for each table.
import { isErrno } from "../kernel-error.ts";
import { inheritedNetlinkSocket } from "../libc.ts";
import {
  NETLINK_NETFILTER,
  NFNL_SUBSYS_NFTABLES,
  NFNLGRP_NFTABLES,
  NFT_MSG_NEWGEN,
  NFTA_GEN_PROC_PID,
} from "./constants.ts";
import { fixedPart, type Message } from "./message.ts";
import { NetlinkSocket } from "./socket.ts";

const NFGENMSG_SIZE = 4;

/**
 * Open it before the process is started, which gets it, too: who closes such a socket as the last one waits as long as that process.
 * Undefined where there is nothing to be told.
 */
export function watchCommits(): NetlinkSocket | undefined {
  let socket: NetlinkSocket | undefined;
  try {
    socket = new NetlinkSocket(NETLINK_NETFILTER, inheritedNetlinkSocket);
    socket.join(NFNLGRP_NFTABLES);
    return socket;
  } catch (error) {
    socket?.[Symbol.dispose]();
    if (isErrno(error, "EPROTONOSUPPORT", "EPERM", "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}

/** How many changes of that process the kernel tells of in these messages. Of a process in another pid namespace it tells another number. */
export function commitsOf(messages: readonly Message[], pid: number): number {
  return messages.filter(({ type, payload }) => {
    if (type !== ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN)) return false;
    const { attributes } = fixedPart(payload, NFGENMSG_SIZE);
    const id = attributes.get(NFTA_GEN_PROC_PID);
    return id?.length === 4 && id.readUInt32BE() === pid;
  }).length;
}
