import { readFileSync, writeFileSync } from "node:fs";
import { isErrno } from "./kernel-error.ts";
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

/**
 * Equivalent to: `sysctl -w $key=$value`, but only when it has another value: a right one on a read-only /proc/sys is success.
 * Returns the value it had, or undefined when nothing was written or this kernel has no such setting.
 */
export function ensureSysctl(key: SysctlKey, value: string): string | undefined {
  const present = readSysctl(key);
  if (present === undefined || present === value) return undefined;
  try {
    // to write nothing at all would change nothing
    writeFileSync(`/proc/sys/${key}`, value === "" ? "\n" : value);
  } catch (error) {
    throw new Error(`set ${key}=${value} (it is ${present}): ${(error as Error).message}`, { cause: error });
  }
  return present;
}

/** The same for a setting that a kernel module brings, which is loaded when it is not there. Errors: that it cannot be. */
export function ensureSysctlOfModule(key: SysctlKey, value: string, module: string): string | undefined {
  if (readSysctl(key) === undefined) loadModule(module);
  if (readSysctl(key) !== undefined) return ensureSysctl(key, value);
  throw new Error(
    `set ${key}=${value}: the kernel module ${module} is not loaded, and cannot be; try: modprobe ${module}`,
  );
}
