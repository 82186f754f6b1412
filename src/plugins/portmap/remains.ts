// What there may be of a container's published ports. To look costs no process, unless iptables keeps its rules where it alone finds them.
import { readFileSync } from "node:fs";
import { hasNftChain, openNetfilter } from "../../kernel/netlink/nftables.ts";
import type { Family } from "../../net/ip.ts";
import type { Published } from "../../plan/portmap/iptables-rules.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { PortClaim } from "../../state/port-claims.ts";
import { otherClaims } from "../port-claims.ts";
import { nftRemoval } from "../port-remains.ts";

const families = [4, 6] as const satisfies Family[];

/** Of both backends, whatever the configuration says by now. */
export function planRemoval(whose: Published, attachment: Attachment, claim: PortClaim | undefined): Step[] {
  const others = otherClaims(whose.network, attachment);
  return [...iptablesRemoval(whose, claim), ...families.flatMap((family) => nftRemoval(whose, family, others))];
}

function iptablesRemoval({ chain }: Published, claim: PortClaim | undefined): Step[] {
  if (claim !== undefined && claim.remains.length > 0)
    return claim.remains.map((release) => ({ do: "rules.release", ...release }));
  // what the Go plugin wrote, or an ADD whose claim is lost
  return families
    .filter((family) => mayHaveChain(family, chain))
    .map((family) => ({ do: "rules.release", family, rules: [], chain: { table: "nat", name: chain } }));
}

/** iptables of the nft kind keeps its chains in nftables, where they are found without a process. */
function mayHaveChain(family: Family, chain: string): boolean {
  if (hasLegacyTable(family)) return true;
  using socket = openNetfilter();
  return socket !== undefined && hasNftChain(socket, { family: family === 4 ? "ip" : "ip6", name: "nat" }, chain);
}

function hasLegacyTable(family: Family): boolean {
  try {
    const names = readFileSync(`/proc/thread-self/net/${family === 4 ? "ip" : "ip6"}_tables_names`, "utf8");
    return names.split("\n").includes("nat");
  } catch {
    return false;
  }
}
