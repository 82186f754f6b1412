// What calls leave for those after them until the next boot, in /run.
import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type FileLock, takeLock } from "../kernel/lock.ts";

const ROOT = "/run/dockbridge";

/** Another network namespace has bridges, rules and ports of its own. */
export function stateDirectory(): string {
  return `${ROOT}/${statSync("/proc/thread-self/ns/net").ino}`;
}

/** Whoever writes a file there has read it under this lock, which is never held for long. Errors: 11, naming the holder. */
export function lockState(checkInterrupt: () => Promise<void>): Promise<FileLock> {
  return takeLock(`${stateDirectory()}/lock`, { kind: "exclusive", mode: 0o600, checkInterrupt });
}

/** As a whole: whoever reads it sees the old content or the new. */
export function replaceFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
