// Who holds which address, in one file: no call reads the files of all addresses to find those of one container.
//
// Its head says of which directory it is, as it was after our last change: its inode, the boot, and a time that we gave it and that
// it can have from nobody else. When it has another one, the index is made anew: after the reference was at work, after a kill at any
// point, after a power failure. A line is found in the bytes, without reading the others, and is overwritten in place. The index is a
// help and no more: when it cannot be written, the call goes on without it, and the next one makes it anew.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { bootId } from "../kernel/netns-record.ts";
import { type IndexLine, parseLine, printLine } from "./reservation.ts";

/** Of the head, which is overwritten in place too. */
const HEAD_SIZE = 160;

export class HostLocalIndex {
  readonly #path: string;
  readonly #directory: string;
  readonly #log: (line: string) => void;
  #bytes: Buffer;
  #isGivenUp = false;

  /** `directory` is that of the addresses. */
  constructor(path: string, directory: string, log: (line: string) => void) {
    this.#path = path;
    this.#directory = directory;
    this.#log = log;
    this.#bytes = readIfPossible(path);
  }

  /** As long as nobody else changes an address in place, every address has its line. */
  isCurrent(): boolean {
    const head = this.#bytes.toString("latin1", 0, HEAD_SIZE).trimEnd();
    return head === this.#head() && !this.#bytes.includes(0);
  }

  /** All lines that can be read. */
  lines(): IndexLine[] {
    const texts = this.#bytes.subarray(HEAD_SIZE).toString().split("\n");
    return texts.flatMap((text) => parseLine(text) ?? []);
  }

  ofName(name: string): IndexLine | undefined {
    const at = this.#placeOf(name);
    return at < 0 ? undefined : parseLine(this.#textAt(at + 1));
  }

  ofContainer(containerId: string): IndexLine[] {
    const lines: IndexLine[] = [];
    const wanted = `,${JSON.stringify(containerId)},`;
    for (let at = this.#bytes.indexOf(wanted); at >= 0; at = this.#bytes.indexOf(wanted, at + 1)) {
      const line = parseLine(this.#textAt(at));
      if (line?.owner.containerId === containerId) lines.push(line);
    }
    return lines;
  }

  replace(lines: readonly IndexLine[]): void {
    const text = lines.map((line) => `\n${printLine(line)}`).join("");
    this.#bytes = Buffer.concat([Buffer.alloc(HEAD_SIZE, " "), Buffer.from(text)]);
    this.#try(() => {
      const directory = dirname(this.#path);
      if (!existsSync(directory)) mkdirSync(directory);
      // a short name, since that of a network may be as long as a name can be
      const unfinished = `${directory}/.unfinished-${this.#inode()}`;
      try {
        writeFileSync(unfinished, this.#bytes, { mode: 0o600 });
        renameSync(unfinished, this.#path);
      } catch (error) {
        discard(unfinished);
        throw error;
      }
    });
  }

  /** In the room of a line that is no more, or at the end: the line break before it ends what was left half-written there. */
  add(line: IndexLine): void {
    const text = Buffer.from(`\n${printLine(line)}`);
    const room = this.#bytes.indexOf(`\n${" ".repeat(text.length - 1)}`, HEAD_SIZE);
    const at = room < 0 ? this.#bytes.length : room;
    if (room < 0) this.#bytes = Buffer.concat([this.#bytes, text]);
    this.#overwrite(text, at);
  }

  remove(name: string): void {
    for (let at = this.#placeOf(name); at >= 0; at = this.#placeOf(name)) {
      const length = Buffer.byteLength(this.#textAt(at + 1));
      this.#overwrite(Buffer.from(`\n${" ".repeat(length)}`), at);
    }
  }

  /** From now on it is current: call it after the last change. */
  stamp(): void {
    this.#try(() => {
      // over, so that no later change can have the time; with a fraction, so that no other directory has it
      const time = Math.floor(Date.now() / 1000) - 2 + Math.floor(Math.random() * 2 ** 20) / 2 ** 20;
      utimesSync(this.#directory, time, time);
      this.#overwrite(Buffer.from((this.#head() ?? "").padEnd(HEAD_SIZE)), 0);
    });
  }

  /** What the head says when the index is that of the directory as it is now. */
  #head(): string | undefined {
    const { ino, mtimeNs } = statSync(this.#directory, { bigint: true });
    const boot = bootId();
    return boot === undefined ? undefined : JSON.stringify([boot, `${ino}`, `${mtimeNs}`, this.#bytes.length]);
  }

  #inode(): number {
    return statSync(this.#directory).ino;
  }

  /** Where the line of the file stands, with the line break before it. */
  #placeOf(name: string): number {
    return this.#bytes.indexOf(`\n["${name}",`, Math.min(HEAD_SIZE, this.#bytes.length));
  }

  #textAt(at: number): string {
    const end = this.#bytes.indexOf("\n", at);
    return this.#bytes.toString("utf8", this.#bytes.lastIndexOf("\n", at) + 1, end < 0 ? this.#bytes.length : end);
  }

  #overwrite(text: Buffer, at: number): void {
    text.copy(this.#bytes, at);
    this.#try(() => {
      const fd = openSync(this.#path, "r+");
      try {
        if (writeSync(fd, text, 0, text.length, at) < text.length) throw new Error("the disk is full");
      } finally {
        closeSync(fd);
      }
    });
  }

  #try(write: () => void): void {
    if (this.#isGivenUp) return;
    try {
      write();
    } catch (error) {
      this.#isGivenUp = true;
      this.#log(`going on without ${this.#path}: ${(error as Error).message}`);
      discard(this.#path);
    }
  }
}

/** What is there after a failed write must not be taken for right. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // its head does not fit
  }
}

/** Nothing when it is no file, or cannot be read. */
function readIfPossible(path: string): Buffer {
  try {
    return statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
}
