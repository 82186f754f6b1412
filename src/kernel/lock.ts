import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { CniError, ErrorCode } from "../protocol/error.ts";
import { makeDirectory } from "./directory.ts";
import { isErrno } from "./kernel-error.ts";
import { tryLock } from "./libc.ts";

const DEADLINE_MILLISECONDS = 30_000;
const LONGEST_PAUSE_MILLISECONDS = 20;

/** An flock(2) on a file that stays: other programs take the same lock. Ends with the object, at the latest with the process. */
export class FileLock {
  readonly #fd: number;
  #isOpen = true;

  /** With a mode the file is made when it is not there, with its directory. */
  constructor(path: string, mode?: number) {
    this.#fd = mode === undefined ? openSync(path, "r") : openWithDirectory(path, mode);
  }

  tryTake(kind: "shared" | "exclusive"): boolean {
    return tryLock(this.#fd, kind);
  }

  /** The process that holds the lock, as the kernel shows it: `pid 4711 (host-local)`. */
  holder(): string {
    const { dev, ino } = fstatSync(this.#fd);
    const locks = readFileSync("/proc/locks", "latin1").split("\n");
    const holders = locks.flatMap((line) => {
      const [, type, , , pid = "", file = ""] = line.trim().split(/\s+/);
      const [major = "", minor = "", number] = file.split(":");
      return type === "FLOCK" && number === String(ino) ? [{ pid, device: `${major}:${minor}` }] : [];
    });
    // some file systems show processes another device number than the kernel has for them
    const holder = holders.find(({ device }) => device === printDevice(dev)) ?? holders[0];
    return holder === undefined ? "an unknown process" : `pid ${holder.pid} (${commandOf(holder.pid)})`;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

/**
 * Takes the lock, waiting for at most 30 s: flock itself knows no time limit. Errors: 11, naming the holder.
 * `pause` is called between the attempts, and may end the wait by throwing.
 */
export async function takeLock(
  path: string,
  options: {
    readonly kind: "shared" | "exclusive";
    readonly mode?: number;
    readonly checkInterrupt: () => Promise<void>;
  },
): Promise<FileLock> {
  const lock = new FileLock(path, options.mode);
  try {
    await waitFor(lock, path, options);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function waitFor(
  lock: FileLock,
  path: string,
  { kind, checkInterrupt }: { readonly kind: "shared" | "exclusive"; readonly checkInterrupt: () => Promise<void> },
): Promise<void> {
  const deadline = Date.now() + DEADLINE_MILLISECONDS;
  for (let pause = 1; !lock.tryTake(kind); pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)) {
    if (Date.now() > deadline) {
      const message = `${path} has been locked for ${DEADLINE_MILLISECONDS / 1000} s by ${lock.holder()}`;
      throw new CniError(ErrorCode.TryAgainLater, message);
    }
    await checkInterrupt();
    // not all who wait at the same time shall try again at the same time
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}

function openWithDirectory(path: string, mode: number): number {
  try {
    return openSync(path, "a+", mode);
  } catch (error) {
    // who only looks can do so where nothing can be written
    if (isErrno(error, "EROFS")) return openExisting(path, error);
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectory(dirname(path));
    return openSync(path, "a+", mode);
  }
}

function openExisting(path: string, why: unknown): number {
  try {
    return openSync(path, "r");
  } catch {
    throw why;
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "which has ended";
  }
}

/** As in /proc/locks: `00:2a`. The layout of dev_t is that of gnu_dev_major(3). */
function printDevice(dev: number): string {
  const number = BigInt(dev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
}
