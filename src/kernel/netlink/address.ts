import { type Cidr, lastIpOf, printCidr } from "../../net/cidr.ts";
import { ipFromBytes, ipToBytes } from "../../net/ip.ts";
import type { Address } from "../../plan/facts.ts";
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from "./constants.ts";
import { attribute, fixedPart, type Message, message, readU32, u32 } from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

const IFADDRMSG_SIZE = 8;

/** An IPv4 address gets the broadcast address of its network, when that has room for one. `nodad`: see ip-address(8). */
export interface NewAddress {
  readonly link: number;
  readonly linkName: string;
  readonly cidr: Cidr;
  readonly nodad?: boolean | undefined;
}

/** Equivalent to: `ip address add $cidr brd + dev $link [nodad]`; EEXIST when it is there. */
export function addAddress(address: NewAddress): Request {
  const { cidr, linkName, nodad = false } = address;
  const body = [...localAddress(address)];
  if (cidr.ip.family === 4 && cidr.prefix < 31) body.push(attribute(IFA_BROADCAST, ipToBytes(lastIpOf(cidr))));
  if (nodad) body.push(u32(IFA_FLAGS, IFA_F_NODAD));
  return {
    what: `add address ${printCidr(cidr)} to ${linkName}`,
    bytes: message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body),
  };
}

/** Equivalent to: `ip address delete $cidr dev $link` */
export function deleteAddress(address: NewAddress): Request {
  const what = `delete address ${printCidr(address.cidr)} of ${address.linkName}`;
  return { what, bytes: message(RTM_DELADDR, 0, localAddress(address)) };
}

/** Equivalent to: `ip address show dev $link` */
export function listAddresses(
  socket: NetlinkSocket,
  link: { readonly index: number; readonly name: string },
): Address[] {
  const header = Buffer.alloc(IFADDRMSG_SIZE);
  header.writeUInt32LE(link.index, 4);
  const request = { what: `list the addresses of ${link.name}`, bytes: message(RTM_GETADDR, 0, [header]) };
  // kernels before 4.20 do not filter by link
  return socket
    .dump(request)
    .map(parseAddress)
    .filter((address) => address.link === link.index);
}

/** Equivalent to: `ip address show` */
export function listAllAddresses(socket: NetlinkSocket): Address[] {
  const request = { what: "list addresses", bytes: message(RTM_GETADDR, 0, [Buffer.alloc(IFADDRMSG_SIZE)]) };
  return socket.dump(request).map(parseAddress);
}

export function parseAddress({ payload }: Message): Address {
  const { header, attributes } = fixedPart(payload, IFADDRMSG_SIZE);
  // on a point-to-point link IFA_ADDRESS is the other end
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16))
    throw new Error("netlink: an address without address");
  const flags = readU32(attributes, IFA_FLAGS) ?? header.readUInt8(2);
  return {
    link: header.readUInt32LE(4),
    cidr: { ip: ipFromBytes(bytes), prefix: header.readUInt8(1) },
    scope: header.readUInt8(3),
    isTentative: (flags & IFA_F_TENTATIVE) !== 0,
    isDuplicate: (flags & IFA_F_DADFAILED) !== 0,
  };
}

function localAddress({ link, cidr }: NewAddress): Buffer[] {
  const header = Buffer.alloc(IFADDRMSG_SIZE);
  header.writeUInt8(cidr.ip.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(cidr.prefix, 1);
  header.writeUInt8(RT_SCOPE_UNIVERSE, 3);
  header.writeUInt32LE(link, 4);
  const bytes = ipToBytes(cidr.ip);
  return [header, attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)];
}
