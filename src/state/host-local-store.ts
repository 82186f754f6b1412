// The reservations of host-local, in the files of the reference: `<dataDir>/<network>/<ip>` holds `<container id>\r\n<ifname>`,
// `last_reserved_ip.<n>` the last address of range set n, and `lock` is locked with flock(2) by whoever changes something.
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { takeLock } from "../kernel/lock.ts";
import { type Ip, parseIp, printIp } from "../net/ip.ts";
import type { Attachment } from "../protocol/plugin.ts";

const LOCK_FILE = "lock";
/** Names of files that are still being written start so; whoever holds the lock may remove them. */
const UNFINISHED = ".unfinished-";

export class HostLocalStore {
  readonly #directory: string;
  readonly #lock: Disposable;
  /** Names of the files that stand for an address. Nobody else changes them while the lock is held. */
  readonly #names: Set<string>;

  private constructor(directory: string, lock: Disposable) {
    this.#directory = directory;
    this.#lock = lock;
    this.#names = new Set(readdirSync(directory).filter((name) => parseIp(name) !== undefined));
  }

  /** Waits for the lock, which is held until the store is disposed of. Errors: 11, naming who holds it. */
  static async open(dataDir: string, network: string, checkInterrupt: () => Promise<void>): Promise<HostLocalStore> {
    const directory = `${dataDir}/${network}`;
    const lock = await takeLock(`${directory}/${LOCK_FILE}`, { kind: "exclusive", mode: 0o750, checkInterrupt });
    return new HostLocalStore(directory, lock);
  }

  isTaken(ip: Ip): boolean {
    return this.#names.has(printIp(ip));
  }

  /** The addresses of an attachment. One that only the container id is on record for, as old releases wrote it, counts when there is no other. */
  findByOwner(owner: Attachment): Ip[] {
    const held = Array.from(this.#names, (name) => ({ name, content: this.#read(name)?.trim() }));
    const exact = held.filter(({ content }) => content === contentFor(owner));
    const found = exact.length > 0 ? exact : held.filter(({ content }) => content === owner.containerId);
    return found.flatMap(({ name }) => parseIp(name) ?? []);
  }

  /** False when the address is taken. The file appears with its whole content, or not at all. */
  reserve(ip: Ip, owner: Attachment, rangeSet: number): boolean {
    const unfinished = this.#write(printIp(ip), contentFor(owner));
    try {
      linkSync(unfinished, this.#path(printIp(ip)));
    } catch (error) {
      if (isErrno(error, "EEXIST")) return false;
      throw error;
    } finally {
      unlinkSync(unfinished);
    }
    this.#names.add(printIp(ip));
    const last = lastReservedName(rangeSet);
    renameSync(this.#write(last, printIp(ip)), this.#path(last));
    return true;
  }

  release(ip: Ip): void {
    rmSync(this.#path(printIp(ip)), { force: true });
    this.#names.delete(printIp(ip));
  }

  lastReserved(rangeSet: number): Ip | undefined {
    return parseIp(this.#read(lastReservedName(rangeSet))?.trim() ?? "");
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(this.#path(name), "utf8");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  #write(name: string, content: string): string {
    const path = this.#path(`${UNFINISHED}${name}`);
    const fd = openSync(path, "w", 0o600);
    try {
      writeSync(fd, content);
    } finally {
      closeSync(fd);
    }
    return path;
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }
}

/** The library trims the container id of white space. */
function contentFor({ containerId, ifname }: Attachment): string {
  return `${containerId.trim()}\r\n${ifname}`;
}

function lastReservedName(rangeSet: number): string {
  return `last_reserved_ip.${rangeSet}`;
}
