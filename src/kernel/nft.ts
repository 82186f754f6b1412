import { type NftListing, parseNftListing } from "../plan/nft-listing.ts";
import {
  addNftRules,
  isOwnComment,
  type NftFound,
  type NftOwner,
  type NftRules,
  type NftTable,
  nameOf,
  nothingFound,
  removeNftRules,
} from "../plan/nft-rules.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";
import { findProgram, needProgram } from "./find-program.ts";
import type { RuleChange } from "./iptables.ts";
import { hasNftChain, listNftRules, openNetfilter, type RuleEntry } from "./netlink/nftables.ts";
import { Child } from "./process.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function findNft(env: Environment): string | undefined {
  return findProgram("nft", env);
}

/** Equivalent to: `nft -f -`. All of the rules, or none. Whatever an earlier ADD left of them is replaced. */
export function startAddingNftRules(rules: NftRules, env: Environment): RuleChange {
  return startChange(() => addNftRules(rules, findNftRules(rules.owner)), env);
}

/** The same for taking them away. That nothing of them is there is success, and takes no process. */
export function startRemovingNftRules(owner: NftOwner, env: Environment): RuleChange {
  return startChange(() => removeNftRules(owner, findNftRules(owner)), env);
}

/** What there is of them now. */
export function findNftRules({ table, shared, chains, comment }: NftOwner): NftFound {
  using socket = openNetfilter();
  if (socket === undefined) return nothingFound;
  const isOwn = (rule: RuleEntry) => isOwnComment(comment, rule.comment ?? "");
  return {
    rules: shared.flatMap((chain) =>
      listNftRules(socket, table, chain)
        .filter(isOwn)
        .map(({ handle }) => ({ chain, handle })),
    ),
    chains: chains.filter((chain) => hasNftChain(socket, table, chain)),
  };
}

/** As: `nft list table`. Nothing when there is no such table. */
export function readNftTable(table: NftTable, env: Environment): NftListing {
  const file = needProgram("nft", env);
  const args = ["list", "table", table.family, table.name];
  const { exitCode, status, stdout, stderr } = new Child({ file, args, env, input: Buffer.alloc(0) }).finished();
  if (exitCode === 0) return parseNftListing(stdout);
  if (stderr.includes("No such file or directory")) return new Map();
  throw new CniError(ErrorCode.Internal, `${file} cannot list the table ${nameOf(table)}: ${stderr.trim() || status}`);
}

/**
 * What is to be written depends on what is there: when nft refuses it and it would be written otherwise by now, because somebody
 * else was faster, it is tried again. Errors come from `finish`, so that other steps go on.
 */
function startChange(write: () => string | undefined, env: Environment): RuleChange {
  const first = attempt(() => start(write(), env));
  return {
    finish: () => {
      if ("error" in first) throw first.error;
      let { value: change } = first;
      for (let refusal = change?.refusal(); refusal !== undefined; refusal = change?.refusal()) {
        const next = write();
        if (next === change?.input) throw refusal;
        change = start(next, env);
      }
    },
  };
}

function start(input: string | undefined, env: Environment): Transaction | undefined {
  return input === undefined ? undefined : new Transaction(input, env);
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

class Transaction {
  readonly input: string;
  readonly #file: string;
  readonly #child: Child;

  constructor(input: string, env: Environment) {
    this.input = input;
    this.#file = needProgram("nft", env);
    this.#child = new Child({ file: this.#file, args: ["-f", "-"], env, input: Buffer.from(input) });
  }

  /** Waits for its end; undefined when it has done its work. */
  refusal(): CniError | undefined {
    const { exitCode, status, stderr } = this.#child.finished();
    if (exitCode === 0) return undefined;
    const message = `${this.#file} refused the rules: ${stderr.trim() || status}`;
    return new CniError(ErrorCode.Internal, message, { details: this.input });
  }
}
