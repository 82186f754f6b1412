// VLANs of the ports of a bridge: messages of rtnetlink in the family AF_BRIDGE, linux/if_bridge.h.
import type { VidRange } from "../../net/vlan.ts";
import type { PortVlans } from "../../plan/facts.ts";
import {
  AF_BRIDGE,
  BRIDGE_FLAGS_MASTER,
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_RANGE_BEGIN,
  BRIDGE_VLAN_INFO_RANGE_END,
  BRIDGE_VLAN_INFO_UNTAGGED,
  IFLA_AF_SPEC,
  IFLA_BRIDGE_FLAGS,
  IFLA_BRIDGE_VLAN_INFO,
  IFLA_EXT_MASK,
  RTEXT_FILTER_BRVLAN_COMPRESSED,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_SETLINK,
} from "./constants.ts";
import { attribute, fixedPart, listAttributes, type Message, message, nested, u16, u32 } from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

const IFINFOMSG_SIZE = 16;

/** The port of a bridge; the name is for people. */
export interface Port {
  readonly index: number;
  readonly name: string;
}

/** Equivalent to: `bridge vlan add dev $name vid $vid [pvid] [untagged] master`, for each entry, in order. */
export function addVlans({ index, name }: Port, vlans: readonly PortVlans[]): Request {
  const what = `add VLANs to bridge port ${name}`;
  return { what, bytes: message(RTM_SETLINK, 0, [ifinfo(index), ofMaster(vlans)]) };
}

/** Equivalent to: `bridge vlan delete dev $name vid $vid master`, for each range. IDs that the port does not have are no error. */
export function deleteVlans({ index, name }: Port, vlans: readonly VidRange[]): Request {
  const plain = vlans.map((range) => ({ ...range, isPvid: false, isUntagged: false }));
  const what = `delete VLANs of bridge port ${name}`;
  return { what, bytes: message(RTM_DELLINK, 0, [ifinfo(index), ofMaster(plain)]) };
}

/** Equivalent to: `bridge -compressvlans vlan show`, by the index of the port. */
export function listPortVlans(socket: NetlinkSocket): ReadonlyMap<number, readonly PortVlans[]> {
  const body = [ifinfo(0), u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED)];
  const answers = socket.dump({ what: "list VLANs of bridge ports", bytes: message(RTM_GETLINK, 0, body) });
  return new Map(answers.map(parsePortVlans).map(({ port, vlans }) => [port, vlans]));
}

/** The VLANs in an RTM_NEWLINK message of the family AF_BRIDGE, or in a request of the above. */
export function parsePortVlans({ payload }: Message): { readonly port: number; readonly vlans: readonly PortVlans[] } {
  const { header, attributes } = fixedPart(payload, IFINFOMSG_SIZE);
  const inside = listAttributes(attributes.get(IFLA_AF_SPEC) ?? Buffer.alloc(0));
  const entries = inside.flatMap(([type, value]) => (type === IFLA_BRIDGE_VLAN_INFO ? [readVlanInfo(value)] : []));
  return { port: header.readInt32LE(4), vlans: joinRanges(entries) };
}

/** struct bridge_vlan_info */
interface VlanInfo {
  readonly flags: number;
  readonly vid: number;
}

function readVlanInfo(value: Buffer): VlanInfo {
  if (value.length < 4) throw new Error(`netlink: ${value.length} bytes are no VLAN of a bridge port`);
  return { flags: value.readUInt16LE(0), vid: value.readUInt16LE(2) };
}

/** A range is two entries: its begin and its end. */
function joinRanges(entries: readonly VlanInfo[]): PortVlans[] {
  const vlans: PortVlans[] = [];
  let begin: VlanInfo | undefined;
  for (const entry of entries) {
    const isEnd = (entry.flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0;
    if (isEnd !== (begin !== undefined)) throw new Error("netlink: a range of VLANs with only one end");
    begin ??= entry;
    if ((entry.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) continue;
    vlans.push(portVlans(begin, entry.vid));
    begin = undefined;
  }
  if (begin !== undefined) throw new Error("netlink: a range of VLANs with only one end");
  return vlans;
}

function portVlans({ flags, vid }: VlanInfo, last: number): PortVlans {
  const isPvid = (flags & BRIDGE_VLAN_INFO_PVID) !== 0;
  return { first: vid, last, isPvid, isUntagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0 };
}

function ofMaster(vlans: readonly PortVlans[]): Buffer {
  return nested(IFLA_AF_SPEC, [u16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_MASTER), ...vlans.flatMap(vlanInfos)]);
}

function vlanInfos({ first, last, isPvid, isUntagged }: PortVlans): Buffer[] {
  const flags = (isPvid ? BRIDGE_VLAN_INFO_PVID : 0) | (isUntagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
  if (first === last) return [vlanInfo(flags, first)];
  return [vlanInfo(flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, first), vlanInfo(flags | BRIDGE_VLAN_INFO_RANGE_END, last)];
}

function vlanInfo(flags: number, vid: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt16LE(flags, 0);
  value.writeUInt16LE(vid, 2);
  return attribute(IFLA_BRIDGE_VLAN_INFO, value);
}

/** The kernel knows ports by their index alone. */
function ifinfo(index: number): Buffer {
  const header = Buffer.alloc(IFINFOMSG_SIZE);
  header.writeUInt8(AF_BRIDGE, 0);
  header.writeInt32LE(index, 4);
  return header;
}
