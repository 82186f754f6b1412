import type { Command } from "../src/protocol/command.ts";
import { everyVersion } from "../src/protocol/version.ts";

/** Every plugin in the executable: a name that it is installed under, and a file here with its code. */
export const commands: readonly Command[] = [
  { name: "bridge", versions: everyVersion },
  { name: "host-local", versions: everyVersion },
  { name: "loopback", versions: everyVersion },
];
