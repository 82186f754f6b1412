import type { Family } from "../net/ip.ts";
import {
  addChain,
  type PrivateChain,
  parseSavedTable,
  removeChain,
  removeRemains,
  replaceChain,
  type SavedTable,
} from "../plan/private-chain.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";
import { needProgram } from "./find-program.ts";
import { isErrno } from "./kernel-error.ts";
import { commitsOf, watchCommits } from "./netlink/commits.ts";
import type { NetlinkSocket } from "./netlink/socket.ts";
import { Child } from "./process.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** iptables-legacy has one lock for the whole host. */
const LOCK_SECONDS = 30;

/** The full path of `iptables-restore` and its like. Errors: 999, naming the program and where it was looked for. */
export function findIptables(family: Family, action: "restore" | "save", env: Environment): string {
  return needProgram(`${family === 4 ? "iptables" : "ip6tables"}-${action}`, env);
}

/** A change of rules under way in a process of its own. */
export interface RuleChange {
  /** Waits for its end. */
  readonly finish: () => void | Promise<void>;
}

/** Equivalent to: `iptables-restore --noflush`. All of the chain, or nothing of it. Whatever an earlier ADD left of it is replaced. */
export function startAddingChain(chain: PrivateChain, env: Environment): RuleChange {
  const first = new Restore(chain, addChain(chain), env);
  return {
    finish: () => {
      const refusal = first.refusal();
      if (refusal === undefined) return;
      restoreOrThrow(chain, replaceChain(chain, saveAfter(refusal, chain, env)), env);
    },
  };
}

/** The same for taking it away. That nothing of it is there is success. */
export function startRemovingChain(chain: PrivateChain, env: Environment): RuleChange {
  // without its jumps it cannot be known beforehand what has to go
  const watch = watchCommits();
  const first = chain.jumps.length > 0 ? new Restore(chain, removeChain(chain), env) : undefined;
  return {
    finish: () => {
      const refusal = first?.refusalOrCommit(watch);
      watch?.[Symbol.dispose]();
      if (first !== undefined && refusal === undefined) return;
      const rest = removeRemains(chain, saveAfter(refusal, chain, env));
      if (rest !== undefined) restoreOrThrow(chain, rest, env);
    },
  };
}

/** When the rules cannot be read either, it is the refusal that tells why. */
function saveAfter(refusal: CniError | undefined, chain: PrivateChain, env: Environment): SavedTable {
  try {
    return saveTable(chain, env);
  } catch (error) {
    throw refusal ?? error;
  }
}

/** Equivalent to: `iptables-save -t $table` */
export function saveTable({ family, table }: Pick<PrivateChain, "family" | "table">, env: Environment): SavedTable {
  return parseSavedTable(printRules(family, { args: ["-t", table], env }));
}

/** Equivalent to: `iptables-save $args` */
export function printRules(
  family: Family,
  { args, env }: { readonly args: readonly string[]; readonly env: Environment },
): string {
  const file = findIptables(family, "save", env);
  const finished = new Child({ file, args, env, input: Buffer.alloc(0) }).finished();
  if (finished.exitCode === 0) return finished.stdout;
  const message = `could not read the rules: ${finished.stderr.trim()}`;
  throw new CniError(ErrorCode.Internal, message, { details: `${[file, ...args].join(" ")}: ${finished.status}` });
}

function restoreOrThrow(chain: PrivateChain, input: string, env: Environment): void {
  const refusal = new Restore(chain, input, env).refusal();
  if (refusal !== undefined) throw refusal;
}

/** Equivalent to: `iptables-restore --noflush`, under way. */
export class Restore {
  readonly #child: Child;
  readonly #file: string;
  readonly #input: string;

  constructor({ family }: { readonly family: Family }, input: string, env: Environment) {
    this.#file = findIptables(family, "restore", env);
    this.#input = input;
    this.#child = new Child({
      file: this.#file,
      args: ["--noflush", "--wait", String(LOCK_SECONDS)],
      env,
      input: Buffer.from(input),
    });
  }

  /**
   * Waits until the rules are in force, which may be before its end: then it ends by itself. `watch` was opened before it was started.
   * Undefined when it has done its work.
   */
  refusalOrCommit(watch: NetlinkSocket | undefined): CniError | undefined {
    let left = this.#input.split("\n").filter((line) => line === "COMMIT").length;
    try {
      while (watch !== undefined && left > 0 && this.#child.hasNewsBeside(watch.fd))
        left -= commitsOf(watch.nextChanges(0), this.#child.pid);
    } catch (error) {
      // more news than there is room for
      if (!isErrno(error, "ENOBUFS")) throw error;
      left = Number.POSITIVE_INFINITY;
    }
    if (left > 0) return this.refusal();
    this.#child.leaveAlone();
    return undefined;
  }

  /** Waits for its end; undefined when it has done its work. */
  refusal(): CniError | undefined {
    return this.finished().refusal;
  }

  /** The same, with what it listed where it was asked to. */
  finished(): { readonly refusal: CniError | undefined; readonly stdout: string } {
    const { exitCode, status, stdout, stderr } = this.#child.finished();
    if (exitCode === 0) return { refusal: undefined, stdout };
    const message = `${this.#file} refused the rules: ${stderr.trim() || status}`;
    return { refusal: new CniError(ErrorCode.Internal, message, { details: this.#input }), stdout };
  }
}
