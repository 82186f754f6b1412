// Rules of one attachment in nftables: among those of others in a chain that all share, and in chains of its own. As with the
// reference plugins, whose a rule is tells its comment. What is written here is for `nft -f -`, which carries out all or nothing.

export interface NftTable {
  readonly family: "inet" | "bridge" | "ip" | "ip6";
  readonly name: string;
}

/** How to tell the rules of one attachment from others. */
export interface NftOwner {
  readonly table: NftTable;
  /** The chains in which others have rules, too. */
  readonly shared: readonly string[];
  /** Chains that are the attachment's alone. */
  readonly chains: readonly string[];
  readonly comment: CommentPattern;
}

export type CommentPattern =
  | { readonly is: string }
  /** `except`: not when it starts with one of these. */
  | { readonly startsWith: string; readonly except: readonly string[] };

export interface NftRules {
  readonly owner: NftOwner;
  /** Commands that make what all attachments share, and bear that it is there. */
  readonly base: readonly string[];
  /** What leads from the kernel to the rules, in chains that `base` has emptied. */
  readonly standing: readonly NftRule[];
  readonly rules: readonly NftRule[];
}

export interface NftRule {
  readonly chain: string;
  /** With its comment. */
  readonly rule: string;
  /** In front of it, in an administrator's words. */
  readonly conditions?: readonly string[];
}

/** What there is of an owner. */
export interface NftFound {
  /** The rules in the shared chains. */
  readonly rules: readonly { readonly chain: string; readonly handle: bigint }[];
  /** Those of its own chains that exist. */
  readonly chains: readonly string[];
}

export const nothingFound: NftFound = { rules: [], chains: [] };

export function isOwnComment(pattern: CommentPattern, comment: string): boolean {
  if ("is" in pattern) return comment === pattern.is;
  return comment.startsWith(pattern.startsWith) && !pattern.except.some((prefix) => comment.startsWith(prefix));
}

/** In place of what an earlier ADD left. */
export function addNftRules({ owner, base, standing, rules }: NftRules, found: NftFound): string {
  const table = nameOf(owner.table);
  const add = (rule: NftRule) => printNftRule(owner.table, rule);
  return lines([
    ...base,
    ...standing.map(add),
    ...deletions(owner, found),
    ...owner.chains.flatMap((chain) => [`add chain ${table} ${chain}`, `flush chain ${table} ${chain}`]),
    ...rules.map(add),
  ]);
}

/** Undefined when there is nothing to remove. The table and the shared chain stay, as with the reference. */
export function removeNftRules(owner: NftOwner, found: NftFound): string | undefined {
  const table = nameOf(owner.table);
  const commands = [
    ...deletions(owner, found),
    // none can be deleted while a rule leads there
    ...found.chains.map((chain) => `flush chain ${table} ${chain}`),
    ...found.chains.map((chain) => `delete chain ${table} ${chain}`),
  ];
  return commands.length === 0 ? undefined : lines(commands);
}

export function printNftRule(table: NftTable, { chain, rule, conditions = [] }: NftRule): string {
  return `add rule ${nameOf(table)} ${chain} ${[...conditions, rule].join(" ")}`;
}

/** `inet filter` */
export function nameOf({ family, name }: NftTable): string {
  return `${family} ${name}`;
}

/** nft knows no escapes: a text ends at the first quotation mark. */
export function quoteNft(text: string): string {
  return `"${text.replaceAll('"', "")}"`;
}

function deletions({ table }: NftOwner, { rules }: NftFound): string[] {
  return rules.map(({ chain, handle }) => `delete rule ${nameOf(table)} ${chain} handle ${handle}`);
}

function lines(commands: readonly string[]): string {
  return commands.map((command) => `${command}\n`).join("");
}
