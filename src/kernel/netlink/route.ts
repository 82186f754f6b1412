import { isDefault, networkOf, printCidr } from "../../net/cidr.ts";
import { bitsOf, type Family, type Ip, ipFromBytes, ipToBytes, printIp } from "../../net/ip.ts";
import { type Route, routeTable } from "../../net/route.ts";
import type { KernelRoute } from "../../plan/facts.ts";
import { isErrno } from "../kernel-error.ts";
import {
  AF_INET,
  AF_INET6,
  NLM_F_CREATE,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTAX_ADVMSS,
  RTAX_MTU,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTPROT_BOOT,
} from "./constants.ts";
import {
  attribute,
  fixedPart,
  type Message,
  message,
  nested,
  parseAttributes,
  readNested,
  readU32,
  u32,
} from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

export interface NewRoute extends Route {
  /** Index of the link. */
  readonly link: number;
  /** The address that this host has towards the destination, unless a program says another. */
  readonly src?: Ip | undefined;
}

const RTMSG_SIZE = 12;
const RTNEXTHOP_SIZE = 8;

/** Equivalent to: `ip route add $dst [via $gw] dev $link [src $src] [mtu ..] [advmss ..] [metric ..] [table ..] [scope ..]`; EEXIST when it is there. */
export function addRoute(route: NewRoute): Request {
  return {
    what: `add ${words(route)}`,
    bytes: message(RTM_NEWROUTE, NLM_F_CREATE, [newHeader(route), ...routeAttributes(route)]),
  };
}

/** Equivalent to: `ip route delete $dst ...`, whoever made it. ESRCH when it is not there. */
export function deleteRoute(route: NewRoute): Request {
  return {
    what: `delete ${words(route)}`,
    bytes: message(RTM_DELROUTE, 0, [oldHeader(route), ...routeAttributes(route)]),
  };
}

/** Equivalent to: `ip -4|-6 route show table all` */
export function listRoutes(socket: NetlinkSocket, family: Family): KernelRoute[] {
  const header = Buffer.alloc(RTMSG_SIZE);
  header.writeUInt8(family === 4 ? AF_INET : AF_INET6, 0);
  const request = { what: `list the IPv${family} routes`, bytes: message(RTM_GETROUTE, 0, [header]) };
  return socket.dump(request).flatMap(parseRoute);
}

/** Equivalent to: `ip route get $ip`; undefined when there is no way. */
export function findRoute(socket: NetlinkSocket, ip: Ip): KernelRoute | undefined {
  const header = Buffer.alloc(RTMSG_SIZE);
  header.writeUInt8(ip.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(bitsOf(ip.family), 1);
  const what = `find the route to ${printIp(ip)}`;
  const [outcome] = socket.requestAll([
    { what, bytes: message(RTM_GETROUTE, 0, [header, attribute(RTA_DST, ipToBytes(ip))]) },
  ]);
  if (outcome === undefined || "replies" in outcome) return outcome?.replies.flatMap(parseRoute)[0];
  if (isErrno(outcome.error, "ENETUNREACH", "EHOSTUNREACH", "EINVAL", "EACCES")) return undefined;
  throw outcome.error;
}

export function parseRoute({ payload }: Message): KernelRoute[] {
  const { header, attributes } = fixedPart(payload, RTMSG_SIZE);
  const isIpv4 = header.readUInt8(0) === AF_INET;
  const dst = {
    ip: ipFromBytes(attributes.get(RTA_DST) ?? Buffer.alloc(isIpv4 ? 4 : 16)),
    prefix: header.readUInt8(1),
  };
  const table = readU32(attributes, RTA_TABLE) ?? header.readUInt8(4);
  const priority = readU32(attributes, RTA_PRIORITY) ?? 0;
  const mtu = readU32(readNested(attributes, RTA_METRICS), RTAX_MTU);
  const hops = attributes.get(RTA_MULTIPATH);
  const ways =
    hops === undefined
      ? [{ link: readU32(attributes, RTA_OIF), gateway: attributes.get(RTA_GATEWAY) }]
      : parseHops(hops);
  return ways.map(({ link, gateway }) => ({
    dst,
    link,
    gw: gateway === undefined ? undefined : ipFromBytes(gateway),
    table,
    priority,
    mtu,
  }));
}

function parseHops(bytes: Buffer): { link: number; gateway: Buffer | undefined }[] {
  const hops = [];
  for (let at = 0; bytes.length - at >= RTNEXTHOP_SIZE; ) {
    const length = bytes.readUInt16LE(at);
    if (length < RTNEXTHOP_SIZE || length > bytes.length - at)
      throw new Error(`netlink: a next hop claims ${length} bytes`);
    const attributes = parseAttributes(bytes.subarray(at + RTNEXTHOP_SIZE, at + length));
    hops.push({ link: bytes.readInt32LE(at + 4), gateway: attributes.get(RTA_GATEWAY) });
    at += (length + 3) & ~3;
  }
  return hops;
}

function newHeader(route: NewRoute): Buffer {
  const header = headerOf(route);
  header.writeUInt8(RTPROT_BOOT, 5);
  header.writeUInt8(route.scope ?? RT_SCOPE_UNIVERSE, 6);
  header.writeUInt8(RTN_UNICAST, 7);
  return header;
}

/** What is left open matches any: protocol 0, type 0. */
function oldHeader(route: NewRoute): Buffer {
  const header = headerOf(route);
  header.writeUInt8(route.scope ?? RT_SCOPE_NOWHERE, 6);
  return header;
}

/** It has room for tables up to 255 only; the attribute counts. */
function headerOf({ dst: { ip, prefix }, table }: NewRoute): Buffer {
  const header = Buffer.alloc(RTMSG_SIZE);
  header.writeUInt8(ip.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(prefix, 1);
  header.writeUInt8(routeTable(table) > 255 ? RT_TABLE_UNSPEC : routeTable(table), 4);
  return header;
}

function routeAttributes(route: NewRoute): Buffer[] {
  const body = [u32(RTA_OIF, route.link), u32(RTA_TABLE, routeTable(route.table))];
  if (!isDefault(route.dst)) body.push(attribute(RTA_DST, ipToBytes(networkOf(route.dst).ip)));
  if (route.gw !== undefined) body.push(attribute(RTA_GATEWAY, ipToBytes(route.gw)));
  if (route.src !== undefined) body.push(attribute(RTA_PREFSRC, ipToBytes(route.src)));
  if (route.priority !== undefined) body.push(u32(RTA_PRIORITY, route.priority));
  const metrics = [];
  if (route.mtu !== undefined) metrics.push(u32(RTAX_MTU, route.mtu));
  if (route.advmss !== undefined) metrics.push(u32(RTAX_ADVMSS, route.advmss));
  if (metrics.length > 0) body.push(nested(RTA_METRICS, metrics));
  return body;
}

function words({ dst, gw }: NewRoute): string {
  return gw === undefined ? `route ${printCidr(dst)}` : `route ${printCidr(dst)} via ${printIp(gw)}`;
}
