// VLANs of the container's port: the fields `vlan`, `vlanTrunk` and `preserveDefaultVlan`.
import { printVids, unionOf, VID, type VidRange, without } from "../../net/vlan.ts";
import type { Link, PortVlans } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import { array, integer, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";

export interface Vlans {
  /** The VLAN of what the container sends untagged. */
  readonly own: number | undefined;
  /** VLANs of what it sends tagged, in order. */
  readonly trunk: readonly VidRange[];
  /** The VLAN that a bridge gives to every new port, usually 1, stays. */
  readonly preserveDefault: boolean;
}

export interface VlanFields {
  readonly vlan?: number | undefined;
  readonly vlanTrunk?: readonly TrunkEntry[] | undefined;
  readonly preserveDefaultVlan?: boolean | undefined;
}

interface TrunkEntry {
  readonly id?: number | undefined;
  readonly minID?: number | undefined;
  readonly maxID?: number | undefined;
}

export const vlanTrunk = array(struct({ id: integer, minID: integer, maxID: integer }));

/** The native VLAN of a trunk, as in the reference. */
const NATIVE = 1;

/** Undefined when no VLAN is asked for; an empty trunk does ask for a bridge that filters. Errors: 7. */
export function checkVlans({ vlan = 0, vlanTrunk: trunk, preserveDefaultVlan = false }: VlanFields): Vlans | undefined {
  if (vlan < 0 || vlan > VID.most) throw invalid(`invalid VLAN ID ${vlan} (must be between 0 and ${VID.most})`);
  const ranges = unionOf((trunk ?? []).flatMap(rangesOf));
  if (vlan === 0 && trunk === undefined) return undefined;
  return { own: vlan === 0 ? undefined : vlan, trunk: ranges, preserveDefault: preserveDefaultVlan };
}

/** What the container's port is to have, none in two entries. The VLAN of what is untagged stays that when the trunk has it too. */
export function portVlansOf({ own, trunk }: Vlans): PortVlans[] {
  if (own === undefined && trunk.length === 0) return [];
  const pvid = own ?? NATIVE;
  const tagged = without(pvid, trunk).map((range) => ({ ...range, isPvid: false, isUntagged: false }));
  return [{ first: pvid, last: pvid, isPvid: true, isUntagged: true }, ...tagged];
}

/** Before the port forwards anything. It is a port already, with the VLANs that the bridge gives to every new one. */
export function planPortVlans(link: string, vlans: Vlans | undefined): Step[] {
  const wanted = vlans === undefined ? [] : portVlansOf(vlans);
  if (vlans === undefined || wanted.length === 0) return [];
  const all = { first: VID.least, last: VID.most };
  const port = { place: "host", link } as const;
  return [
    ...(vlans.preserveDefault ? [] : [{ do: "vlan.delete", ...port, vlans: [all] } satisfies Step]),
    { do: "vlan.add", ...port, vlans: wanted },
  ];
}

/** As in the reference an existing bridge is not changed; here it is not taken for one that keeps VLANs apart either. */
export function filteringConflict(
  { bridge: name, vlans }: { readonly bridge: string; readonly vlans: Vlans | undefined },
  bridge: Link | undefined,
): string | undefined {
  if (vlans === undefined || bridge?.vlanFiltering !== false) return undefined;
  return `${name} does not filter VLANs, so vlan and vlanTrunk would have no effect: \`ip link set ${name} type bridge vlan_filtering 1\` turns it on`;
}

/** For CHECK: what the port should have and does not; it may have more. */
export function missingVlans(link: string, vlans: Vlans | undefined, present: readonly PortVlans[]): string[] {
  const wanted = vlans === undefined ? [] : portVlansOf(vlans);
  const missing = wanted.filter((range) => !present.some((other) => covers(other, range)));
  return missing.map((range) => `${link} is not in VLAN ${printVids(range)}${range.isPvid ? " untagged" : ""}`);
}

function covers(present: PortVlans, wanted: PortVlans): boolean {
  const isSame = present.isPvid === wanted.isPvid && present.isUntagged === wanted.isUntagged;
  return isSame && present.first <= wanted.first && present.last >= wanted.last;
}

function rangesOf({ id, minID, maxID }: TrunkEntry): VidRange[] {
  return [...spanOf(minID, maxID), ...(id === undefined ? [] : [{ first: checkId("id", id), last: id }])];
}

function spanOf(minID: number | undefined, maxID: number | undefined): VidRange[] {
  if (minID === undefined && maxID === undefined) return [];
  if (minID === undefined) throw invalid("minID and maxID should be configured simultaneously, minID is missing");
  if (maxID === undefined) throw invalid("minID and maxID should be configured simultaneously, maxID is missing");
  const range = { first: checkId("minID", minID), last: checkId("maxID", maxID) };
  if (range.first <= range.last) return [range];
  throw invalid(`minID is greater than maxID in trunk parameter (${minID} and ${maxID})`);
}

function checkId(name: string, id: number): number {
  if (id >= VID.least && id <= VID.most) return id;
  throw invalid(`incorrect trunk ${name} parameter ${id} (must be between ${VID.least} and ${VID.most})`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `bridge: ${problem}`);
}
