import type { Rule, Table } from "./rule-set.ts";

/** What `iptables-save` printed of all tables: the rules of each chain in order, without `-A chain`. */
export class SavedRules {
  readonly #chains = new Map<string, string[]>();
  readonly #policies = new Map<string, string>();

  constructor(text: string) {
    let table = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("*")) table = line.slice(1);
      if (line.startsWith(":")) {
        const [chain = "", policy = ""] = line.slice(1).split(" ");
        this.#chain(table, chain);
        this.#policies.set(`${table} ${chain}`, policy);
      }
      if (line.startsWith("-A ")) {
        const chain = word(line.slice(3));
        this.#chain(table, chain).push(line.slice(`-A ${chain} `.length));
      }
    }
  }

  /** `ACCEPT` or `DROP`; undefined for a chain that is not there. */
  policyOf(table: Table, chain: string): string | undefined {
    return this.#policies.get(`${table} ${chain}`);
  }

  hasChain(table: Table, name: string): boolean {
    return this.#chains.has(`${table} ${name}`);
  }

  chainsOf(table: Table): readonly string[] {
    return [...this.#chains.keys()].flatMap((key) =>
      key.startsWith(`${table} `) ? [key.slice(table.length + 1)] : [],
    );
  }

  /** In order; none for a chain that is not there. */
  rulesOf(table: Table, chain: string): readonly string[] {
    return this.#chains.get(`${table} ${chain}`) ?? [];
  }

  has({ table, chain, text }: Rule): boolean {
    return this.rulesOf(table, chain).includes(text);
  }

  #chain(table: string, name: string): string[] {
    const key = `${table} ${name}`;
    const known = this.#chains.get(key) ?? [];
    this.#chains.set(key, known);
    return known;
  }
}

/** What a CHECK misses. */
export function missingRules(rules: readonly Rule[], saved: SavedRules): readonly Rule[] {
  return rules.filter((rule) => !saved.has(rule));
}

function word(text: string): string {
  return text.split(" ", 1)[0] ?? "";
}
