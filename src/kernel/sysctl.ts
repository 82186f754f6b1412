import { readFileSync, writeFileSync } from "node:fs";
import { isErrno, KernelError } from "./kernel-error.ts";
import { loadModule } from "./kernel-module.ts";

/** A key with slashes, because interface names may have dots: `net/ipv4/conf/eth0.100/arp_notify`. */
export type SysctlKey = string;

/** Equivalent to: `sysctl -n $key`; undefined when this kernel has no such setting. Acts on the namespace of the thread. */
export function readSysctl(key: SysctlKey): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key}`, "utf8").trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Whether it is the error of a setting that is there, and can only be written, or has no value yet: `net.ipv4.route.flush`, `stable_secret`. */
export function isUnreadable(error: unknown): boolean {
  return isErrno(error, "EACCES", "EIO");
}

/**
 * Equivalent to: `sysctl -w $key=$value`, but only when it has another value: a right one on a read-only /proc/sys is success.
 * Returns the value it had, or undefined when nothing was written, this kernel has no such setting, or it cannot be read.
 */
export function ensureSysctl(key: SysctlKey, value: string): string | undefined {
  const present = readIfReadable(key);
  if (present === undefined || present === value) return undefined;
  try {
    // to write nothing at all would change nothing
    writeFileSync(`/proc/sys/${key}`, value === "" ? "\n" : value);
  } catch (error) {
    const is = present === null ? "" : ` (it is ${present})`;
    throw new KernelError(`set ${key}=${value}${is}`, -((error as NodeJS.ErrnoException).errno ?? 0));
  }
  return present ?? undefined;
}

/** Null for one that cannot be read. */
function readIfReadable(key: SysctlKey): string | null | undefined {
  try {
    return readSysctl(key);
  } catch (error) {
    if (isUnreadable(error)) return null;
    throw error;
  }
}

/** The same for a setting that a kernel module brings, which is loaded when it is not there. Errors: that it cannot be. */
export function ensureSysctlOfModule(key: SysctlKey, value: string, module: string): string | undefined {
  if (readSysctl(key) === undefined) loadModule(module);
  if (readSysctl(key) !== undefined) return ensureSysctl(key, value);
  throw new Error(
    `set ${key}=${value}: the kernel module ${module} is not loaded, and cannot be; try: modprobe ${module}`,
  );
}
