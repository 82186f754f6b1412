// Child processes without node:child_process, which costs 9 ms to load. The input is a file in memory, so that nobody has
// to write while the child reads.
import { closeSync, readSync, writeSync } from "node:fs";
import type { Finished } from "../protocol/delegate.ts";
import { anonymousFile, pidfd, pipe, reap, SIGKILL, SIGTERM, signalProcess, spawn, waitReadable } from "./libc.ts";

export interface Program {
  readonly file: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: Buffer;
}

/** How often a process that waits for a child looks whether it is asked to end: a signal may come just before the wait. */
const LOOK_MILLISECONDS = 100;
/** How long a child that was asked to end may take before it is made to. */
const GRACE_MILLISECONDS = 5_000;
/** Room for all that a pipe holds: 64 KiB, pipe(7). */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** A child that runs while we do something else; what it writes waits in pipes. It has ended when `finished` returns. */
export class Child {
  readonly pid: number;
  readonly #pidfd: number;
  readonly #stdout: Output;
  readonly #stderr: Output;

  /** Throws ENOENT, EACCES, ... when the program cannot be started. */
  constructor({ file, args = [], env, input }: Program) {
    const [stdin, stdout, stderr] = [anonymousFile("stdin"), pipe(), pipe()];
    const given = [stdin, stdout.write, stderr.write];
    const variables = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    try {
      // at position 0, so that the child reads from the start
      writeSync(stdin, input, 0, input.length, 0);
      this.pid = spawn(file, [file, ...args], variables, given);
    } catch (error) {
      closeAll([stdout.read, stderr.read]);
      throw error;
    } finally {
      closeAll(given);
    }
    this.#pidfd = pidfd(this.pid);
    this.#stdout = new Output(stdout.read);
    this.#stderr = new Output(stderr.read);
  }

  /** Looks once: sooner than after the time also when there is output, or at a signal. */
  hasFinished(milliseconds: number): boolean {
    const outputs = [this.#stdout, this.#stderr].filter((output) => output.isOpen);
    // in this order: when it has ended, all that it wrote is seen too
    const ready = waitReadable([this.#pidfd, ...outputs.map((output) => output.fd)], milliseconds);
    for (const output of outputs) if (ready.includes(output.fd)) output.read();
    return ready.includes(this.#pidfd);
  }

  /** Waits for its end, or until there is something to read at a descriptor; returns whether there is. */
  hasNewsBeside(fd: number): boolean {
    for (;;) {
      const outputs = [this.#stdout, this.#stderr].filter((output) => output.isOpen);
      const ready = waitReadable([fd, this.#pidfd, ...outputs.map((output) => output.fd)], -1);
      if (ready.includes(fd)) return true;
      for (const output of outputs) if (ready.includes(output.fd)) output.read();
      if (ready.includes(this.#pidfd)) return false;
    }
  }

  /** Nobody waits for its end any more. */
  leaveAlone(): void {
    closeAll([this.#pidfd, this.#stdout.fd, this.#stderr.fd]);
  }

  /** `SIGTERM`, and after a while `SIGKILL`. */
  end(): void {
    signalProcess(this.#pidfd, SIGTERM);
    const deadline = Date.now() + GRACE_MILLISECONDS;
    let left = GRACE_MILLISECONDS;
    while (!this.hasFinished(left) && left > 0) left = Math.max(0, deadline - Date.now());
    if (left === 0) signalProcess(this.#pidfd, SIGKILL);
  }

  /** Waits for its end, whatever signals come to us meanwhile; not for that of processes it leaves behind. */
  finished(): Finished {
    while (!this.hasFinished(-1));
    const status = reap(this.pid);
    closeAll([this.#pidfd, this.#stdout.fd, this.#stderr.fd]);
    return { ...describeStatus(status), stdout: this.#stdout.text(), stderr: this.#stderr.text() };
  }
}

/** What comes out of a pipe. */
class Output {
  readonly fd: number;
  isOpen = true;
  readonly #chunks: Buffer[] = [];

  constructor(fd: number) {
    this.fd = fd;
  }

  /** All that is in the pipe, or its end. Waits when there is nothing. */
  read(): void {
    const length = readSync(this.fd, buffer);
    if (length === 0) this.isOpen = false;
    else this.#chunks.push(Buffer.from(buffer.subarray(0, length)));
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Runs a program to its end. Asked to end ourselves, we ask it too. */
export async function run(program: Program, checkInterrupt: () => Promise<void>): Promise<Finished> {
  const child = new Child(program);
  try {
    while (!child.hasFinished(LOOK_MILLISECONDS)) await checkInterrupt();
  } catch (error) {
    child.end();
    child.finished();
    throw error;
  }
  return child.finished();
}

function describeStatus(status: number): { exitCode: number | undefined; status: string } {
  const signal = status & 0x7f;
  if (signal !== 0) return { exitCode: undefined, status: `signal ${signal}` };
  const exitCode = (status >> 8) & 0xff;
  return { exitCode, status: `exit status ${exitCode}` };
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}
