import { closeSync, openSync, readSync, statSync } from "node:fs";

declare const DOCKBRIDGE_BUILD_ID: string;

/** Written behind the executable by build.mjs: a copy of the file is the same program, too. */
const MARK = `dockbridge-build:${DOCKBRIDGE_BUILD_ID}`;

/** Whether the file is the program that this process runs: the same file, or a copy of it. */
export function isThisExecutable(path: string): boolean {
  const own = statSync("/proc/self/exe", { bigint: true });
  const other = statSync(path, { bigint: true });
  if (own.dev === other.dev && own.ino === other.ino) return true;
  return own.size === other.size && lastBytes(path, Number(other.size)) === MARK;
}

function lastBytes(path: string, size: number): string {
  const bytes = Buffer.alloc(MARK.length);
  const fd = openSync(path, "r");
  try {
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("latin1");
  } finally {
    closeSync(fd);
  }
}
