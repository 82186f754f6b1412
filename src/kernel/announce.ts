import { closeSync, writeSync } from "node:fs";
import { allNodes, neighbourAdvertisement } from "../net/announcement.ts";
import { type Ip, ipToBytes } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import { icmpv6Socket } from "./libc.ts";
import { solicitNeighbour } from "./netlink/neighbour.ts";
import type { Territory } from "./places.ts";

/** Equivalent to: `arping -c 1 -U $ip`, or `ndsend $ip`; once. `link` is the index. */
export function announce(place: Territory, link: number, ip: Ip, mac: Mac): void {
  if (ip.family === 4) askForOwn(place, link, ip);
  else place.run(() => advertise(link, ip, mac));
}

/**
 * An ARP request for an address of our own, as Docker sends it. The kernel does it, since whoever closes a packet socket waits some 10 ms until
 * no processor can be using it.
 */
function askForOwn({ socket }: Territory, link: number, ip: Ip): void {
  for (const outcome of socket.requestAll(solicitNeighbour({ link, ip }))) if ("error" in outcome) throw outcome.error;
}

function advertise(link: number, ip: Ip, mac: Mac): void {
  const socket = icmpv6Socket({ from: ipToBytes(ip), to: allNodes, link });
  try {
    writeSync(socket, neighbourAdvertisement(ip, mac));
  } finally {
    closeSync(socket);
  }
}
