// What containers have left on the host that the runtime does not know any more. A veth goes with its namespace, so what can be left
// are rules of `ipMasq`. An attachment whose veth is there is alive, whatever the runtime says.
import { apply } from "../../kernel/apply.ts";
import { findIptables, saveTable } from "../../kernel/iptables.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { judgeNetns } from "../../kernel/netns-record.ts";
import { Places } from "../../kernel/places.ts";
import type { Family } from "../../net/ip.ts";
import { type Masqueraded, masqueradedIn } from "../../plan/masquerade.ts";
import type { PrivateChain } from "../../plan/private-chain.ts";
import type { GcCall, Surroundings } from "../../protocol/plugin.ts";
import { gcIpam } from "../ipam.ts";
import { decodeRemains } from "./config.ts";
import { collect } from "./docker/attachments.ts";
import { removeForgotten } from "./nft-actual.ts";

export async function gc(call: GcCall, around: Surroundings): Promise<void> {
  const { ipMasq, ipamType } = decodeRemains(call.network);
  if (ipMasq) {
    await removeStaleRules(call, around);
    await removeForgotten(call, around);
  }
  await removeStaleAttachments(call, around);
  if (ipamType !== undefined) await gcIpam(ipamType, call, around);
}

/** Of Docker's layout, whatever the configuration says by now. */
async function removeStaleAttachments({ network, validAttachments }: GcCall, around: Surroundings): Promise<void> {
  const isGone = judgeNetns();
  const removed = await collect(
    network.name,
    ({ containerId, ifname, netns }) =>
      !validAttachments.some((valid) => valid.containerId === containerId && valid.ifname === ifname) &&
      (netns === undefined || isGone(netns)),
    around,
  );
  for (const { containerId, ifname } of removed)
    around.log(`GC: removed the firewall rules of ${containerId} ${ifname} in ${network.name}`);
}

async function removeStaleRules(call: GcCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  const isKept = keptContainers(call, places);
  const stale = ([4, 6] satisfies Family[])
    .flatMap((family) => chainsOf(call.network.name, family, around))
    .filter(({ whose }) => !isKept(whose.containerId));
  await apply(
    stale.map(({ chain }) => ({ do: "rules.remove", chain })),
    { ...around, places, record: () => {} },
  );
  for (const { chain, whose } of stale) {
    around.log(`GC: removed the IPv${chain.family} masquerade rules of ${whose.containerId} in ${whose.network}`);
  }
}

/** Valid ones, and those whose veth is there: its alias says whose it is. An ifb of bandwidth has the same one, and outlives its container. */
function keptContainers({ network, validAttachments }: GcCall, places: Places): (containerId: string) => boolean {
  const valid = new Set(validAttachments.map((attachment) => attachment.containerId));
  const veths = listLinks(places.at("host").socket).filter(({ kind }) => kind === "veth");
  const aliases = veths.map(({ alias = "" }) => alias);
  return (containerId) =>
    valid.has(containerId) || aliases.some((alias) => alias.startsWith(`${network.name}/${containerId}/`));
}

interface Found {
  readonly whose: Masqueraded;
  readonly chain: PrivateChain;
}

function chainsOf(network: string, family: Family, { env, log }: Surroundings): Found[] {
  try {
    findIptables(family, "save", env);
  } catch (error) {
    // without the program there are no rules of it either
    log(`GC: ${(error as Error).message}`);
    return [];
  }
  return masqueradedIn(saveTable({ family, table: "nat" }, env), network, family);
}
