import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What record-call.c wrote down of a call. */
export interface RecordedCall {
  readonly plugin: string;
  /** `none`: without CNI_COMMAND. */
  readonly verb: string;
  /** The variables of CNI. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly milliseconds: number;
}

/** In the order in which they started; without those that go on. */
export function readCalls(set: string): readonly RecordedCall[] {
  const directories = readdirSync(join(set, "calls")).toSorted();
  return directories.flatMap((directory) => readCall(join(set, "calls", directory)) ?? []);
}

/** The versions of CNI that an engine asked for; VERSION asks for none. */
export function cniVersionsOf(calls: readonly RecordedCall[]): readonly string[] {
  const asked = calls.filter(({ verb }) => !["VERSION", "none"].includes(verb));
  return [
    ...new Set(asked.map(({ stdin }) => (JSON.parse(stdin) as { readonly cniVersion: string }).cniVersion)),
  ].toSorted();
}

/** Each value of a capability that a plugin got, once. */
export function capabilityOf(calls: readonly RecordedCall[], plugin: string, capability: string): readonly unknown[] {
  const values = calls
    .filter((call) => call.plugin === plugin && call.verb === "ADD")
    .flatMap(({ stdin }) => JSON.parse(stdin).runtimeConfig?.[capability] ?? []);
  return [...new Set(values.map((value) => JSON.stringify(value)))].map((text) => JSON.parse(text));
}

function readCall(directory: string): RecordedCall | undefined {
  const [, plugin = "", verb = ""] = /-\d+-(.+)-(.+?)$/.exec(directory) ?? [];
  const [start = 0, end = 0, exitCode = 0] = read(directory, "times").trim().split(" ").map(Number);
  if (start === 0) return undefined;
  const variables = read(directory, "env").split("\n").filter(Boolean);
  return {
    plugin,
    verb,
    env: Object.fromEntries(variables.map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)])),
    stdin: read(directory, "stdin"),
    stdout: read(directory, "stdout"),
    stderr: read(directory, "stderr"),
    exitCode,
    milliseconds: (end - start) / 1e6,
  };
}

function read(directory: string, file: string): string {
  try {
    return readFileSync(join(directory, file), "utf8");
  } catch {
    return "";
  }
}
