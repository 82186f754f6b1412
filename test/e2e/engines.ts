import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where build-engines.ts puts what Debian does not have. */
export const engines = resolve("dist/tools/engines");

/** Why a scenario cannot be played, or undefined. */
export function missingEngine(name: string): string | undefined {
  return existsSync(join(engines, name)) ? undefined : `${name} could not be built from its Go module`;
}
