import { type Family, type Ip, isLoopback, sameIp } from "../net/ip.ts";
import { listAllAddresses } from "./netlink/address.ts";
import { deleteFlow, type Flow, listFlows } from "./netlink/conntrack.ts";
import { openNetfilter } from "./netlink/nftables.ts";
import type { NetlinkSocket } from "./netlink/socket.ts";

/** IPPROTO_UDP */
const UDP = 17;

/** A port of the host, and the address of a container that it leads to, or led to. */
export interface PublishedUdp {
  readonly family: Family;
  readonly hostPort: number;
  /** Undefined for all addresses of the host. */
  readonly hostIp: Ip | undefined;
  readonly container: Ip | undefined;
}

/**
 * Equivalent to: `conntrack -D -p udp --orig-port-dst $hostPort`, but only of flows to the host itself, or to the container. A client
 * that goes on sending reaches then whomever the rules name. `host` is a route netlink socket of the host.
 */
export function forgetUdpFlows(published: readonly PublishedUdp[], host: NetlinkSocket): void {
  if (published.length === 0) return;
  using socket = openNetfilter();
  if (socket === undefined) return;
  let local: readonly Ip[] | undefined;
  const isLocal = (ip: Ip) => {
    local ??= listAllAddresses(host).map(({ cidr }) => cidr.ip);
    return isLoopback(ip) || local.some((own) => sameIp(own, ip));
  };
  for (const port of published) {
    const flows = listFlows(socket, port.family, { protocol: UDP, port: port.hostPort });
    // one that has ended meanwhile is an error that says so
    socket.requestAll(flows.filter((flow) => isConcerned(flow, port, isLocal)).map(deleteFlow));
  }
}

function isConcerned(
  { destination, replySource }: Flow,
  { hostIp, container }: PublishedUdp,
  isLocal: (ip: Ip) => boolean,
): boolean {
  if (destination === undefined) return false;
  if (hostIp !== undefined) return sameIp(destination, hostIp);
  const isToContainer = container !== undefined && replySource !== undefined && sameIp(container, replySource);
  return isToContainer || isLocal(destination);
}
