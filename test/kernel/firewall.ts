import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Family } from "../../src/net/ip.ts";
import { rulesByChain } from "../docker-networks.ts";
import { sh } from "./own-network.ts";

export type Backend = "nft" | "legacy";

const families = [4, 6] as const;

/** The firewall of the network of this process, by either of the two kinds of programs. */
export class Firewall {
  readonly backend: Backend;
  readonly #directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));

  constructor(backend: Backend) {
    this.backend = backend;
    for (const family of families) {
      for (const action of ["restore", "save"]) {
        const script = `#!/bin/sh
echo ${action}${family} >> ${this.#log}
${program(family)}-${backend}-${action} "$@" || exit
${action === "save" ? `sleep \${PAUSE_AFTER_SAVE:-0}` : ""}
`;
        writeFileSync(join(this.#directory, `${program(family)}-${action}`), script, { mode: 0o755 });
      }
    }
  }

  /**
   * With a directory in front whose `iptables-restore` and so on are of this kind, and take note of being started. Those that
   * read wait for PAUSE_AFTER_SAVE seconds, which is time for others to write.
   */
  get path(): string {
    return `${this.#directory}:${process.env["PATH"]}`;
  }

  /** `restore4`, `save6`, ... in the order in which they were started since the last time. */
  started(): readonly string[] {
    const lines = readFileSync(this.#log, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    writeFileSync(this.#log, "");
    return lines;
  }

  get #log(): string {
    return join(this.#directory, "log");
  }

  /** `iptables $args` */
  run(family: Family, args: string): string {
    return sh(`${program(family)}-${this.backend} ${args}`);
  }

  rules(family: Family): ReturnType<typeof rulesByChain> {
    return rulesByChain(sh(`${program(family)}-${this.backend}-save`));
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  /** As it is on a new host. */
  clear(): void {
    for (const family of families) {
      this.run(family, "-P FORWARD ACCEPT");
      for (const table of ["raw", "nat", "filter"]) {
        this.run(family, `-t ${table} -F`);
        this.run(family, `-t ${table} -X`);
      }
    }
  }
}

function program(family: Family): string {
  return family === 4 ? "iptables" : "ip6tables";
}
