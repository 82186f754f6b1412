// What is kept of a network namespace on disk, to tell later, from another process, whether it still exists.
import { closeSync, fstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { netlinkSocket, netnsCookie } from "./libc.ts";
import { NETLINK_ROUTE } from "./netlink/constants.ts";
import { NetNs } from "./netns.ts";

export interface NetnsRecord {
  /** Of the boot it belongs to. */
  readonly bootId: string;
  readonly path: string;
  /** `<inode>` or `<inode>:<cookie>`: an inode is soon used again by another namespace, a cookie never. */
  readonly identity: string;
}

/** Undefined for what is no namespace, and for a path that means another one to every process. */
export function recordNetns(path: string): NetnsRecord | undefined {
  if (!path.startsWith("/") || /^\/proc\/(self|thread-self)\//.test(path)) return undefined;
  const identity = identify(path);
  return identity === undefined ? undefined : { bootId: bootId(), path, identity };
}

/** Whether it is certain that the namespace does not exist any more: nothing is mounted or runs in it. */
export function isNetnsGone({ bootId: boot, path, identity }: NetnsRecord): boolean {
  if (boot !== bootId()) return true;
  return ![path, ...namespacesOfProcesses(identity)].some((candidate) => identify(candidate) === identity);
}

let ownBootId: string | undefined;

function bootId(): string {
  ownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return ownBootId;
}

function identify(path: string): string | undefined {
  try {
    using netns = new NetNs(path);
    const cookie = netns.run(readCookie);
    const { ino } = fstatSync(netns.fd);
    return cookie === undefined ? `${ino}` : `${ino}:${cookie}`;
  } catch {
    return undefined;
  }
}

function readCookie(): bigint | undefined {
  const socket = netlinkSocket(NETLINK_ROUTE);
  try {
    return netnsCookie(socket);
  } finally {
    closeSync(socket);
  }
}

/** Those with the inode, one path for each process. */
function namespacesOfProcesses(identity: string): string[] {
  const paths = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `/proc/${pid}/ns/net`);
  return paths.filter((path) => inodeOf(path) === Number.parseInt(identity, 10));
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
