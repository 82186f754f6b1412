// Whose rules a plugin writes.
import { findProgram } from "../kernel/find-program.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";

export type Backend = "iptables" | "nftables";

/** Which programs are there; asked only when it matters. */
export interface Programs {
  readonly hasIptables: () => boolean;
  readonly hasNft: () => boolean;
}

export function programsIn(env: Readonly<Record<string, string | undefined>>): Programs {
  return {
    hasIptables: () => findProgram("iptables-restore", env) !== undefined,
    hasNft: () => findProgram("nft", env) !== undefined,
  };
}

/** Undefined when it is left open. `field` is where it was written. Errors: 7. */
export function parseBackend(text: string | undefined, field: string): Backend | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "iptables" || text === "nftables") return text;
  const message = `${field} ${JSON.stringify(text)} is neither "iptables" nor "nftables"`;
  throw new CniError(ErrorCode.InvalidConfig, message);
}

/** Left open it is iptables, unless only nft is there. */
export function chooseBackend(configured: Backend | undefined, programs: Programs): Backend {
  if (configured !== undefined) return configured;
  return !programs.hasIptables() && programs.hasNft() ? "nftables" : "iptables";
}

/**
 * Whether DEL has to look for rules of iptables, which takes a process. Each ADD uses one backend: what has rules in nftables has
 * none there, but when that is the configured one they are removed anyway. Whoever has no iptables has no rules of it.
 */
export function mayHaveIptablesRules(
  configured: Backend | undefined,
  isInNftables: boolean,
  programs: Programs,
): boolean {
  if (chooseBackend(configured, programs) === "iptables") return !isInNftables || programs.hasIptables();
  return !isInNftables && programs.hasIptables();
}
