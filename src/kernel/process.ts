// Child processes without node:child_process, which costs 9 ms to load. Files in memory stand in for pipes, so that nothing has
// to be read while the child runs.
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import type { Finished } from "../protocol/delegate.ts";
import { anonymousFile, pidfd, reap, SIGKILL, SIGTERM, signalProcess, spawn, waitReadable } from "./libc.ts";

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

/** A child that runs while we do something else. It has ended when `finished` returns. */
export class Child {
  readonly #pid: number;
  #pidfd: number | undefined;
  readonly #files: readonly [stdin: number, stdout: number, stderr: number];

  /** Throws ENOENT, EACCES, ... when the program cannot be started. */
  constructor({ file, args = [], env, input }: Program) {
    this.#files = [anonymousFile("stdin"), anonymousFile("stdout"), anonymousFile("stderr")];
    const [stdin] = this.#files;
    // at position 0, so that the child reads from the start
    writeSync(stdin, input, 0, input.length, 0);
    const variables = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    this.#pid = spawn(file, [file, ...args], variables, this.#files);
  }

  hasFinished(milliseconds: number): boolean {
    return waitReadable(this.#handle(), milliseconds) === "ready";
  }

  /** `SIGTERM`, and after a while `SIGKILL`. */
  end(): void {
    signalProcess(this.#handle(), SIGTERM);
    if (!this.hasFinished(GRACE_MILLISECONDS)) signalProcess(this.#handle(), SIGKILL);
  }

  /** Waits for its end, whatever signals come to us meanwhile. */
  finished(): Finished {
    const status = reap(this.#pid);
    const [stdin, stdout, stderr] = this.#files;
    const outcome = { ...describeStatus(status), stdout: readAll(stdout), stderr: readAll(stderr) };
    for (const fd of [stdin, stdout, stderr]) closeSync(fd);
    if (this.#pidfd !== undefined) closeSync(this.#pidfd);
    return outcome;
  }

  #handle(): number {
    this.#pidfd ??= pidfd(this.#pid);
    return this.#pidfd;
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

function readAll(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  const length = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, 0);
  return bytes.toString("utf8", 0, length);
}
