// What a container shares with others on the host: a parent that was made for them, and the host's access. Entered by ADD before any of
// it is made, left by DEL; whoever leaves last takes it with him.
import { apply } from "../../kernel/apply.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { judgeNetns, recordNetns } from "../../kernel/netns-record.ts";
import { Places } from "../../kernel/places.ts";
import { type Cidr, printCidr } from "../../net/cidr.ts";
import { printIp } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import type { Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import type { AddCall, Attachment, Surroundings } from "../../protocol/plugin.ts";
import { type ParentRecord, type ParentUse, readParents, writeParents } from "../../state/macvlan-record.ts";
import { lockState } from "../../state/state-directory.ts";
import { addressesOf as globalAddressesOf } from "../link-addresses.ts";
import type { Addressing } from "./addressing.ts";
import { isHostLink, planAdmitting } from "./host-access.ts";
import { giveAccess, type HostSide, hostLinkOn, isToStay, knownMacs } from "./host-link.ts";
import { addressesOf, isSame, type Leaving, planLeaving } from "./leaving.ts";
import { type Parent, planParent } from "./parent.ts";

type Around = Pick<Surroundings, "env" | "log" | "checkInterrupt">;
type Attached = Attachment & { readonly network: string };

interface Entering {
  readonly parent: Parent;
  readonly addressing: Addressing;
  /** The container's, when the host shall have access to it. */
  readonly accessTo: Mac | undefined;
}

/** Makes the parent when it is not there, and gives the host access when it is wanted; undefined without it. */
export async function enter(
  call: AddCall,
  { parent, addressing, accessTo }: Entering,
  { places, around }: { readonly places: Places; readonly around: Surroundings },
): Promise<HostSide | undefined> {
  if (parent.place === "container" || (parent.making === undefined && accessTo === undefined)) return undefined;
  using _lock = await lockState(around.checkInterrupt);
  const own = useOf(call, addressing, accessTo);
  const records = await withoutRivals(own, around);
  const record = records.find((each) => each.parent === parent.name);
  const link = places.findLink("host", parent.name);
  const isToBeMade = link === undefined && parent.making !== undefined;
  const made = isToBeMade ? {} : madeBefore(record, link);
  // it is somebody else's
  if (made === undefined && accessTo === undefined) return undefined;

  const uses = [...(record?.uses ?? []), own];
  const next: ParentRecord = { parent: parent.name, uses, ...(made === undefined ? {} : { made }) };
  const others = records.filter((each) => each !== record);
  around.undo.defer(`leave the parent ${parent.name}`, () => leave(own, quiet(around)));
  writeParents([...others, next]);
  const applying = { ...around, places, record: () => {} };
  if (isToBeMade) {
    await apply(planParent(parent, call.network.name), applying);
    const index = places.findLink("host", parent.name)?.index;
    writeParents([...others, { ...next, made: { index } }]);
  }
  return accessTo === undefined ? undefined : giveAccess(next, { places, around });
}

/** Undefined when it is not ours, or another one of the name. */
function madeBefore(record: ParentRecord | undefined, link: Link | undefined): ParentRecord["made"] {
  const made = record?.made;
  if (made === undefined || link === undefined) return undefined;
  return made.index === undefined || made.index === link.index ? { index: link.index } : undefined;
}

/** Without containers that are gone and had one of the addresses, and without what an earlier ADD of the same attachment has left. */
async function withoutRivals(own: ParentUse, around: Around): Promise<readonly ParentRecord[]> {
  const records = readParents();
  const addresses = addressesOf(own).map(({ ip }) => printIp(ip));
  const isGone = judgeNetns();
  const hasAddress = (use: ParentUse) => addressesOf(use).some(({ ip }) => addresses.includes(printIp(ip)));
  const isRival = (use: ParentUse) =>
    isSame(use, own) || (hasAddress(use) && use.netns !== undefined && isGone(use.netns));
  return records.some(({ uses }) => uses.some(isRival)) ? remove(records, isRival, around) : records;
}

/** Of an attachment; with the last one goes what was made for all. */
export async function leave(attached: Attached, around: Around): Promise<void> {
  await leaveAll((use) => isSame(use, attached), around);
}

/** Returns those who left. */
export async function leaveAll(isLeaving: (use: ParentUse) => boolean, around: Around): Promise<readonly ParentUse[]> {
  const find = () => readParents().flatMap(({ uses }) => uses.filter(isLeaving));
  if (find().length === 0) return [];
  using _lock = await lockState(around.checkInterrupt);
  const leaving = find();
  if (leaving.length > 0) await remove(readParents(), isLeaving, around);
  return leaving;
}

/** Under the lock. */
async function remove(
  records: readonly ParentRecord[],
  isLeaving: (use: ParentUse) => boolean,
  around: Around,
): Promise<readonly ParentRecord[]> {
  const isGone = judgeNetns();
  const mayBeAlive = ({ netns }: ParentUse) => netns === undefined || !isGone(netns);
  using places = new Places(undefined);
  const stays = (link: string, known: readonly Cidr[]) => isToStay(link, known, { places, log: around.log });
  const left = planLeaving(records, { isLeaving, mayBeAlive, isToStay: stays, hostLinkOn });
  const applying = { ...around, places, record: () => {} };
  await apply(left.steps, applying);
  // those who are left are let in, and nobody else
  for (const name of left.hostLinks) {
    const link = places.findLink("host", name);
    if (link !== undefined && isHostLink(link)) await apply(planAdmitting(name, knownMacs(places, link)), applying);
  }
  await apply(deletionsOf(left, places, around.log), applying);
  writeParents(left.records);
  return left.records.filter(({ uses }) => uses.length > 0);
}

/** Of parents that we made, unless somebody else has put them to use meanwhile. */
function deletionsOf({ unused }: Leaving, places: Places, log: Around["log"]): Step[] {
  return unused.flatMap((record): Step[] => {
    const link = places.findLink("host", record.parent);
    if (link === undefined || madeBefore(record, link) === undefined) return [];
    const uses = foreignUses(places, link);
    if (uses === undefined) return [{ do: "link.delete", place: "host", link: link.name, tolerate: ["ENODEV"] }];
    log(`${link.name}, which was made for macvlans, stays: ${uses}`);
    return [];
  });
}

function foreignUses(places: Places, { index, master, ...link }: Link): string | undefined {
  const [address] = globalAddressesOf(places, "host", { index, master, ...link });
  if (address !== undefined) return `it has the address ${printCidr(address)}`;
  if (master !== undefined) return "it is a port of another link";
  const child = listLinks(places.at("host").socket).find(({ peer, kind }) => peer === index && kind !== "veth");
  return child === undefined ? undefined : `${child.name} is on it`;
}

function useOf(call: AddCall, { ips }: Addressing, accessTo: Mac | undefined): ParentUse {
  const { containerId, ifname, network, netns } = call;
  const addresses = ips.map(({ address }) => printCidr(address));
  return {
    ...{ network: network.name, containerId, ifname, netns: recordNetns(netns) },
    ...(accessTo === undefined ? {} : { hostAccess: { addresses, mac: accessTo } }),
  };
}

/** For what goes on after an interruption. */
function quiet(around: Around): Around {
  return { ...around, checkInterrupt: async () => {} };
}
