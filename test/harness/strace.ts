import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";
import { type Call, callPlugin } from "./plugin.ts";

/** Runs a plugin, with every process that it starts, under strace, and returns what strace wrote. `calls`: as for `strace -e trace=`. */
export async function traceCall(host: Host, call: Call, calls: string): Promise<string[]> {
  const file = join(host.directory, "trace");
  const under = ["strace", "-f", "-qq", "-e", `trace=${calls}`, "-e", "signal=none", "-o", file];
  const { exitCode, stdout } = await callPlugin(host, { ...call, under });
  if (exitCode !== 0) throw new Error(`under strace ${call.verb} failed: ${stdout}`);
  return readFileSync(file, "utf8").trim().split("\n");
}

/** The programs that a call ran, itself first. */
export async function programsOf(host: Host, call: Call): Promise<string[]> {
  const lines = await traceCall(host, call, "execve");
  return lines.flatMap((line) => /execve\("[^"]*?([^"/]+)".* = 0$/.exec(line)?.[1] ?? []);
}

/** The paths that were opened, looked at or read as links, whether they exist or not. */
export function pathsIn(lines: readonly string[]): Set<string> {
  return new Set(
    lines.filter((line) => !line.includes("execve(")).flatMap((line) => /"([^"]+)"/.exec(line)?.[1] ?? []),
  );
}
