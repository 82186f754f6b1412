// The only file that names `process`. What VERSION and a call without CNI_COMMAND need is here; the code of a plugin is loaded for
// the other verbs, because podman asks every plugin for VERSION on every command. process.stdout and process.stderr cost 9 ms at
// the first touch, so both streams are written by descriptor.
import { readSync, writeSync } from "node:fs";
import { basename } from "node:path";
import type { Command, Invocation, Program } from "./command.ts";
import { peek } from "./peek.ts";
import { printVersions } from "./version.ts";

/** That an attachment needs. */
const variables = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];

export interface Release {
  readonly product: string;
  readonly version: string;
  /** The release of the reference plugins whose behaviour this is: nerdctl decides by it what it may ask of a plugin. */
  readonly reference: string;
}

/** Runs the plugin whose name the process was started under, and ends the process. */
export async function main(
  commands: readonly Command[],
  load: (name: string) => Program,
  release: Release,
): Promise<void> {
  const name = basename(process.argv0);
  const verb = process.env["CNI_COMMAND"] ?? "";
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const names = commands.map((known) => known.name).join(", ");
    log(
      `${release.product} ${release.version} holds the CNI plugins ${names}: run it under one of these names, not ${name}`,
    );
    return process.exit(1);
  }
  if (verb === "") {
    log(about(command, release));
    return process.exit(0);
  }
  if (verb === "VERSION") {
    writeOutput(printVersions(command.versions));
    return process.exit(0);
  }
  const { code, read } = chooseCode(command, verb);
  const program = load(code);
  const invocation = { command, verb, env: process.env, read, write: writeOutput, log, interruption: watchSignals() };
  program.exit(await program.run(invocation));
}

/** Names of the code for a verb, and stdin as that shall read it. */
function chooseCode(
  { name, code, special }: Command,
  verb: string,
): { readonly code: string; readonly read: Invocation["read"] } {
  const read = (buffer: Buffer) => retryWhenBusy(() => readSync(0, buffer));
  const usual = { code: code?.[verb] ?? name, read };
  // without its variables a call ends before it reads stdin
  const isReading = special?.verb === verb && variables.every((variable) => (process.env[variable] ?? "") !== "");
  if (special === undefined || !isReading) return usual;
  const peeked = peek(read);
  return { code: special.pattern.test(peeked.text) ? special.code : usual.code, read: peeked.read };
}

function about({ name, versions }: Command, { product, version, reference }: Release): string {
  return `CNI ${name} plugin v${reference}\nCNI protocol versions supported: ${versions.join(", ")}\n${product} ${version}`;
}

/** A signal is noted, and taken up where the verb asks: it ends nothing in the middle of a change. */
function watchSignals(): () => Promise<string | undefined> {
  let received: string | undefined;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      received = signal;
    });
  }
  return async () => {
    // Node.js tells of a signal between two turns of its loop
    await new Promise((resolve) => setImmediate(resolve));
    return received;
  };
}

function writeOutput(text: string): void {
  write(1, text);
}

function log(line: string): void {
  write(2, `${line}\n`);
}

function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    written += retryWhenBusy(() => writeSync(descriptor, bytes, written));
  }
}

/** A pipe that the runtime left in non-blocking mode answers EAGAIN where another would wait. */
function retryWhenBusy(io: () => number): number {
  for (;;) {
    try {
      return io();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
