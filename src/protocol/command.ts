import type { SpecVersion } from "./version.ts";

/** A plugin as far as it is known before its code is loaded. */
export interface Command {
  readonly name: string;
  readonly versions: readonly SpecVersion[];
  /** Names of the code of some verbs; that of the others has the name of the plugin. A call loads only what it needs. */
  readonly code?: Readonly<Record<string, string>>;
  /** Other code for one verb, when there is something on stdin that only this one knows. */
  readonly special?: { readonly verb: string; readonly pattern: RegExp; readonly code: string };
}

/**
 * What the code of a plugin gets from the process that it runs in. The two are separate programs that share no classes, so what
 * goes wrong here is a plain Error.
 */
export interface Invocation {
  readonly command: Command;
  /** CNI_COMMAND; never empty, and never VERSION, which needs no code of the plugin. */
  readonly verb: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fills as much of the buffer as there is on stdin; 0 at its end. */
  readonly read: (buffer: Buffer) => number;
  /** Writes everything to stdout, or throws. */
  readonly write: (text: string) => void;
  /** One line for people, on stderr. */
  readonly log: (line: string) => void;
  /** The signal by which the runtime has asked this process to end, if it has. */
  readonly interruption: () => Promise<string | undefined>;
}

/** The code of a plugin. */
export interface Program {
  /** Returns the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}
