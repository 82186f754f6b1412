// What goes when some of those who share parents leave: their own, and with the last of them what was made for all.
import { type Cidr, parseCidr } from "../../net/cidr.ts";
import { type Ip, sameIp } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { ParentRecord, ParentUse } from "../../state/macvlan-record.ts";
import { planParting } from "./host-access.ts";

export interface Leaving {
  readonly steps: readonly Step[];
  /** Without them. */
  readonly records: readonly ParentRecord[];
  /** The host's links whose containers are fewer now. */
  readonly hostLinks: readonly string[];
  /** Parents that we made and nobody uses any more, which are deleted by themselves. */
  readonly unused: readonly ParentRecord[];
}

interface Who {
  readonly isLeaving: (use: ParentUse) => boolean;
  /** Asked for those who stay, until it is certain that somebody does. */
  readonly mayBeAlive: (use: ParentUse) => boolean;
  /** Whether the host's link stays although none of these needs it. */
  readonly isToStay: (link: string, known: readonly Cidr[]) => boolean;
  /** The host's link on a parent. */
  readonly hostLinkOn: (parent: string) => string;
}

export function planLeaving(records: readonly ParentRecord[], who: Who): Leaving {
  const parts = records.map((record) => leaveOne(record, who));
  return {
    steps: parts.flatMap(({ steps }) => steps),
    records: parts.map(({ record }) => record),
    hostLinks: parts.flatMap(({ hostLink }) => hostLink ?? []),
    unused: parts.flatMap(({ record }) => (record.made !== undefined && record.uses.length === 0 ? [record] : [])),
  };
}

interface Left {
  readonly record: ParentRecord;
  readonly steps: readonly Step[];
  /** The host's link, when it stays. */
  readonly hostLink?: string;
}

function leaveOne(record: ParentRecord, { isLeaving, mayBeAlive, isToStay, hostLinkOn }: Who): Left {
  const leaving = record.uses.filter(isLeaving);
  if (leaving.length === 0) return { record, steps: [] };
  const staying = record.uses.filter((use) => !leaving.includes(use));
  const uses = staying.some(mayBeAlive) ? staying : [];
  const link = hostLinkOn(record.parent);
  const hadAccess = record.uses.some(({ hostAccess }) => hostAccess !== undefined);
  const reaching = uses.filter(({ hostAccess }) => hostAccess !== undefined);
  const next = { ...record, uses };
  if (!hadAccess) return { record: next, steps: [] };
  if (!reaching.some(mayBeAlive) && !isToStay(link, record.uses.flatMap(addressesOf)))
    return { record: next, steps: [{ do: "link.delete", place: "host", link, tolerate: ["ENODEV"] }] };
  const gone = record.uses.filter((use) => !uses.includes(use)).flatMap(addressesOf);
  const steps = [...planParting(link, gone, reaching.flatMap(addressesOf)), ...planReturning(link, gone, reaching)];
  return { record: next, steps, hostLink: link };
}

/** Who has the address of one who left is known by it again. */
function planReturning(link: string, gone: readonly Cidr[], uses: readonly ParentUse[]): readonly Step[] {
  return uses.flatMap((use) => {
    const mac = parseMac(use.hostAccess?.mac ?? "");
    const shared = addressesOf(use).filter(({ ip }) => gone.some((other) => sameIp(other.ip, ip)));
    return mac === undefined ? [] : shared.map(({ ip }): Step => neighbour(link, ip, mac));
  });
}

function neighbour(link: string, ip: Ip, mac: Mac): Step {
  return { do: "neighbour.set", place: "host", link, ip, mac, tolerate: ["ENODEV"] };
}

/** That the host has routes to. */
export function addressesOf({ hostAccess }: ParentUse) {
  return (hostAccess?.addresses ?? []).flatMap((text) => parseCidr(text) ?? []);
}

export function isSame(
  a: Attachment & { readonly network: string },
  b: Attachment & { readonly network: string },
): boolean {
  return a.network === b.network && a.containerId === b.containerId && a.ifname === b.ifname;
}
