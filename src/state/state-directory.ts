// What calls leave for those after them until the next boot, in /run.
import { renameSync, statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "../kernel/directory.ts";
import { isErrno } from "../kernel/kernel-error.ts";
import { type FileLock, takeLock } from "../kernel/lock.ts";
import { CniError, ErrorCode, messageOf } from "../protocol/error.ts";

const ROOT = "/run/dockbridge";

/** Another network namespace has bridges, rules and ports of its own. */
export function stateDirectory(): string {
  return `${ROOT}/${statSync("/proc/thread-self/ns/net").ino}`;
}

/** Whoever writes a file there has read it under this lock, which is never held for long. Errors: 11, naming the holder. */
export function lockState(checkInterrupt: () => Promise<void>): Promise<FileLock> {
  return takeLock(`${stateDirectory()}/lock`, { kind: "exclusive", mode: 0o600, checkInterrupt });
}

/** As a whole: whoever reads it sees the old content or the new. Errors: 5. */
export function replaceFile(path: string, content: string): void {
  const next = `${path}.new`;
  try {
    makeDirectory(dirname(path));
    writeFileSync(next, content, { mode: 0o600 });
    renameSync(next, path);
  } catch (error) {
    removeIfThere(next);
    if (!isErrno(error, "ENOSPC") || !fits(path, content)) throw unwritable(path, error);
    overwrite(path, content);
  }
}

/** Errors: 5. That it is not there is none. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT"))
      throw new CniError(ErrorCode.IoFailure, `cannot remove ${path}: ${messageOf(error)}`);
  }
}

/** Nobody who leaves shall need room for that. */
function fits(path: string, content: string): boolean {
  const present = statSync(path, { throwIfNoEntry: false });
  return present !== undefined && present.size >= Buffer.byteLength(content);
}

function overwrite(path: string, content: string): void {
  try {
    writeFileSync(path, content, { flag: "r+" });
    truncateSync(path, Buffer.byteLength(content));
  } catch (error) {
    throw unwritable(path, error);
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // the first failure is the one to tell
  }
}

function unwritable(path: string, error: unknown): CniError {
  return new CniError(ErrorCode.IoFailure, `cannot write ${path}: ${messageOf(error)}`);
}
