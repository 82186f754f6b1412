// The part of a network that its containers share. It is made by the first ADD, and taken back only when that ADD fails and
// nobody else uses the bridge: every ADD holds a lock with others, taking back needs it alone.

import { apply } from "../../kernel/apply.ts";
import { type FileLock, takeLock } from "../../kernel/lock.ts";
import { listAddresses } from "../../kernel/netlink/address.ts";
import { findLinkByIndex, listLinks } from "../../kernel/netlink/link.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { listPortVlans } from "../../kernel/netlink/vlan.ts";
import { Places } from "../../kernel/places.ts";
import { type Cidr, sameCidr } from "../../net/cidr.ts";
import type { Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import type { Surroundings } from "../../protocol/plugin.ts";
import type { VlanGateway } from "./vlan-gateway.ts";

/** RT_SCOPE_UNIVERSE: not a link-local address, which the kernel gives by itself. */
const GLOBAL = 0;

type CheckInterrupt = Surroundings["checkInterrupt"];

/** On the host's network namespace: nothing has to be written for it, and nothing is left of it. Errors: 11, naming the holder. */
export function lockBridges(kind: "shared" | "exclusive", checkInterrupt: CheckInterrupt): Promise<FileLock> {
  return takeLock("/proc/thread-self/ns/net", { kind, checkInterrupt });
}

interface Making {
  readonly places: Places;
  readonly around: Surroundings;
}

/** Whether somebody else needs the link that these steps were for. */
type IsUsed = (link: Link, steps: readonly Step[], socket: NetlinkSocket) => boolean;

/** Carries out the steps that the network as a whole needs; call it with the lock. */
export function makeNetwork(bridge: string, steps: readonly Step[], making: Making): Promise<void> {
  return makeShared(bridge, steps, { ...making, isUsed: isBridgeUsed });
}

/** The same for what the containers of one VLAN share. */
export function makeVlanGateway({ link, vlan }: VlanGateway, steps: readonly Step[], making: Making): Promise<void> {
  const isUsed: IsUsed = (gateway, made, socket) =>
    isVlanUsed(gateway, vlan, socket) || hasForeignAddress(gateway, made, socket);
  return makeShared(link, steps, { ...making, isUsed });
}

async function makeShared(
  link: string,
  steps: readonly Step[],
  { places, around, isUsed }: Making & { readonly isUsed: IsUsed },
): Promise<void> {
  const back: Step[] = [];
  around.undo.defer(`take back ${link}`, async () => {
    if (back.length > 0) await takeBackUnused(link, { steps, back, isUsed }, around);
  });
  await apply(steps, { ...around, places, record: (step) => back.unshift(step) });
}

interface Made {
  readonly steps: readonly Step[];
  /** What takes them back. */
  readonly back: readonly Step[];
  readonly isUsed: IsUsed;
}

async function takeBackUnused(name: string, { steps, back, isUsed }: Made, around: Surroundings): Promise<void> {
  const never = async () => {};
  using _lock = await lockBridges("exclusive", never);
  using places = new Places(undefined);
  const link = places.findLink("host", name);
  if (link === undefined || isUsed(link, steps, places.at("host").socket)) return;
  await apply(back, { ...around, places, record: () => {}, checkInterrupt: never });
}

/** Somebody has given it a port, or a new bridge an address, meanwhile. */
function isBridgeUsed(link: Link, steps: readonly Step[], socket: NetlinkSocket): boolean {
  return listLinks(socket).some((port) => port.master === link.index) || hasForeignAddress(link, steps, socket);
}

/** The bridge has another port in the VLAN than the gateway's. */
function isVlanUsed({ peer }: Link, vlan: number, socket: NetlinkSocket): boolean {
  const bridge = peer === undefined ? undefined : findLinkByIndex(socket, peer)?.master;
  if (bridge === undefined) return false;
  const vlans = listPortVlans(socket);
  const isIn = ({ index }: Link) => vlans.get(index)?.some(({ first, last }) => first <= vlan && vlan <= last) === true;
  return listLinks(socket).some((port) => port.master === bridge && port.index !== peer && isIn(port));
}

function hasForeignAddress(link: Link, steps: readonly Step[], socket: NetlinkSocket): boolean {
  if (!steps.some((step) => step.do === "link.add-bridge" || step.do === "link.add-veth-here")) return false;
  const ours = steps.flatMap((step) => (step.do === "address.add" ? [step.cidr] : []));
  const isForeign = (cidr: Cidr) => !ours.some((own) => sameCidr(own, cidr));
  return listAddresses(socket, link).some(({ cidr, scope }) => scope === GLOBAL && isForeign(cidr));
}
