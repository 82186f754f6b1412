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
  for (const family of [4, 6] satisfies Family[]) {
    const ports = published.filter((port) => port.family === family);
    const flows = flowsTo(ports, family, socket);
    const concerned = flows.filter((flow) =>
      ports.some((port) => port.hostPort === flow.destinationPort && isConcerned(flow, port, isLocal)),
    );
    // one that has ended meanwhile is an error that says so
    socket.requestAll(concerned.map(deleteFlow));
  }
}

/** The kernel goes through all flows each time it is asked. */
function flowsTo(ports: readonly PublishedUdp[], family: Family, socket: NetlinkSocket): readonly Flow[] {
  const [first, ...more] = new Set(ports.map(({ hostPort }) => hostPort));
  if (first === undefined) return [];
  return listFlows(socket, family, more.length === 0 ? { protocol: UDP, port: first } : { protocol: UDP });
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
