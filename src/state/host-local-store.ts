// The reservations of host-local, in the files of the reference: `<dataDir>/<network>/<ip>` holds `<container id>\r\n<ifname>`,
// `last_reserved_ip.<n>` the last address of range set n, and `lock` is locked with flock(2) by whoever changes something.
// `<dataDir>/.dockbridge/<network>` is our index of them. Nothing is flushed to the disk: after a power failure no container is alive,
// and a damaged file is free.
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { takeLock } from "../kernel/lock.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import { type Ip, parseIp, printIp } from "../net/ip.ts";
import { messageOf } from "../protocol/error.ts";
import type { Attachment, Surroundings } from "../protocol/plugin.ts";
import { HostLocalIndex } from "./host-local-index.ts";
import { type IndexLine, parseOwner, printOwner } from "./reservation.ts";

export interface StorePlace {
  readonly dataDir: string;
  readonly network: string;
}

export interface Reservation {
  readonly ip: Ip;
  /** The interface name is empty when a release made it that did not write it. */
  readonly owner: Attachment;
  /** Undefined when another program made it. */
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
    this.#index = new HostLocalIndex(`${dataDir}/.dockbridge/${network}`, this.directory);
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
    if (this.#names === undefined && this.#looks++ < FEW) return existsSync(this.#path(name));
    return this.#listing().has(name);
  }

  /** How many addresses are taken at most: one directory listing. */
  count(): number {
    return Array.from(this.#listing()).filter(isAddress).length;
  }

  /** The reservation of the address. A file that nobody can own is removed on the way, here as below. */
  find(ip: Ip): Reservation | undefined {
    const name = printIp(ip);
    return this.#verify(name, this.#index.ofIp(name));
  }

  /** Those of an attachment. One that only the container id is on record for counts when there is no other. */
  findByOwner(owner: Attachment): Reservation[] {
    const containerId = owner.containerId.trim();
    const found = this.#index.ofContainer(containerId).flatMap((line) => this.#verify(line.ip, line) ?? []);
    const ofContainer = found.filter((reservation) => reservation.owner.containerId === containerId);
    const exact = ofContainer.filter((reservation) => reservation.owner.ifname === owner.ifname);
    return exact.length > 0 ? exact : ofContainer.filter((reservation) => reservation.owner.ifname === "");
  }

  /** Reads every file. */
  all(): Reservation[] {
    return this.#index.lines().flatMap((line) => this.#verify(line.ip, line) ?? []);
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
      linkSync(unfinished, this.#path(name));
    } catch (error) {
      if (isErrno(error, "EEXIST")) return false;
      throw error;
    } finally {
      unlinkSync(unfinished);
    }
    this.#names?.add(name);
    const last = lastReservedName(rangeSet);
    renameSync(this.#write(last, name), this.#path(last));
    const ours = netns === undefined ? undefined : { file: this.#identify(name), netns };
    this.#index.add({ ip: name, owner: { ...owner, containerId: owner.containerId.trim() }, ours });
    this.#index.stamp();
    return true;
  }

  release(ip: Ip): void {
    this.#remove(printIp(ip));
  }

  lastReserved(rangeSet: number): Ip | undefined {
    return parseIp(this.#read(lastReservedName(rangeSet))?.trim() ?? "");
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  /** What the file says; undefined when it is not there. */
  #verify(name: string, line: IndexLine | undefined): Reservation | undefined {
    const owner = this.#ownerOf(name);
    if (owner === "damaged") this.#remove(name);
    const ip = parseIp(name);
    if (ip === undefined || owner === undefined || owner === "damaged") return undefined;
    return { ip, owner, netns: this.#isOfFile(name, line) ? line?.ours?.netns : undefined };
  }

  #renewIndex(): void {
    const before = new Map(this.#index.lines().map((line) => [line.ip, line]));
    const names = readdirSync(this.directory);
    for (const name of names.filter((each) => each.startsWith(UNFINISHED))) this.#unlink(name);
    this.#index.replace(names.filter(isAddress).flatMap((name) => this.#lineOf(name, before.get(name)) ?? []));
    this.#index.stamp();
  }

  #lineOf(name: string, before: IndexLine | undefined): IndexLine | undefined {
    const owner = this.#ownerOf(name);
    if (owner === "damaged") this.#unlink(name);
    if (owner === undefined || owner === "damaged") return undefined;
    return this.#isOfFile(name, before) ? before : { ip: name, owner };
  }

  #ownerOf(name: string): Attachment | "damaged" | undefined {
    const content = this.#read(name);
    if (content === undefined) return undefined;
    const owner = parseOwner(content);
    if (owner !== undefined) return owner;
    this.#log(`${this.#path(name)} is ${content === "" ? "empty" : "damaged"}: the address counts as free`);
    return "damaged";
  }

  #remove(name: string): void {
    this.#unlink(name);
    this.#names?.delete(name);
    this.#index.remove(name);
    this.#index.stamp();
  }

  #listing(): Set<string> {
    this.#names ??= new Set(readdirSync(this.directory));
    return this.#names;
  }

  #isOfFile(name: string, line: IndexLine | undefined): boolean {
    return line?.ours !== undefined && line.ours.file === this.#identify(name);
  }

  /** Tells a file from one that another program made under the same name later. */
  #identify(name: string): string {
    const { ino, mtimeNs } = statSync(this.#path(name), { bigint: true });
    return `${ino}:${mtimeNs}`;
  }

  /** Undefined when there is no such file. */
  #read(name: string): string | undefined {
    try {
      return readFileSync(this.#path(name), "utf8");
    } catch (error) {
      if (isErrno(error, "ENOENT", "EISDIR")) return undefined;
      throw error;
    }
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
    rmSync(this.#path(name), { force: true });
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
  return /^[\da-f.:]+$/.test(name);
}

function lastReservedName(rangeSet: number): string {
  return `last_reserved_ip.${rangeSet}`;
}
