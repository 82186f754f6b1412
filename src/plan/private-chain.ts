// A chain that belongs to one attachment, its rules, and the rules of other chains that lead to it: how the reference plugins
// keep their iptables rules apart. Rules are texts as `iptables-save` prints them, so that equal texts are equal rules.
import type { Family } from "../net/ip.ts";

export interface PrivateChain {
  readonly family: Family;
  readonly table: "nat";
  readonly name: string;
  /** Instead, when another interface of the container has the chain of that name. */
  readonly otherName: string;
  /** Without `-A chain`. */
  readonly rules: readonly string[];
  /** The rules that lead to it: without `-j chain`. */
  readonly jumps: readonly Jump[];
}

/** A rule of another chain. */
export interface Jump {
  readonly from: string;
  readonly rule: string;
}

/** Rules of one table, as `iptables-save` printed them. */
export interface SavedTable {
  readonly chains: ReadonlySet<string>;
  /** Each with its `-A chain` in front. */
  readonly rules: readonly string[];
}

export function parseSavedTable(text: string): SavedTable {
  const lines = text.split("\n");
  const chains = lines.filter((line) => line.startsWith(":")).map((line) => line.slice(1).split(" ", 1)[0] ?? "");
  return { chains: new Set(chains), rules: lines.filter((line) => line.startsWith("-A ")) };
}

/** What is not as it was made, a sentence each. With the reference another interface of the container may have rules in the chain. */
export function differencesOf(chain: PrivateChain, saved: SavedTable): string[] {
  const wanted = saved.chains.has(chain.otherName) ? underOtherName(chain) : chain;
  const present = saved.rules.filter((rule) => rule.startsWith(`-A ${wanted.name} `));
  const comments = wanted.rules.map(commentOf);
  const strangers = present.filter((rule) => !comments.includes(commentOf(rule)));
  const places = wanted.rules.map((rule) => present.indexOf(`-A ${wanted.name} ${rule}`)).filter((place) => place >= 0);
  return [
    ...linesOf(wanted)
      .filter((rule) => !saved.rules.includes(rule))
      .map((rule) => `there is no iptables rule ${rule}`),
    ...strangers.map((rule) => `there is an iptables rule that is not the container's: ${rule}`),
    ...(isAscending(places) ? [] : [`the rules of ${wanted.name} are in another order`]),
  ];
}

/** For `iptables-restore --noflush`; it refuses the whole input when the chain exists already. */
export function addChain(chain: PrivateChain): string {
  return transaction(chain.table, [`-N ${chain.name}`, ...linesOf(chain)]);
}

/** The same for a chain that exists, from an ADD that did not end well, or from another interface of the container. */
export function replaceChain(chain: PrivateChain, saved: SavedTable): string {
  const { table, name, rules, jumps } = isAnothers(chain, saved) ? underOtherName(chain) : chain;
  const missing = jumps.map((jump) => leadTo(name, jump)).filter((rule) => !saved.rules.includes(rule));
  return transaction(table, [`:${name} - [0:0]`, ...rules.map((rule) => `-A ${name} ${rule}`), ...missing]);
}

/** For `iptables-restore --noflush`; it refuses the whole input unless everything is there and nothing else leads there. */
export function removeChain({ table, name, jumps }: PrivateChain): string {
  const removals = jumps.map((jump) => `-D${leadTo(name, jump).slice(2)}`);
  return transaction(table, [...removals, `-F ${name}`, `-X ${name}`]);
}

/**
 * The same for whatever is left of it; undefined when that is nothing. With no jumps given every rule that leads to the chain
 * goes. A chain that another interface of the container still uses stays.
 */
export function removeRemains(chain: PrivateChain, saved: SavedTable): string | undefined {
  const other = remainsOf(underOtherName(chain), saved);
  const isForgotten = chain.jumps.length === 0;
  const lines = isForgotten && other.length > 0 ? other : [...remainsOf(chain, saved), ...other];
  return lines.length === 0 ? undefined : transaction(chain.table, lines);
}

function remainsOf({ name, jumps }: PrivateChain, saved: SavedTable): string[] {
  const leading = leadingTo(name, saved);
  const ours = new Set(jumps.map((jump) => leadTo(name, jump)));
  const gone = leading.filter((rule) => ours.size === 0 || ours.has(rule));
  const lines = gone.map((rule) => `-D${rule.slice(2)}`);
  if (gone.length === leading.length && saved.chains.has(name)) lines.push(`-F ${name}`, `-X ${name}`);
  return lines;
}

function commentOf(rule: string): string | undefined {
  return / --comment ("(?:\\.|[^"\\])*"|\S+)/.exec(` ${rule}`)?.[1];
}

function isAscending(places: readonly number[]): boolean {
  return places.every((place, i) => place >= (places[i - 1] ?? 0));
}

function isAnothers({ name, jumps }: PrivateChain, saved: SavedTable): boolean {
  const ours = jumps.map((jump) => leadTo(name, jump));
  return leadingTo(name, saved).some((rule) => !ours.includes(rule));
}

function underOtherName(chain: PrivateChain): PrivateChain {
  return { ...chain, name: chain.otherName };
}

function leadingTo(name: string, saved: SavedTable): string[] {
  return saved.rules.filter((rule) => rule.endsWith(` -j ${name}`));
}

function linesOf({ name, rules, jumps }: PrivateChain): string[] {
  return [...rules.map((rule) => `-A ${name} ${rule}`), ...jumps.map((jump) => leadTo(name, jump))];
}

function leadTo(name: string, { from, rule }: Jump): string {
  return `-A ${from} ${rule} -j ${name}`;
}

/** As iptables quotes a text that is not of letters, digits, `_` and `-` alone. */
export function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replaceAll(/["'\\]/g, "\\$&")}"`;
}

/** The text inside of such quotes. */
export function unquote(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}

function transaction(table: string, lines: readonly string[]): string {
  return `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
}
