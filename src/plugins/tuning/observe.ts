import { readFileSync } from "node:fs";
import { isErrno } from "../../kernel/kernel-error.ts";
import type { Places } from "../../kernel/places.ts";
import { isUnreadable, readSysctl } from "../../kernel/sysctl.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import { allowlistProblem, parseAllowlist } from "./allowlist.ts";
import type { Sysctl, TuningConfig } from "./config.ts";
import type { TuningFacts } from "./plan.ts";

const ALLOWLIST = "/etc/cni/tuning/allowlist.conf";

/** Errors: 7 for a setting that the administrator does not allow. Without the file any is allowed. */
export function refuseForbidden({ sysctls }: TuningConfig): void {
  const text = sysctls.length === 0 ? undefined : readIfThere(ALLOWLIST);
  if (text === undefined) return;
  const names = sysctls.map(({ name }) => name);
  const problem = allowlistProblem(names, parseAllowlist(text));
  if (problem !== undefined) throw new CniError(ErrorCode.InvalidConfig, `tuning: ${ALLOWLIST}: ${problem}`);
}

export function observe(places: Places, { sysctls }: TuningConfig, ifname: string): TuningFacts {
  const { run } = places.at("container");
  const readings = run(() => sysctls.map((sysctl) => [sysctl.key, read(sysctl)] as const));
  return {
    link: places.findLink("container", ifname),
    sysctls: new Map(readings.map(([key, { value }]) => [key, value])),
    unreadable: new Map(readings.flatMap(([key, { why }]) => (why === undefined ? [] : [[key, why] as const]))),
  };
}

interface Reading {
  readonly value?: string | undefined;
  /** Why there is none to read. */
  readonly why?: "unset" | "write-only";
}

/** Errors: 999 for what is a directory. */
function read({ name, key }: Sysctl): Reading {
  try {
    return { value: readSysctl(key) };
  } catch (error) {
    if (isUnreadable(error)) return { why: isErrno(error, "EIO") ? "unset" : "write-only" };
    throw new CniError(
      ErrorCode.Internal,
      `tuning: sysctl ${JSON.stringify(name)} cannot be read: ${messageOf(error)}`,
    );
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
