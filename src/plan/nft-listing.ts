// What `nft list table` prints, beside what was written. nft prints rules nearly as they were; of addresses it has its own notation.
import { parseCidr, printCidr } from "../net/cidr.ts";
import { bitsOf, parseIp, printIp } from "../net/ip.ts";
import { isOwnComment, type NftRule, type NftRules, printNftRule } from "./nft-rules.ts";

/** The lines of each chain in order, also those that are no rules. */
export type NftListing = ReadonlyMap<string, readonly string[]>;

export function parseNftListing(text: string): NftListing {
  const chains = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split("\n").map((each) => each.trim())) {
    const name = /^chain (\S+) \{$/.exec(line)?.[1];
    if (name === undefined) {
      lines.push(canonical(line));
      continue;
    }
    lines = [];
    chains.set(name, lines);
  }
  return chains;
}

/** What is missing, and what is there in its place, a sentence each. */
export function nftDifferences({ owner, standing, rules }: NftRules, listing: NftListing): string[] {
  const linesOf = (chain: string) => listing.get(chain) ?? [];
  const missing = [...standing, ...rules].filter((rule) => !linesOf(rule.chain).some((line) => isIt(rule, line)));
  const more = [...owner.shared, ...owner.chains].flatMap((chain) =>
    linesOf(chain)
      .filter((line) => isOwnComment(owner.comment, /comment "([^"]*)"$/.exec(line)?.[1] ?? ""))
      .filter((line) => !rules.some((rule) => rule.chain === chain && isIt(rule, line)))
      .map((line) => ({ chain, rule: line })),
  );
  const print = (rule: NftRule) => `nft ${printNftRule(owner.table, rule)}`;
  return [
    ...missing.map((rule) => `there is no rule of: ${print(rule)}`),
    ...more.map((rule) => `there is a rule that is not the container's: ${print(rule)}`),
  ];
}

/** Conditions are not compared: nft has many ways to say the same. */
function isIt({ rule, conditions = [] }: NftRule, line: string): boolean {
  const text = canonical(rule);
  return conditions.length === 0 ? line === text : line.endsWith(` ${text}`);
}

/** The same for `10.1.0.5/32` and `10.1.0.5`. Comments stay as they are. */
function canonical(rule: string): string {
  const comment = rule.indexOf(' comment "');
  const end = comment < 0 ? rule.length : comment;
  return rule.slice(0, end).split(" ").map(canonicalWord).join(" ") + rule.slice(end);
}

function canonicalWord(word: string): string {
  const [, inBrackets, rest] = /^\[(.+)\](:\d+)$/.exec(word) ?? [];
  if (inBrackets !== undefined) return `[${canonicalWord(inBrackets)}]${rest}`;
  const cidr = parseCidr(word);
  if (cidr !== undefined) return cidr.prefix === bitsOf(cidr.ip.family) ? printIp(cidr.ip) : printCidr(cidr);
  const ip = parseIp(word);
  return ip === undefined ? word : printIp(ip);
}
