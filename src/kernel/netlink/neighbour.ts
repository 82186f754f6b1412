import { type Family, type Ip, ipFromBytes, ipToBytes, printIp } from "../../net/ip.ts";
import { type Mac, macFromBytes, macToBytes } from "../../net/mac.ts";
import {
  AF_INET,
  AF_INET6,
  NDA_DST,
  NDA_LLADDR,
  NLM_F_CREATE,
  NTF_USE,
  NUD_PERMANENT,
  NUD_REACHABLE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from "./constants.ts";
import { attribute, fixedPart, type Message, message } from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

export interface Neighbour {
  /** Index of the link. */
  readonly link: number;
  readonly ip: Ip;
  /** Absent while it is being asked for, and when nobody answered. */
  readonly mac: Mac | undefined;
  readonly isPermanent: boolean;
}

const NDMSG_SIZE = 12;

/** Equivalent to: `ip neighbour replace $ip lladdr $mac dev $link nud reachable|permanent` */
export function replaceNeighbour(neighbour: Neighbour & { readonly mac: Mac }): Request {
  const state = neighbour.isPermanent ? NUD_PERMANENT : NUD_REACHABLE;
  const body = [...key(neighbour, state), attribute(NDA_LLADDR, macToBytes(neighbour.mac))];
  // NLM_F_REPLACE is 0x100
  return {
    what: `replace neighbour ${printIp(neighbour.ip)}`,
    bytes: message(RTM_NEWNEIGH, NLM_F_CREATE | 0x100, body),
  };
}

/** Equivalent to: `ip neighbour delete $ip dev $link`; ENOENT when it is not there. */
export function deleteNeighbour(neighbour: Pick<Neighbour, "link" | "ip">): Request {
  return { what: `delete neighbour ${printIp(neighbour.ip)}`, bytes: message(RTM_DELNEIGH, 0, key(neighbour, 0)) };
}

/** Has the kernel ask the link for the MAC address of an IP address, and forget at once that it has. */
export function solicitNeighbour(neighbour: Pick<Neighbour, "link" | "ip">): readonly Request[] {
  const bytes = message(RTM_NEWNEIGH, NLM_F_CREATE, key(neighbour, 0, NTF_USE));
  return [{ what: `ask for ${printIp(neighbour.ip)}`, bytes }, deleteNeighbour(neighbour)];
}

/** Equivalent to: `ip -4|-6 neighbour show dev $link` */
export function listNeighbours(socket: NetlinkSocket, family: Family, link: number): Neighbour[] {
  const header = Buffer.alloc(NDMSG_SIZE);
  header.writeUInt8(addressFamily(family), 0);
  const request = { what: "list neighbours", bytes: message(RTM_GETNEIGH, 0, [header]) };
  return socket
    .dump(request)
    .flatMap(parseNeighbour)
    .filter((neighbour) => neighbour.link === link);
}

/** Nothing for an entry without an IP address. */
export function parseNeighbour({ payload }: Message): Neighbour[] {
  const { header, attributes } = fixedPart(payload, NDMSG_SIZE);
  const ip = attributes.get(NDA_DST);
  const mac = attributes.get(NDA_LLADDR);
  if (ip === undefined || (ip.length !== 4 && ip.length !== 16)) return [];
  return [
    {
      link: header.readInt32LE(4),
      ip: ipFromBytes(ip),
      mac: mac === undefined ? undefined : macFromBytes(mac),
      isPermanent: (header.readUInt16LE(8) & NUD_PERMANENT) !== 0,
    },
  ];
}

function key({ link, ip }: Pick<Neighbour, "link" | "ip">, state: number, flags = 0): Buffer[] {
  const header = Buffer.alloc(NDMSG_SIZE);
  header.writeUInt8(addressFamily(ip.family), 0);
  header.writeInt32LE(link, 4);
  header.writeUInt16LE(state, 8);
  header.writeUInt8(flags, 10);
  return [header, attribute(NDA_DST, ipToBytes(ip))];
}

function addressFamily(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}
