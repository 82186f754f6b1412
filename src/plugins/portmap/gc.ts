// Published ports of containers that the runtime does not know any more. Those whose namespace may exist are kept.
import { apply } from "../../kernel/apply.ts";
import { findIptables } from "../../kernel/iptables.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { judgeNetns } from "../../kernel/netns-record.ts";
import { Places } from "../../kernel/places.ts";
import { readRules } from "../../kernel/rule-sets.ts";
import type { Family } from "../../net/ip.ts";
import { publishedIn } from "../../plan/portmap/iptables-rules.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment, GcCall, Surroundings } from "../../protocol/plugin.ts";
import { type PortClaim, readClaims } from "../../state/port-claims.ts";
import { forgetPorts } from "../port-claims.ts";
import { publishedBy } from "./plugin.ts";
import { planRemoval } from "./remains.ts";

export async function gc(call: GcCall, around: Surroundings): Promise<void> {
  await removeClaimed(call, around);
  await removeUnclaimed(call, around);
}

async function removeClaimed({ network, validAttachments }: GcCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  const isGone = judgeNetns();
  const isValid = ({ containerId, ifname }: Attachment) =>
    validAttachments.some((valid) => valid.containerId === containerId && valid.ifname === ifname);
  const isStale = (claim: PortClaim) =>
    claim.plugin === "portmap" &&
    claim.network === network.name &&
    !isValid(claim) &&
    (claim.netns === undefined || isGone(claim.netns));
  for (const claim of readClaims().all().filter(isStale)) {
    const whose = { ...claim, network };
    const steps = planRemoval(publishedBy(whose), { attachment: claim, claim, env: around.env });
    await apply(steps, { ...around, places, record: () => {} });
    await forgetPorts(whose, "portmap", around);
    around.log(`GC: removed the published ports of ${claim.containerId} ${claim.ifname} in ${network.name}`);
  }
}

/** What the Go plugin wrote. A container whose veth is there is alive: its alias says whose it is. */
async function removeUnclaimed({ network, validAttachments }: GcCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  const aliases = listLinks(places.at("host").socket).map((link) => link.alias ?? "");
  const isKept = (containerId: string) =>
    validAttachments.some((valid) => valid.containerId === containerId) ||
    aliases.some((alias) => alias.startsWith(`${network.name}/${containerId}/`)) ||
    readClaims()
      .about({ containerId })
      .some((claim) => claim.network === network.name && claim.containerId === containerId);
  for (const family of [4, 6] satisfies Family[]) {
    const stale = publishedHere(family, network.name, around).filter(({ containerId }) => !isKept(containerId));
    const steps = stale.map(
      ({ chain }): Step => ({ do: "rules.release", family, rules: [], chain: { table: "nat", name: chain } }),
    );
    await apply(steps, { ...around, places, record: () => {} });
    for (const { containerId } of stale)
      around.log(`GC: removed the published IPv${family} ports of ${containerId} in ${network.name}`);
  }
}

function publishedHere(family: Family, network: string, { env }: Surroundings): ReturnType<typeof publishedIn> {
  try {
    findIptables(family, "save", env);
  } catch {
    // without the program there are no rules of it either
    return [];
  }
  return publishedIn(readRules(family, env), network);
}
