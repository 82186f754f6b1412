import { CniError, ErrorCode } from "../../protocol/error.ts";

export type MasqueradeBackend = "iptables" | "nftables";

/** Which programs are there; asked only when it matters. */
export interface Programs {
  readonly hasIptables: () => boolean;
  readonly hasNft: () => boolean;
}

/** Undefined when it is left open. Errors: 7. */
export function parseBackend(text: string | undefined): MasqueradeBackend | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "iptables" || text === "nftables") return text;
  const message = `bridge: ipMasqBackend ${JSON.stringify(text)} is neither "iptables" nor "nftables"`;
  throw new CniError(ErrorCode.InvalidConfig, message);
}

/** Left open it is iptables, unless only nft is there. */
export function chooseBackend(configured: MasqueradeBackend | undefined, programs: Programs): MasqueradeBackend {
  if (configured !== undefined) return configured;
  return !programs.hasIptables() && programs.hasNft() ? "nftables" : "iptables";
}

/**
 * Whether DEL has to look for rules of iptables, which takes a process. Each ADD uses one backend: what has rules in nftables has
 * none there, but when that is the configured one they are removed anyway. Whoever has no iptables has no rules of it.
 */
export function mayHaveIptablesRules(
  configured: MasqueradeBackend | undefined,
  isInNftables: boolean,
  programs: Programs,
): boolean {
  if (chooseBackend(configured, programs) === "iptables") return !isInNftables || programs.hasIptables();
  return !isInNftables && programs.hasIptables();
}
