import { readdirSync } from "node:fs";
import { Child } from "../../src/kernel/process.ts";

export const env = { PATH: process.env["PATH"] };

/** A shell that runs the script. */
export function shell(script: string, input: string | Buffer = ""): Child {
  return new Child({ file: "/bin/sh", args: ["-c", script], env, input: Buffer.from(input) });
}

/** How many descriptors this process has open. */
export function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
