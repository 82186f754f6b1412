import type { SpecVersion } from "./version.ts";

/** A plugin as far as it is known before its code is loaded. */
export interface Command {
  readonly name: string;
  readonly versions: readonly SpecVersion[];
}

/** What the code of a plugin gets from the process that it runs in. */
export interface Invocation {
  readonly command: Command;
  /** CNI_COMMAND; never empty, and never VERSION, which needs no code of the plugin. */
  readonly verb: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readInput: () => Buffer;
  /** Writes everything, or throws. */
  readonly writeOutput: (text: string) => void;
  /** One line for people, on stderr. */
  readonly log: (line: string) => void;
  /** Throws when the runtime has asked this process to end. */
  readonly checkInterrupt: () => Promise<void>;
}

/** The code of a plugin. */
export interface Program {
  /** Returns the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}
