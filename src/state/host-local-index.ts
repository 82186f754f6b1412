// Who holds which address, in one file: no call reads the files of all addresses to find those of one container.
//
// It is right as long as nobody else has changed the directory of the addresses: after each change of ours both get the same time,
// one that no later change can have. When the times differ, the index is made anew: after the reference was at work, and after a
// kill at any point. A line is found in the bytes, without reading the others, and is overwritten in place.
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { isErrno } from "../kernel/kernel-error.ts";
import { type IndexLine, parseLine, printLine } from "./reservation.ts";

export class HostLocalIndex {
  readonly #path: string;
  readonly #directory: string;
  #bytes: Buffer;

  /** `directory` is that of the addresses. */
  constructor(path: string, directory: string) {
    this.#path = path;
    this.#directory = directory;
    this.#bytes = readIfThere(path);
  }

  isCurrent(): boolean {
    const index = statSync(this.#path, { throwIfNoEntry: false });
    return index !== undefined && index.mtimeMs % 1000 === 0 && index.mtimeMs === statSync(this.#directory).mtimeMs;
  }

  /** All lines that can be read. */
  lines(): IndexLine[] {
    return this.#bytes
      .toString()
      .split("\n")
      .flatMap((text) => parseLine(text) ?? []);
  }

  ofIp(ip: string): IndexLine | undefined {
    const at = this.#placeOf(ip);
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
    this.#bytes = Buffer.from(lines.map((line) => `\n${printLine(line)}`).join(""));
    if (!existsSync(dirname(this.#path))) mkdirSync(dirname(this.#path));
    const unfinished = `${dirname(this.#path)}/.unfinished-${basename(this.#path)}`;
    writeFileSync(unfinished, this.#bytes, { mode: 0o600 });
    renameSync(unfinished, this.#path);
  }

  /** In the room of a line that is no more, or at the end: the line break before it ends what was left half-written there. */
  add(line: IndexLine): void {
    const text = Buffer.from(`\n${printLine(line)}`);
    const at = this.#bytes.indexOf(`\n${" ".repeat(text.length - 1)}`);
    if (at >= 0) {
      this.#overwrite(text, at);
    } else {
      appendFileSync(this.#path, text);
      this.#bytes = Buffer.concat([this.#bytes, text]);
    }
  }

  remove(ip: string): void {
    for (let at = this.#placeOf(ip); at >= 0; at = this.#placeOf(ip)) {
      const length = Buffer.byteLength(this.#textAt(at + 1));
      this.#overwrite(Buffer.from(`\n${" ".repeat(length)}`), at);
    }
  }

  /** From now on it is current: call it after the last change. The time is a whole second that is over. */
  stamp(): void {
    const second = Math.floor(Date.now() / 1000) - 2;
    utimesSync(this.#path, second, second);
    utimesSync(this.#directory, second, second);
  }

  /** Where the line of the address stands, with the line break before it. */
  #placeOf(ip: string): number {
    return this.#bytes.indexOf(`\n["${ip}",`);
  }

  #textAt(at: number): string {
    const end = this.#bytes.indexOf("\n", at);
    return this.#bytes.toString("utf8", this.#bytes.lastIndexOf("\n", at) + 1, end < 0 ? this.#bytes.length : end);
  }

  #overwrite(text: Buffer, at: number): void {
    text.copy(this.#bytes, at);
    const fd = openSync(this.#path, "r+");
    try {
      writeSync(fd, text, 0, text.length, at);
    } finally {
      closeSync(fd);
    }
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}
