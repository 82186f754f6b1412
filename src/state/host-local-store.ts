// The reservations of host-local, in the files of the reference: `<dataDir>/<network>/<ip>` holds `<container id>\r\n<ifname>`,
// `last_reserved_ip.<n>` the last address of range set n, and `lock` is locked with flock(2) by whoever changes something.
// `<dataDir>/.dockbridge/<network>` is our index of them. Nothing is flushed to the disk: after a power failure no container is alive,
// and a damaged file is free.
import { linkSync, lstatSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { takeLock } from "../kernel/lock.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import { type Ip, parseIp, printIp } from "../net/ip.ts";
import { messageOf } from "../protocol/error.ts";
import type { Attachment, Surroundings } from "../protocol/plugin.ts";
import { HostLocalIndex } from "./host-local-index.ts";
import { type IndexLine, printOwner } from "./reservation.ts";
import { identify, readIfThere, readReservation } from "./reservation-file.ts";

export interface StorePlace {
  readonly dataDir: string;
  readonly network: string;
}

export interface Reservation {
  readonly ip: Ip;
  /** Of its file: the address, as a rule in its usual spelling. */
  readonly name: string;
  /** The interface name is empty when a release made it that did not write it. */
  readonly owner: Attachment;
  /** Undefined when nothing is known of it: another program made the reservation. */
  readonly netns: NetnsRecord | undefined;
}

/** Names of files that are still being written start so; whoever holds the lock may remove them. */
const UNFINISHED = ".unfinished-";
/** So many addresses are looked at one by one before the directory is listed. */
const FEW = 8;

export class HostLocalStore {
  readonly directory: string;
  readonly #lock: Disposable;
  readonly #log: Surroundings["log"];
  readonly #index: HostLocalIndex;
  #looks = 0;
  #names: Set<string> | undefined;

  private constructor({ dataDir, network }: StorePlace, lock: Disposable, log: Surroundings["log"]) {
    this.directory = directoryOf({ dataDir, network });
    this.#lock = lock;
    this.#log = log;
    // no network has such a name
    this.#index = new HostLocalIndex(`${dataDir}/.dockbridge/${network}`, this.directory, log);
    if (!this.#index.isCurrent()) this.#renewIndex();
  }

  /** Waits for the lock, which is held until the store is disposed of. Errors: 11, naming who holds it. */
  static async open(
    place: StorePlace,
    { checkInterrupt, log }: Pick<Surroundings, "checkInterrupt" | "log">,
  ): Promise<HostLocalStore> {
    const path = `${directoryOf(place)}/lock`;
    const lock = await takeLock(path, { kind: "exclusive", mode: 0o750, checkInterrupt });
    try {
      return new HostLocalStore(place, lock, log);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  isTaken(ip: Ip): boolean {
    const name = printIp(ip);
    if (this.#names === undefined && this.#looks++ < FEW) {
      return lstatSync(this.#path(name), { throwIfNoEntry: false }) !== undefined;
    }
    return this.#listing().has(name);
  }

  /** How many addresses are taken at most: one directory listing. */
  count(): number {
    return Array.from(this.#listing()).filter(isAddress).length;
  }

  /** The reservation of the address. A file that nobody can own is removed on the way, here as below. */
  find(ip: Ip): Reservation | undefined {
    const name = printIp(ip);
    return this.#verify(name, this.#index.ofName(name));
  }

  /** Those of an attachment. One that only the container id is on record for counts when there is no other. */
  findByOwner(owner: Attachment): Reservation[] {
    const containerId = owner.containerId.trim();
    const found = this.#index.ofContainer(containerId).flatMap((line) => this.#verify(line.name, line) ?? []);
    const ofContainer = found.filter((reservation) => reservation.owner.containerId === containerId);
    const exact = ofContainer.filter((reservation) => reservation.owner.ifname === owner.ifname);
    return exact.length > 0 ? exact : ofContainer.filter((reservation) => reservation.owner.ifname === "");
  }

  /** The same for a caller that expects some: when there are none, the files are asked, which somebody may have edited. */
  findByOwnerOrLookAgain(owner: Attachment): Reservation[] {
    const found = this.findByOwner(owner);
    if (found.length > 0) return found;
    this.#renewIndex();
    return this.findByOwner(owner);
  }

  /** As the files say. */
  all(): Reservation[] {
    this.#renewIndex();
    return this.#index.lines().flatMap((line) => {
      const ip = parseIp(line.name);
      return ip === undefined ? [] : [{ ip, name: line.name, owner: line.owner, netns: line.netns }];
    });
  }

  /** False when the address is taken. The file appears with its whole content, or not at all. */
  reserve(
    ip: Ip,
    owner: Attachment,
    { netns, rangeSet }: { readonly netns: NetnsRecord | undefined; readonly rangeSet: number },
  ): boolean {
    const name = printIp(ip);
    const unfinished = this.#write(name, printOwner(owner));
    try {
      // before the file is there: who is killed in between leaves what is needed to know whose it is
      const trimmed = { ...owner, containerId: owner.containerId.trim() };
      this.#index.add({ name, owner: trimmed, file: identify(unfinished), netns });
      const last = lastReservedName(rangeSet);
      renameSync(this.#write(last, name), this.#path(last));
      linkSync(unfinished, this.#path(name));
    } catch (error) {
      this.#index.remove(name);
      if (isErrno(error, "EEXIST")) return false;
      throw error;
    } finally {
      unlinkSync(unfinished);
    }
    this.#names?.add(name);
    this.#index.stamp();
    return true;
  }

  release(reservations: readonly Pick<Reservation, "name">[]): void {
    for (const { name } of reservations) {
      this.#unlink(name);
      this.#names?.delete(name);
    }
    this.#forget(reservations.map(({ name }) => name));
  }

  lastReserved(rangeSet: number): Ip | undefined {
    return parseIp(readIfThere(this.#path(lastReservedName(rangeSet)))?.trim() ?? "");
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  /** What the file says; undefined when it is not there, or was damaged. */
  #verify(name: string, before: IndexLine | undefined): Reservation | undefined {
    const line = this.#lineOf(name, before);
    if (line === "damaged") this.release([{ name }]);
    const ip = parseIp(name);
    if (line === "damaged" || line === undefined || ip === undefined) return undefined;
    return { ip, name, owner: line.owner, netns: line.netns };
  }

  #renewIndex(): void {
    const before = new Map(this.#index.lines().map((line) => [line.name, line]));
    const names = readdirSync(this.directory);
    for (const name of names.filter((each) => each.startsWith(UNFINISHED))) this.#unlink(name);
    const lines = names.filter(isAddress).flatMap((name): IndexLine[] => {
      const line = this.#lineOf(name, before.get(name));
      if (line === "damaged") this.#unlink(name);
      return line === "damaged" || line === undefined ? [] : [line];
    });
    this.#names = undefined;
    this.#index.replace(lines);
    this.#index.stamp();
  }

  #lineOf(name: string, before: IndexLine | undefined): IndexLine | "damaged" | undefined {
    const found = readReservation(this.#path(name), name, before);
    if (typeof found !== "string") return found;
    this.#log(`${this.#path(name)} is ${found}: the address counts as free`);
    return "damaged";
  }

  #forget(names: readonly string[]): void {
    if (names.length > FEW) {
      const gone = new Set(names);
      this.#index.replace(this.#index.lines().filter((line) => !gone.has(line.name)));
    } else {
      for (const name of names) this.#index.remove(name);
    }
    this.#index.stamp();
  }

  #listing(): Set<string> {
    this.#names ??= new Set(readdirSync(this.directory));
    return this.#names;
  }

  #write(name: string, content: string): string {
    const path = this.#path(`${UNFINISHED}${name}`);
    try {
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    } catch (error) {
      rmSync(path, { force: true });
      throw new Error(`write ${this.#path(name)}: ${messageOf(error)}`, { cause: error });
    }
  }

  #unlink(name: string): void {
    rmSync(this.#path(name), { force: true, recursive: name.startsWith(UNFINISHED) });
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }
}

function directoryOf({ dataDir, network }: StorePlace): string {
  return `${dataDir}/${network}`;
}

/** Nothing else in the directory has such a name. */
function isAddress(name: string): boolean {
  return /^[\dA-Fa-f.:]+$/.test(name) && /[.:]/.test(name);
}

function lastReservedName(rangeSet: number): string {
  return `last_reserved_ip.${rangeSet}`;
}
