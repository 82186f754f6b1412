import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { HostPort } from "../net/host-port.ts";

export interface PortHolder {
  readonly pid: number;
  /** As in /proc/<pid>/comm. */
  readonly command: string;
}

/**
 * Equivalent to: `ss -lntup sport = :$port`. Undefined when that cannot be found out: a socket that is bound but does not listen is
 * not shown, and other pid namespaces have their own processes.
 */
export function findPortHolder({ family, protocol, port }: HostPort): PortHolder | undefined {
  // one of IPv6 may have the port in both families
  const tables = family === 4 ? [protocol, `${protocol}6`] : [`${protocol}6`];
  const inodes = new Set(tables.flatMap((table) => inodesOf(table, port)));
  if (inodes.size === 0) return undefined;
  const pid = entriesOf("/proc").find((name) => /^\d+$/.test(name) && hasSocket(name, inodes));
  return pid === undefined ? undefined : { pid: Number(pid), command: contentOf(`/proc/${pid}/comm`).trim() };
}

/** Of the sockets with that local port, without those that are connected with somebody. */
function inodesOf(table: string, port: number): string[] {
  const lines = contentOf(`/proc/thread-self/net/${table}`).split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", remote = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    const isOurs = Number.parseInt(local.split(":")[1] ?? "", 16) === port && remote.endsWith(":0000");
    return isOurs ? [inode] : [];
  });
}

function hasSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  return entriesOf(`/proc/${pid}/fd`).some((fd) => {
    try {
      const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inodes.has(inode);
    } catch {
      return false;
    }
  });
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
