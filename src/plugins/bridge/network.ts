// The part of a network that its containers share. It is made by the first ADD, and taken back only when that ADD fails and
// nobody else uses the bridge: every ADD holds a lock with others, taking back needs it alone.

import { apply } from "../../kernel/apply.ts";
import { type FileLock, takeLock } from "../../kernel/lock.ts";
import { listAddresses } from "../../kernel/netlink/address.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { Places } from "../../kernel/places.ts";
import { type Cidr, sameCidr } from "../../net/cidr.ts";
import type { Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import type { Surroundings } from "../../protocol/plugin.ts";

/** RT_SCOPE_UNIVERSE: not a link-local address, which the kernel gives by itself. */
const GLOBAL = 0;

type CheckInterrupt = Surroundings["checkInterrupt"];

/** On the host's network namespace: nothing has to be written for it, and nothing is left of it. Errors: 11, naming the holder. */
export function lockBridges(kind: "shared" | "exclusive", checkInterrupt: CheckInterrupt): Promise<FileLock> {
  return takeLock("/proc/thread-self/ns/net", { kind, checkInterrupt });
}

/** Carries out the steps that the network as a whole needs; call it with the lock. */
export async function makeNetwork(
  bridge: string,
  steps: readonly Step[],
  { places, around }: { readonly places: Places; readonly around: Surroundings },
): Promise<void> {
  const back: Step[] = [];
  around.undo.defer(`take back the bridge ${bridge}`, async () => {
    if (back.length > 0) await takeBackUnused(bridge, { steps, back }, around);
  });
  await apply(steps, { ...around, places, record: (step) => back.unshift(step) });
}

interface Made {
  readonly steps: readonly Step[];
  /** What takes them back. */
  readonly back: readonly Step[];
}

async function takeBackUnused(bridge: string, { steps, back }: Made, around: Surroundings): Promise<void> {
  const never = async () => {};
  using _lock = await lockBridges("exclusive", never);
  using places = new Places(undefined);
  const link = places.findLink("host", bridge);
  if (link === undefined || isUsed(link, steps, places.at("host").socket)) return;
  await apply(back, { ...around, places, record: () => {}, checkInterrupt: never });
}

/** Somebody has given it a port, or a new bridge an address, meanwhile. */
function isUsed(link: Link, steps: readonly Step[], socket: NetlinkSocket): boolean {
  if (listLinks(socket).some((port) => port.master === link.index)) return true;
  if (!steps.some((step) => step.do === "link.add-bridge")) return false;
  const ours = steps.flatMap((step) => (step.do === "address.add" ? [step.cidr] : []));
  const isForeign = (cidr: Cidr) => !ours.some((own) => sameCidr(own, cidr));
  return listAddresses(socket, link).some(({ cidr, scope }) => scope === GLOBAL && isForeign(cidr));
}
