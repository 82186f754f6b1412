import { closeSync } from "node:fs";
import type { HostPort } from "../net/host-port.ts";
import { bitsOf, ipToBytes } from "../net/ip.ts";
import { isErrno } from "./kernel-error.ts";
import { bindInet, inetSocket } from "./libc.ts";
import { hasConnections } from "./port-holder.ts";

/** IPPROTO_* */
const numbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/**
 * Whether a process of the host has the port: nobody could be let through to the container then, or the process would lose its clients.
 * It is bound to and let go, never listened at. An address that the host does not have, and a protocol that it does not speak, is in use by nobody.
 */
export function isPortTaken(port: HostPort): boolean {
  if (port.protocol === "udp") return !canBind(port, { reuse: false });
  // connections of an earlier server that are still ending are not in the way of a new one, nor is who may share the port and does not listen
  if (!canBind(port, { reuse: true })) return true;
  return !canBind(port, { reuse: false }) && !hasConnections(port);
}

function canBind({ family, protocol, port, ip }: HostPort, { reuse }: { readonly reuse: boolean }): boolean {
  let socket: number | undefined;
  try {
    socket = inetSocket({ isIpv6: family === 6, isStream: protocol !== "udp", protocol: numbers[protocol], reuse });
    bindInet(socket, ip === undefined ? new Uint8Array(bitsOf(family) / 8) : ipToBytes(ip), port);
    return true;
  } catch (error) {
    if (isErrno(error, "EADDRINUSE")) return false;
    if (isErrno(error, "EADDRNOTAVAIL", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EAFNOSUPPORT", "EACCES")) return true;
    throw error;
  } finally {
    if (socket !== undefined) closeSync(socket);
  }
}
