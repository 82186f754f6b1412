import { readFileSync } from "node:fs";
import type { Family } from "../net/ip.ts";
import { hasNftChain, openNetfilter } from "./netlink/nftables.ts";

/**
 * Whether iptables may have a chain of that name in its table nat. One of the nft kind keeps it in nftables, where it is found without a
 * process; when there is a table of the legacy kind, only its own program can tell.
 */
export function mayHaveNatChain(family: Family, name: string): boolean {
  if (hasLegacyTable(family)) return true;
  using socket = openNetfilter();
  return socket !== undefined && hasNftChain(socket, { family: family === 4 ? "ip" : "ip6", name: "nat" }, name);
}

function hasLegacyTable(family: Family): boolean {
  try {
    const names = readFileSync(`/proc/thread-self/net/${family === 4 ? "ip" : "ip6"}_tables_names`, "utf8");
    return names.split("\n").includes("nat");
  } catch {
    return false;
  }
}
