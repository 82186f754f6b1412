import { realpathSync } from "node:fs";
import type { Family } from "../net/ip.ts";
import { type Environment, findIptables } from "./iptables.ts";
import { type FileLock, takeLock } from "./lock.ts";

/**
 * Who writes what he has read to be missing, or takes it to be, has this lock meanwhile. It is on `iptables-restore` itself, so there is no file
 * to make for it; that of IPv6 may be the same file.
 */
export class RulesLock {
  readonly #locks = new Map<string, FileLock>();

  /** Does nothing when it is taken already. Errors: 11, 999. */
  async take(
    family: Family,
    { env, checkInterrupt }: { readonly env: Environment; readonly checkInterrupt: () => Promise<void> },
  ): Promise<void> {
    const path = realpathSync(findIptables(family, "restore", env));
    if (this.#locks.has(path)) return;
    this.#locks.set(path, await takeLock(path, { kind: "exclusive", checkInterrupt }));
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks.values()) lock[Symbol.dispose]();
    this.#locks.clear();
  }
}
