import { mkdtempSync, symlinkSync } from "node:fs";
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
  /** With a directory in front whose `iptables-restore` and so on are of this kind. */
  readonly path: string;

  constructor(backend: Backend, directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"))) {
    this.backend = backend;
    this.path = `${directory}:${process.env["PATH"]}`;
    for (const family of families) {
      for (const action of ["restore", "save"]) {
        symlinkSync(
          `/usr/sbin/${program(family)}-${backend}-${action}`,
          join(directory, `${program(family)}-${action}`),
        );
      }
    }
  }

  /** `iptables $args` */
  run(family: Family, args: string): string {
    return sh(`${program(family)}-${this.backend} ${args}`);
  }

  rules(family: Family): ReturnType<typeof rulesByChain> {
    return rulesByChain(sh(`${program(family)}-${this.backend}-save`));
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
