// What goes when some of those who share parents leave: their own, and with the last of them what was made for all.
import { parseCidr } from "../../net/cidr.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { ParentRecord, ParentUse } from "../../state/macvlan-record.ts";
import { planParting } from "./host-access.ts";

export interface Leaving {
  readonly steps: readonly Step[];
  /** Without them. */
  readonly records: readonly ParentRecord[];
  /** Parents that we made and nobody uses any more, which are deleted by themselves. */
  readonly unused: readonly ParentRecord[];
}

interface Who {
  readonly isLeaving: (use: ParentUse) => boolean;
  /** Asked for those who stay, until it is certain that somebody does. */
  readonly mayBeAlive: (use: ParentUse) => boolean;
  /** The host's link on a parent. */
  readonly hostLinkOn: (parent: string) => string;
}

export function planLeaving(records: readonly ParentRecord[], who: Who): Leaving {
  const parts = records.map((record) => leaveOne(record, who));
  return {
    steps: parts.flatMap(({ steps }) => steps),
    records: parts.map(({ record }) => record),
    unused: parts.flatMap(({ record }) => (record.made !== undefined && record.uses.length === 0 ? [record] : [])),
  };
}

function leaveOne(
  record: ParentRecord,
  { isLeaving, mayBeAlive, hostLinkOn }: Who,
): { readonly record: ParentRecord; readonly steps: readonly Step[] } {
  const leaving = record.uses.filter(isLeaving);
  if (leaving.length === 0) return { record, steps: [] };
  const staying = record.uses.filter((use) => !leaving.includes(use));
  const uses = staying.some(mayBeAlive) ? staying : [];
  const link = hostLinkOn(record.parent);
  const hadAccess = record.uses.some(({ hostAccess }) => hostAccess !== undefined);
  const reaching = uses.filter(({ hostAccess }) => hostAccess !== undefined);
  const next = { ...record, uses };
  if (!hadAccess) return { record: next, steps: [] };
  if (!reaching.some(mayBeAlive))
    return { record: next, steps: [{ do: "link.delete", place: "host", link, tolerate: ["ENODEV"] }] };
  return { record: next, steps: planParting(link, leaving.flatMap(addressesOf), reaching.flatMap(addressesOf)) };
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
