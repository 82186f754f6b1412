// Where the network namespaces of this machine are to be found: those that threads are in, that are open, and that are mounted.
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { isErrno } from "./kernel-error.ts";

export interface Trace {
  readonly path: string;
  readonly isMount: boolean;
}

/** By inode, what leads to it; undefined when not everything could be seen. */
export function searchNetns(): ReadonlyMap<number, readonly Trace[]> | undefined {
  const traces = new Map<number, Trace[]>();
  const add = (inode: number, trace: Trace) => traces.set(inode, [...(traces.get(inode) ?? []), trace]);
  const mountNamespaces = new Set<string>();
  try {
    // what the first process of all has is not a container's, and it may be hidden from everybody
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== "1")) {
      searchProcess(`/proc/${pid}`, mountNamespaces, add);
    }
    return traces;
  } catch {
    return undefined;
  }
}

type Add = (inode: number, trace: Trace) => void;

/** What ends meanwhile is passed over; anything else that cannot be read is thrown. */
function searchProcess(process: string, mountNamespaces: Set<string>, add: Add): void {
  for (const task of ifThere(() => readdirSync(`${process}/task`)) ?? []) {
    addLink(`${process}/task/${task}/ns/net`, add);
  }
  for (const fd of ifThere(() => readdirSync(`${process}/fd`)) ?? []) addLink(`${process}/fd/${fd}`, add);
  const mountNamespace = ifThere(() => readlinkSync(`${process}/ns/mnt`));
  if (mountNamespace === undefined || mountNamespaces.has(mountNamespace)) return;
  mountNamespaces.add(mountNamespace);
  for (const line of (ifThere(() => readFileSync(`${process}/mountinfo`, "utf8")) ?? "").split("\n")) {
    addMount(line, `${process}/root`, add);
  }
}

function addLink(path: string, add: Add): void {
  const text = ifThere(() => readlinkSync(path)) ?? "";
  // an open namespace that is mounted has the name of the mount
  const inode = inodeIn(text) ?? (/^\/(?!dev\/|memfd:)/.test(text) ? inodeOfNamespace(path) : undefined);
  if (inode !== undefined) add(inode, { path, isMount: false });
}

/** Undefined for what is on another file system than all namespaces are. */
function inodeOfNamespace(path: string): number | undefined {
  const stat = ifThere(() => statSync(path));
  return stat !== undefined && stat.dev === statSync("/proc/self/ns/net").dev ? stat.ino : undefined;
}

/** proc_pid_mountinfo(5): the fourth field is what is mounted, the fifth where, with some characters in octal. */
function addMount(line: string, root: string, add: Add): void {
  const [, , , mounted = "", place = ""] = line.split(" ");
  const inode = inodeIn(mounted);
  if (inode === undefined) return;
  const path = place.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  add(inode, { path: `${root}${path}`, isMount: true });
}

/** `net:[4026532177]` */
function inodeIn(text: string): number | undefined {
  const [, inode] = /^net:\[(\d+)\]$/.exec(text) ?? [];
  return inode === undefined ? undefined : Number(inode);
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "ENOTDIR", "EINVAL")) return undefined;
    throw error;
  }
}
