// A chain that belongs to one attachment, its rules, and the rules of other chains that lead to it: how the reference plugins
// keep their iptables rules apart. Rules are texts as `iptables-save` prints them, so that equal texts are equal rules.
import type { Family } from "../net/ip.ts";

export interface PrivateChain {
  readonly family: Family;
  readonly table: "nat";
  readonly name: string;
  /** Without `-A chain`. */
  readonly rules: readonly string[];
  readonly jumps: readonly Jump[];
}

/** A rule that leads to the private chain. */
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

/** For `iptables-restore --noflush`; it refuses the whole input when the chain exists already. */
export function addChain({ table, name, rules, jumps }: PrivateChain): string {
  return transaction(table, [`-N ${name}`, ...rules.map((rule) => `-A ${name} ${rule}`), ...jumps.map(append)]);
}

/** The same for a chain that may exist, from an ADD that did not end well or from another interface of the container. */
export function replaceChain({ table, name, rules, jumps }: PrivateChain, saved: SavedTable): string {
  const missing = jumps.map(append).filter((rule) => !saved.rules.includes(rule));
  return transaction(table, [`:${name} - [0:0]`, ...rules.map((rule) => `-A ${name} ${rule}`), ...missing]);
}

/** For `iptables-restore --noflush`; it refuses the whole input unless everything is there and nothing else leads there. */
export function removeChain({ table, name, jumps }: PrivateChain): string {
  return transaction(table, [...jumps.map(({ from, rule }) => `-D ${from} ${rule}`), `-F ${name}`, `-X ${name}`]);
}

/**
 * The same for whatever is left of it; undefined when that is nothing. With no jumps given every rule that leads to the chain
 * goes. A chain that another interface of the container still uses stays.
 */
export function removeRemains({ table, name, jumps }: PrivateChain, saved: SavedTable): string | undefined {
  const leading = saved.rules.filter((rule) => rule.endsWith(` -j ${name}`));
  const ours = new Set(jumps.map(append));
  const gone = leading.filter((rule) => ours.size === 0 || ours.has(rule));
  const lines = gone.map((rule) => `-D${rule.slice(2)}`);
  if (gone.length === leading.length && saved.chains.has(name)) lines.push(`-F ${name}`, `-X ${name}`);
  return lines.length === 0 ? undefined : transaction(table, lines);
}

/** As iptables quotes a text that is not of letters, digits, `_` and `-` alone. */
export function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replaceAll(/["'\\]/g, "\\$&")}"`;
}

function append({ from, rule }: Jump): string {
  return `-A ${from} ${rule}`;
}

function transaction(table: string, lines: readonly string[]): string {
  return `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
}
