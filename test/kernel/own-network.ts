// The kernel layer acts on the namespaces of its own process, which for these tests must not be the machine's.
import { execFileSync } from "node:child_process";
import ffi from "node:ffi";
import { readlinkSync } from "node:fs";

const CLONE_NEWNS = 0x00020000;
const CLONE_NEWNET = 0x40000000;

/** Moves this process, which vitest started for one file, into an empty network and mounts of its own for the rest of its life. */
export function leaveTheMachine(): void {
  const signature = { arguments: ["int32"], return: "int32" } as const;
  const failed = new ffi.DynamicLibrary(null).getFunction("unshare", signature)(CLONE_NEWNS | CLONE_NEWNET) !== 0;
  if (failed || ownNetwork() === readlinkSync(`/proc/${process.ppid}/ns/net`)) {
    throw new Error("this process could not leave the network of the machine: is this root?");
  }
  sh("mount --make-rprivate / && ip link set lo up");
}

/** What tells namespaces apart: `net:[4026532177]` */
export function ownNetwork(): string {
  return readlinkSync("/proc/thread-self/ns/net");
}

/** A command line in the namespaces of this process; throws when it fails. Returns its output without white space around it. */
export function sh(command: string): string {
  return execFileSync("sh", ["-ec", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}
