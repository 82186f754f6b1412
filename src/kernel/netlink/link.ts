import type { Mac } from "../../net/mac.ts";
import { macFromBytes, macToBytes } from "../../net/mac.ts";
import type { Link, MacvlanMode as MacvlanModeName } from "../../plan/facts.ts";
import { isErrno } from "../kernel-error.ts";
import {
  AF_UNSPEC,
  IF_OPER_UP,
  IFF_ALLMULTI,
  IFF_PROMISC,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_BR_VLAN_FILTERING,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_MODE,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_BC_QUEUE_LEN,
  IFLA_MACVLAN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_OPERSTATE,
  IFLA_TXQLEN,
  IFLA_VLAN_ID,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./constants.ts";
import {
  type Attributes,
  attribute,
  fixedPart,
  type Message,
  message,
  nested,
  readNested,
  readText,
  readU8,
  readU16,
  readU32,
  text,
  u8,
  u32,
} from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

/** linux/if_link.h */
export const MacvlanMode: Readonly<Record<MacvlanModeName, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };

const IFINFOMSG_SIZE = 16;

/** Equivalent to: `ip link delete $name` */
export function deleteLink(name: string): Request {
  return { what: `delete link ${name}`, bytes: message(RTM_DELLINK, 0, [ifinfo({}), text(IFLA_IFNAME, name)]) };
}

/** What can be changed of a link in one request. */
export interface LinkChange {
  readonly up?: boolean | undefined;
  readonly promisc?: boolean | undefined;
  readonly allmulti?: boolean | undefined;
  readonly mtu?: number | undefined;
  readonly txqlen?: number | undefined;
  readonly mac?: Mac | undefined;
  /** Index of the new bridge. */
  readonly master?: number | undefined;
  /** At most 255 bytes; an empty one takes it away. */
  readonly alias?: string | undefined;
}

/** Equivalent to: `ip link set dev $name [up] [promisc on] [allmulticast on] [mtu $mtu] [txqueuelen $n] [address $mac] [master $index] [alias $alias]` */
export function setLink(name: string, change: LinkChange): Request {
  const body = [ifinfo(change), text(IFLA_IFNAME, name)];
  if (change.mtu !== undefined) body.push(u32(IFLA_MTU, change.mtu));
  if (change.txqlen !== undefined) body.push(u32(IFLA_TXQLEN, change.txqlen));
  if (change.mac !== undefined) body.push(attribute(IFLA_ADDRESS, macToBytes(change.mac)));
  if (change.alias !== undefined) body.push(attribute(IFLA_IFALIAS, Buffer.from(change.alias)));
  if (change.master !== undefined) body.push(u32(IFLA_MASTER, change.master));
  return { what: `change link ${name}`, bytes: message(RTM_NEWLINK, 0, body) };
}

/** Equivalent to: `bridge link set dev $name [hairpin on|off] [isolated on|off]`; the link must be a port already. */
export function setPort(
  name: string,
  { hairpin, isolated }: { readonly hairpin?: boolean | undefined; readonly isolated?: boolean | undefined },
): Request {
  const flags = [];
  if (hairpin !== undefined) flags.push(u8(IFLA_BRPORT_MODE, hairpin ? 1 : 0));
  if (isolated !== undefined) flags.push(u8(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0));
  const data = nested(IFLA_INFO_SLAVE_DATA, flags);
  const info = nested(IFLA_LINKINFO, [text(IFLA_INFO_SLAVE_KIND, "bridge"), data]);
  const bytes = message(RTM_NEWLINK, 0, [ifinfo({}), text(IFLA_IFNAME, name), info]);
  return { what: `change bridge port ${name}`, bytes };
}

/** Equivalent to: `ip link show $name`, for each name; undefined when there is none. */
export function findLinks(socket: NetlinkSocket, names: readonly string[]): (Link | undefined)[] {
  return readLinks(
    socket,
    names.map((name) => getLink(`find link ${name}`, {}, [text(IFLA_IFNAME, name)])),
  );
}

/** The same for one index. */
export function findLinkByIndex(socket: NetlinkSocket, index: number): Link | undefined {
  return readLinks(socket, [getLink(`find link ${index}`, { index })])[0];
}

/** Equivalent to: `ip link show` */
export function listLinks(socket: NetlinkSocket): Link[] {
  return socket.dump(getLink("list links", {})).map(parseLink);
}

/** The link of an RTM_NEWLINK or RTM_DELLINK message. */
export function parseLink({ payload }: Message): Link {
  const { header, attributes } = fixedPart(payload, IFINFOMSG_SIZE);
  const flags = header.readUInt32LE(8);
  const info = readNested(attributes, IFLA_LINKINFO);
  const port = readNested(info, IFLA_INFO_SLAVE_DATA);
  const address = attributes.get(IFLA_ADDRESS);
  return {
    index: header.readInt32LE(4),
    name: readText(attributes, IFLA_IFNAME) ?? "",
    kind: readText(info, IFLA_INFO_KIND),
    vlanFiltering: readVlanFiltering(info),
    macvlan: readMacvlan(info),
    vlanId: readVlanId(info),
    mac: address === undefined ? undefined : macFromBytes(address),
    mtu: readU32(attributes, IFLA_MTU) ?? 0,
    isUp: (flags & IFF_UP) !== 0,
    isOperational: readU8(attributes, IFLA_OPERSTATE) === IF_OPER_UP,
    master: readU32(attributes, IFLA_MASTER),
    peer: readU32(attributes, IFLA_LINK),
    alias: readText(attributes, IFLA_IFALIAS),
    isPromiscuous: (flags & IFF_PROMISC) !== 0,
    isAllMulticast: (flags & IFF_ALLMULTI) !== 0,
    txqlen: readU32(attributes, IFLA_TXQLEN) ?? 0,
    hairpin: readU8(port, IFLA_BRPORT_MODE) === 1,
    isIsolated: readU8(port, IFLA_BRPORT_ISOLATED) === 1,
  };
}

function readVlanFiltering(info: Attributes): boolean | undefined {
  if (readText(info, IFLA_INFO_KIND) !== "bridge") return undefined;
  return readU8(readNested(info, IFLA_INFO_DATA), IFLA_BR_VLAN_FILTERING) === 1;
}

function readMacvlan(info: Attributes): Link["macvlan"] {
  if (readText(info, IFLA_INFO_KIND) !== "macvlan") return undefined;
  const data = readNested(info, IFLA_INFO_DATA);
  const mode = readU32(data, IFLA_MACVLAN_MODE);
  const modes = Object.entries(MacvlanMode) as [MacvlanModeName, number][];
  return {
    mode: modes.find(([, number]) => number === mode)?.[0],
    queueLength: readU32(data, IFLA_MACVLAN_BC_QUEUE_LEN),
  };
}

function readVlanId(info: Attributes): number | undefined {
  if (readText(info, IFLA_INFO_KIND) !== "vlan") return undefined;
  return readU16(readNested(info, IFLA_INFO_DATA), IFLA_VLAN_ID);
}

function getLink(what: string, which: { readonly index?: number }, name: readonly Buffer[] = []): Request {
  const body = [ifinfo(which), ...name, u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)];
  return { what, bytes: message(RTM_GETLINK, 0, body) };
}

function readLinks(socket: NetlinkSocket, requests: readonly Request[]): (Link | undefined)[] {
  return socket.requestAll(requests).map((outcome) => {
    if (!("error" in outcome)) return outcome.replies.map(parseLink)[0];
    if (isErrno(outcome.error, "ENODEV")) return undefined;
    throw outcome.error;
  });
}

/** Which link it is about, and its flags. */
interface LinkHeader {
  readonly index?: number;
  readonly up?: boolean | undefined;
  readonly promisc?: boolean | undefined;
  readonly allmulti?: boolean | undefined;
}

export function ifinfo({ index = 0, up, promisc, allmulti }: LinkHeader): Buffer {
  const flags = [
    [IFF_UP, up],
    [IFF_PROMISC, promisc],
    [IFF_ALLMULTI, allmulti],
  ] as const;
  const header = Buffer.alloc(IFINFOMSG_SIZE);
  header.writeUInt8(AF_UNSPEC, 0);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(sumOf(flags.filter(([, isOn]) => isOn === true)), 8);
  header.writeUInt32LE(sumOf(flags.filter(([, isOn]) => isOn !== undefined)), 12);
  return header;
}

function sumOf(flags: readonly (readonly [number, unknown])[]): number {
  return flags.reduce((sum, [flag]) => sum | flag, 0);
}
