import { closeSync, writeSync } from "node:fs";
import { announcementFrame } from "../net/announcement.ts";
import type { Ip } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import { packetSocket } from "./libc.ts";

/** Equivalent to: `arping -c 1 -U $ip`, or `ndsend $ip`; once. Acts on the namespace of the thread. `link` is the index. */
export function announce(link: number, ip: Ip, mac: Mac): void {
  const socket = packetSocket(link);
  try {
    writeSync(socket, announcementFrame(ip, mac));
  } finally {
    closeSync(socket);
  }
}
