import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Host, Ran } from "./host.ts";
import { ours } from "./plugin.ts";

const executable = resolve("dist/tools/cnitool");

/** The directory of networks that cnitool reads, with these files in it. */
export function writeConflists(host: Host, conflists: Readonly<Record<string, string>>): string {
  const directory = join(host.directory, "net.d");
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(conflists)) writeFileSync(join(directory, name), text);
  return directory;
}

export interface CnitoolCall {
  readonly verb: "add" | "check" | "del" | "gc" | "status";
  readonly network: string;
  readonly netns: string;
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Directories of plugins. */
  readonly path?: string;
}

/** Runs the client of the CNI project as a runtime. */
export function cnitool(
  host: Host,
  { verb, network, netns, directory, env = {}, path = ours }: CnitoolCall,
): Promise<Ran> {
  return host.run(executable, [verb, network, netns], { env: { NETCONFPATH: directory, CNI_PATH: path, ...env } });
}
