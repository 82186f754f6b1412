import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";

/** Puts a shell script into the directory of the host as a plugin; `$DIR` is that directory. */
export function writePlugin(host: Host, name: string, script: string, mode = 0o755): void {
  const file = join(host.directory, name);
  writeFileSync(file, `#!/bin/sh\nDIR=${host.directory}\n${script}\n`);
  chmodSync(file, mode);
}
