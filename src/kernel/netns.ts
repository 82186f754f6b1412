// setns() moves the calling thread and no other, and node:fs runs its promises on a pool of threads: inside `run` only
// synchronous calls act on the namespace. The type refuses a promise.
import { closeSync, constants, openSync, statSync } from "node:fs";
import { CniError, ErrorCode } from "../protocol/error.ts";
import { isErrno } from "./kernel-error.ts";
import { enterNetns, exitNow, isNetns } from "./libc.ts";

type SyncOnly<T> = T extends PromiseLike<unknown> ? never : T;

const OWN = "/proc/thread-self/ns/net";

/** A network namespace held open: it lives at least as long as this object. */
export class NetNs {
  readonly fd: number;

  /** `path` may be a bind mount or `/proc/<pid>/ns/net`. Throws the errors of open(2), and `NotANamespace`. */
  constructor(path: string) {
    // whatever it is, opening it does not wait
    this.fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!isNetns(this.fd)) {
      closeSync(this.fd);
      throw new NotANamespace(path);
    }
  }

  /** Equivalent to: `nsenter --net=$path`, for the time of `body`. */
  run<T>(body: () => SyncOnly<T>): T {
    const own = openOwn();
    enterNetns(this.fd);
    try {
      return body();
    } finally {
      goBack(own);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

export class NotANamespace extends Error {
  constructor(path: string) {
    super(`${path} exists but is not a network namespace`);
  }
}

/** The namespace of an ADD or CHECK, which needs it. Errors: 4, naming the variable. */
export function openNetns(path: string): NetNs {
  try {
    return new NetNs(path);
  } catch (error) {
    const reason = isErrno(error, "ENOENT")
      ? `${path} does not exist`
      : error instanceof Error
        ? error.message
        : String(error);
    throw new CniError(ErrorCode.InvalidEnvironment, `CNI_NETNS: ${reason}`);
  }
}

/** The namespace of a DEL: undefined when it is gone, or when only the file is left that it was mounted on. */
export function openNetnsIfAlive(path: string | undefined): NetNs | undefined {
  if (path === undefined) return undefined;
  try {
    return new NetNs(path);
  } catch (error) {
    if (error instanceof NotANamespace || isErrno(error, "ENOENT", "ENOTDIR", "EINVAL")) return undefined;
    throw error;
  }
}

/** Whether the path is the namespace of this process; false when there is nothing there. */
export function isOwnNetns(path: string): boolean {
  const own = statSync(OWN, { bigint: true });
  try {
    const other = statSync(path, { bigint: true });
    return own.dev === other.dev && own.ino === other.ino;
  } catch {
    return false;
  }
}

let ownFd: number | undefined;

/** The way back, open from the first time on: this process belongs to one namespace for its whole life. */
function openOwn(): number {
  ownFd ??= openSync(OWN, "r");
  return ownFd;
}

/** A thread that cannot go back must not go on: everything it did would hit the container. */
function goBack(fd: number): void {
  try {
    enterNetns(fd);
  } catch {
    exitNow(1);
  }
}
