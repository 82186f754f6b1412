// Input for `iptables-restore --noflush`. It carries out one table after the other, each as a whole or not at all.
import type { Chain, OwnChain, Rule, RuleSet, Table } from "./rule-set.ts";
import { tables } from "./rule-set.ts";
import type { SavedRules } from "./saved-rules.ts";

type Lines = ReadonlyMap<Table, readonly string[]>;

/**
 * Adds the own rules, and is refused before anything is changed when a standing one is missing. It also has the chains listed that
 * get new rules, as they were, and those where others have some: what is in an own rule's chain already is there twice then. Undefined
 * when there is nothing to say.
 */
export function addWhereExpected(
  { standing, own, ownChain }: RuleSet,
  others: readonly Rule[] = [],
): string | undefined {
  const changes = byTable(own, (rule) => [add(rule)]);
  const withChain = ownChain === undefined ? changes : prepend(changes, ownChain.table, fillAnew(ownChain));
  const isChanged = (table: Table) => withChain.get(table)?.length !== 0;
  const checks = new Map(
    tables.map((table) => {
      const listed = [...own, ...others].filter((rule) => rule.table === table).map(({ chain }) => chain);
      const expected = standing.filter((rule) => rule.table === table);
      return [
        table,
        [
          ...expected.map(({ chain, text }) => `-C ${chain} ${text}`),
          ...Array.from(new Set(listed), (chain) => `-S ${chain}`),
        ],
      ] as const;
    }),
  );
  // a table that is the only one to be changed is checked in the same transaction
  const [only, ...more] = tables.filter(isChanged);
  if (only === undefined || more.length > 0) return join(print(checks), print(withChain));
  const rest = new Map([...checks].filter(([table]) => table !== only));
  return join(print(rest), print(new Map([[only, [...(checks.get(only) ?? []), ...(withChain.get(only) ?? [])]]])));
}

/** The own rules that the listing of `addWhereExpected` shows: they were there before. */
export function alreadyThere({ own }: RuleSet, listing: string): readonly Rule[] {
  const lines = new Set(listing.split("\n"));
  return own.filter((rule) => isListed(rule, lines));
}

/**
 * After `addWhereExpected`, takes away what is there twice now, `before` being those of its own that were there. At the end of a chain
 * the lower ones are in the right order with the others; those at the head are inserted again, all of them.
 */
export function removeDoubles(
  { own }: RuleSet,
  { before, more }: { readonly before: readonly Rule[]; readonly more: readonly Rule[] },
): string | undefined {
  const heads = before.some(({ at }) => at === "head") ? own.filter(({ at }) => at === "head") : [];
  const removals = byTable([...before, ...more, ...heads], ({ chain, text }) => [`-D ${chain} ${text}`]);
  return print(tables.reduce((lines, table) => append(lines, table, headsOf(heads, table)), removals));
}

function headsOf(heads: readonly Rule[], table: Table): readonly string[] {
  return heads.filter((rule) => rule.table === table).map(add);
}

/** Rules that lead to the own chain, and are not what it has now. */
export function strays({ own, ownChain }: RuleSet, listing: string): readonly Rule[] {
  if (ownChain === undefined) return [];
  const chains = new Set(own.map(({ chain }) => chain));
  const lines = listing.split("\n");
  return Array.from(chains).flatMap((chain) =>
    lines
      .filter((line) => line.startsWith(`-A ${chain} `))
      .map((line) => line.slice(`-A ${chain} `.length))
      .filter((text) => isStray(text, chain, { own, ownChain }))
      .map((text) => ({ table: ownChain.table, chain, text, at: "end" }) as const),
  );
}

function isStray(
  text: string,
  chain: string,
  { own, ownChain }: { readonly own: readonly Rule[]; readonly ownChain: OwnChain },
): boolean {
  return ` ${text}`.endsWith(` -j ${ownChain.name}`) && !own.some((rule) => rule.chain === chain && rule.text === text);
}

/** Whether it shows that a rule of others is gone. */
export function lacksOthers(others: readonly Rule[], listing: string): boolean {
  const lines = new Set(listing.split("\n"));
  return others.some((rule) => !isListed(rule, lines));
}

function isListed({ chain, text }: Rule, lines: ReadonlySet<string>): boolean {
  return lines.has(`-A ${chain} ${text}`);
}

/**
 * Adds the chains and rules that are missing, each at a place that is right beside those which are there. With `dropForward`
 * it sets the policy of FORWARD, too. Undefined when nothing is to be done.
 */
export function addMissing(
  { chains, standing, founding = [], own, ownChain }: RuleSet,
  saved: SavedRules,
  { others = [], dropForward = false }: { readonly others?: readonly Rule[]; readonly dropForward?: boolean } = {},
): string | undefined {
  const wanted = [...standing, ...founding, ...others, ...own];
  const lines = new Map<Table, string[]>();
  for (const table of tables) {
    const missing = chains.filter((chain) => chain.table === table && !saved.hasChain(table, chain.name));
    const inTable = wanted.filter((rule) => rule.table === table);
    lines.set(table, [
      ...(dropForward && table === "filter" ? ["-P FORWARD DROP"] : []),
      ...missing.map(({ name }) => `-N ${name}`),
      ...(ownChain?.table === table ? fillAnew(ownChain) : []),
      ...Array.from(new Set(inTable.map(({ chain }) => chain))).flatMap((chain) =>
        fill(
          inTable.filter((rule) => rule.chain === chain),
          saved.rulesOf(table, chain),
        ),
      ),
      ...(ownChain?.table === table ? straysIn({ own, ownChain }, saved) : []),
    ]);
  }
  return print(lines);
}

/** Removes one of each, and is refused when one is missing; tables before that one are done then. */
export function remove({ rules, chain: own }: Removal): string | undefined {
  const lines = byTable(unique(rules), ({ chain, text }) => [`-D ${chain} ${text}`]);
  return print(own === undefined ? lines : append(lines, own.table, [`-F ${own.name}`, `-X ${own.name}`]));
}

/** Removes all that are there, however often, and whatever leads to the chain. */
export function removePresent({ rules, chain: own }: Removal, saved: SavedRules): string | undefined {
  const lines = byTable(unique(rules), ({ table, chain, text }) =>
    saved
      .rulesOf(table, chain)
      .filter((present) => present === text)
      .map(() => `-D ${chain} ${text}`),
  );
  if (own === undefined || !saved.hasChain(own.table, own.name)) return print(lines);
  const rest = [
    ...straysIn({ own: rules, ownChain: { ...own, rules: [] } }, saved),
    `-F ${own.name}`,
    `-X ${own.name}`,
  ];
  return print(append(lines, own.table, rest));
}

function unique(rules: readonly Rule[]): readonly Rule[] {
  return [...new Map(rules.map((rule) => [`${rule.table} ${rule.chain} ${rule.text}`, rule])).values()];
}

interface Removal {
  readonly rules: readonly Rule[];
  readonly chain?: Chain | undefined;
}

function prepend(lines: Lines, table: Table, more: readonly string[]): Lines {
  return new Map([...lines].map(([name, ofTable]) => [name, name === table ? [...more, ...ofTable] : ofTable]));
}

function append(lines: Lines, table: Table, more: readonly string[]): Lines {
  return new Map([...lines].map(([name, ofTable]) => [name, name === table ? [...ofTable, ...more] : ofTable]));
}

/** It is made when it is not there, and emptied when it is. */
function fillAnew(chain: OwnChain | undefined): string[] {
  return chain === undefined
    ? []
    : [`:${chain.name} - [0:0]`, ...chain.rules.map((text) => `-A ${chain.name} ${text}`)];
}

function straysIn(set: { readonly own: readonly Rule[]; readonly ownChain: OwnChain }, saved: SavedRules): string[] {
  return saved.chainsOf(set.ownChain.table).flatMap((chain) =>
    saved
      .rulesOf(set.ownChain.table, chain)
      .filter((text) => isStray(text, chain, set))
      .map((text) => `-D ${chain} ${text}`),
  );
}

/** Adds the missing rules of one chain. */
function fill(wanted: readonly Rule[], present: readonly string[]): string[] {
  const chain = [...present];
  const heads = wanted.filter(({ at }) => at === "head").reverse();
  const ends = wanted.filter(({ at }) => at === "end");
  return wanted.flatMap((rule) => {
    if (chain.includes(rule.text)) return [];
    const place =
      rule.at === "head"
        ? below(chain, heads.slice(0, heads.indexOf(rule)))
        : above(chain, ends.slice(ends.indexOf(rule) + 1));
    const line = place === chain.length ? `-A ${rule.chain} ${rule.text}` : insert(rule, place);
    chain.splice(place, 0, rule.text);
    return [line];
  });
}

function insert({ chain, text }: Rule, place: number): string {
  return place === 0 ? `-I ${chain} ${text}` : `-I ${chain} ${place + 1} ${text}`;
}

/** The place under those of the rules that are there; the head when none is. */
function below(chain: readonly string[], rules: readonly Rule[]): number {
  return Math.max(-1, ...rules.map(({ text }) => chain.indexOf(text))) + 1;
}

/** The place over those of the rules that are there; the end when none is. */
function above(chain: readonly string[], rules: readonly Rule[]): number {
  return Math.min(chain.length, ...rules.map(({ text }) => chain.indexOf(text)).filter((place) => place >= 0));
}

function add({ chain, text, at }: Rule): string {
  return `${at === "head" ? "-I" : "-A"} ${chain} ${text}`;
}

function byTable(rules: readonly Rule[], linesOf: (rule: Rule) => readonly string[]): Lines {
  return new Map(tables.map((table) => [table, rules.filter((rule) => rule.table === table).flatMap(linesOf)]));
}

function join(...inputs: readonly (string | undefined)[]): string | undefined {
  const text = inputs.join("");
  return text === "" ? undefined : text;
}

function print(lines: Lines): string | undefined {
  const sections = [...lines].filter(([, ofTable]) => ofTable.length > 0);
  if (sections.length === 0) return undefined;
  return sections.map(([table, ofTable]) => `*${table}\n${ofTable.join("\n")}\nCOMMIT\n`).join("");
}
