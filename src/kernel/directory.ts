import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno } from "./kernel-error.ts";

/**
 * Equivalent to: `mkdir -p $path`. What node:fs has for this calls a read-only file system ENOENT, and never ends where the kernel makes no
 * directories although their parent is there, as in /proc.
 */
export function makeDirectory(path: string, mode = 0o755): void {
  try {
    makeLastDirectory(path, mode);
  } catch (error) {
    if (!isErrno(error, "ENOENT") || dirname(path) === path) throw error;
    makeDirectory(dirname(path), mode);
    makeLastDirectory(path, mode);
  }
}

function makeLastDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
