// What is kept of a network namespace on disk, to tell later, from another process, whether it still exists.
import { closeSync, fstatSync, readFileSync, readlinkSync } from "node:fs";
import { isErrno } from "./kernel-error.ts";
import { netlinkSocket, netnsCookie } from "./libc.ts";
import { NETLINK_ROUTE } from "./netlink/constants.ts";
import { NetNs, NotANamespace } from "./netns.ts";
import { searchNetns, type Trace } from "./netns-search.ts";

export interface NetnsRecord {
  /** Of the boot it belongs to. */
  readonly bootId: string;
  readonly path: string;
  /** `<inode>` or `<inode>:<cookie>`: an inode is soon used again by another namespace, a cookie never. */
  readonly identity: string;
  /** The pid and mount namespaces of the one who wrote it: another one may not see what it saw. */
  readonly viewpoint: string;
}

/** Undefined for what is no namespace, for a path that means another one to every process, and where the boot has no id. */
export function recordNetns(path: string): NetnsRecord | undefined {
  if (!path.startsWith("/") || /^\/proc\/(self|thread-self)\//.test(path)) return undefined;
  const identity = identify(path);
  if (identity === "unknown" || identity === "none") return undefined;
  const [boot, from] = [bootId(), viewpoint()];
  return boot === undefined || from === undefined ? undefined : { bootId: boot, path, identity, viewpoint: from };
}

export function isSameNetns(a: NetnsRecord, b: NetnsRecord): boolean {
  return a.bootId === b.bootId && a.identity === b.identity;
}

/**
 * Returns whether it is certain that a namespace does not exist any more: what cannot be seen is no proof. The machine is searched once,
 * and only when a namespace is not where it was.
 */
export function judgeNetns(): (record: NetnsRecord) => boolean {
  let found: { readonly traces: ReturnType<typeof searchNetns> } | undefined;
  const tracesOf = (inode: number) => {
    found ??= { traces: searchNetns() };
    return found.traces === undefined ? undefined : (found.traces.get(inode) ?? []);
  };
  return (record) => isGone(record, tracesOf);
}

type TracesOf = (inode: number) => readonly Trace[] | undefined;

function isGone({ bootId: boot, path, identity, viewpoint: from }: NetnsRecord, tracesOf: TracesOf): boolean {
  const current = bootId();
  if (current === undefined) return false;
  // numbers and paths are soon the same again after a boot
  if (boot !== current) return true;
  const found = identify(path);
  if (found === identity || found === "unknown" || from !== viewpoint()) return false;
  const traces = tracesOf(Number.parseInt(identity, 10));
  return traces !== undefined && !traces.some((trace) => mayBe(identity, trace));
}

/** What is mounted but hidden by another mount cannot be told from others with the inode. */
function mayBe(identity: string, { path, isMount }: Trace): boolean {
  const found = identify(path);
  return found === identity || found === "unknown" || (isMount && found === "none");
}

let ownBootId: string | undefined;

/** Undefined when it cannot be read, or is hidden behind something else. */
export function bootId(): string | undefined {
  ownBootId ??= readIfPossible("/proc/sys/kernel/random/boot_id");
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(ownBootId) ? ownBootId : undefined;
}

function viewpoint(): string | undefined {
  try {
    return `${readlinkSync("/proc/self/ns/pid")} ${readlinkSync("/proc/self/ns/mnt")}`;
  } catch {
    return undefined;
  }
}

/** `none` when there is certainly no namespace at the path. */
function identify(path: string): string {
  try {
    using netns = new NetNs(path);
    const cookie = netns.run(readCookie);
    const { ino } = fstatSync(netns.fd);
    return cookie === undefined ? `${ino}` : `${ino}:${cookie}`;
  } catch (error) {
    return error instanceof NotANamespace || isErrno(error, "ENOENT", "ENOTDIR", "ESRCH") ? "none" : "unknown";
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

function readIfPossible(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
