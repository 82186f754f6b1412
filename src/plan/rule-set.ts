// Rules in chains that many share, kept there one by one. Texts are as `iptables-save` prints them, so that equal texts are
// equal rules.
import type { Family } from "../net/ip.ts";

/** In the order in which a change of several is carried out. */
export const tables = ["raw", "nat", "filter"] as const;

export type Table = (typeof tables)[number];

export interface Chain {
  readonly table: Table;
  readonly name: string;
}

export interface Rule {
  readonly table: Table;
  readonly chain: string;
  /** Without `-A chain`. */
  readonly text: string;
  /** Where a new one goes: `-I` or `-A`. Of two at the head the later one is above. */
  readonly at: "head" | "end";
}

/** A chain that is one attachment's alone: whatever is in it is replaced. Own rules of other chains lead to it. */
export interface OwnChain extends Chain {
  /** In order, without `-A chain`. */
  readonly rules: readonly string[];
}

/** What one family's firewall must have when it is carried out. */
export interface RuleSet {
  readonly family: Family;
  /** Made when they are missing. What is in them belongs to whoever wrote it. */
  readonly chains: readonly Chain[];
  /** Expected to be there. Made when they are missing, and not taken back, but for the revocable: others rely on them. */
  readonly standing: readonly Rule[];
  /** Those of the standing ones that are taken back when they were missing: whoever does so sees who else relies on them. */
  readonly revocable?: readonly Rule[];
  /** What others will expect to be there, and this call is the first to need: added at once, and not taken back either. */
  readonly founding?: readonly Rule[];
  /** Expected not to be there: what this call is about. */
  readonly own: readonly Rule[];
  /** Those of its own that lead there are its only ones. */
  readonly ownChain?: OwnChain;
  /**
   * Of others in the same network. Made with the standing ones, when it is seen that any of both is missing. They come and go, so they
   * are asked for both before and after the rules are read: only those of both times are made.
   */
  readonly others?: () => readonly Rule[];
  /** Also that this host forwards. When it did not, the policy of the filter table's FORWARD becomes DROP with the rules. */
  readonly forwarding?: true;
}

/** Rules of one family, wherever they are. */
export interface FamilyRules {
  readonly family: Family;
  readonly rules: readonly Rule[];
}

/** `iptables -t nat -A POSTROUTING ...`: as an administrator would add it. */
export function printRule({ table, chain, text, at }: Rule, family: Family): string {
  return `${family === 4 ? "iptables" : "ip6tables"} -t ${table} ${at === "head" ? "-I" : "-A"} ${chain} ${text}`;
}
