import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { HostPort } from "../net/host-port.ts";
import type { Family } from "../net/ip.ts";
import type { Protocol } from "../net/port-mapping.ts";

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
  const sockets = tablesOf(family, protocol).flatMap((table) => socketsAt(table, port));
  const inodes = new Set(sockets.flatMap(({ inode, isConnected }) => (isConnected ? [] : [inode])));
  if (inodes.size === 0) return undefined;
  const pid = entriesOf("/proc").find((name) => /^\d+$/.test(name) && hasSocket(name, inodes));
  return pid === undefined ? undefined : { pid: Number(pid), command: contentOf(`/proc/${pid}/comm`).trim() };
}

/** Whether sockets with the port are connected with somebody, or were a moment ago. */
export function hasConnections({ family, protocol, port }: HostPort): boolean {
  return tablesOf(family, protocol).some((table) => socketsAt(table, port).some(({ isConnected }) => isConnected));
}

/** One of IPv6 may have a port in both families. */
function tablesOf(family: Family, protocol: Protocol): readonly string[] {
  return family === 4 ? [protocol, `${protocol}6`] : [`${protocol}6`];
}

function socketsAt(table: string, port: number): readonly { readonly inode: string; readonly isConnected: boolean }[] {
  const lines = contentOf(`/proc/thread-self/net/${table}`).split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", remote = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    const isThere = Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return isThere ? [{ inode, isConnected: !remote.endsWith(":0000") }] : [];
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
