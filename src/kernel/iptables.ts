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
import { Child } from "./process.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** iptables-legacy has one lock for the whole host. */
const LOCK_SECONDS = 30;

/** The full path of `iptables-restore` and its like. Errors: 999, naming the program and where it was looked for. */
export function findIptables(family: Family, action: "restore" | "save", env: Environment): string {
  return needProgram(`${family === 4 ? "iptables" : "ip6tables"}-${action}`, env);
}

/** A change of rules under way in a process of its own. */
export interface RuleChange {
  /** Waits for its end. */
  readonly finish: () => void;
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
  const first = chain.jumps.length > 0 ? new Restore(chain, removeChain(chain), env) : undefined;
  return {
    finish: () => {
      const refusal = first?.refusal();
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
export function saveTable(chain: Pick<PrivateChain, "family" | "table">, env: Environment): SavedTable {
  const file = findIptables(chain.family, "save", env);
  const finished = new Child({ file, args: ["-t", chain.table], env, input: Buffer.alloc(0) }).finished();
  if (finished.exitCode === 0) return parseSavedTable(finished.stdout);
  throw new CniError(
    ErrorCode.Internal,
    `could not read the rules of table ${chain.table}: ${finished.stderr.trim()}`,
    {
      details: `${file}: ${finished.status}`,
    },
  );
}

function restoreOrThrow(chain: PrivateChain, input: string, env: Environment): void {
  const refusal = new Restore(chain, input, env).refusal();
  if (refusal !== undefined) throw refusal;
}

class Restore {
  readonly #child: Child;
  readonly #file: string;
  readonly #input: string;

  constructor(chain: PrivateChain, input: string, env: Environment) {
    this.#file = findIptables(chain.family, "restore", env);
    this.#input = input;
    this.#child = new Child({
      file: this.#file,
      args: ["--noflush", "--wait", String(LOCK_SECONDS)],
      env,
      input: Buffer.from(input),
    });
  }

  /** Waits for its end; undefined when it has done its work. */
  refusal(): CniError | undefined {
    const { exitCode, status, stderr } = this.#child.finished();
    if (exitCode === 0) return undefined;
    const message = `${this.#file} refused the rules: ${stderr.trim() || status}`;
    return new CniError(ErrorCode.Internal, message, { details: this.#input });
  }
}
