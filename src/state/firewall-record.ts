// Which rules the plugin firewall wrote for which container: the rules do not say. Like all of it in /run, it goes at a boot, with the
// rules.
import { existsSync, readFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { type FileLock, takeLock } from "../kernel/lock.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { BridgePolicy, BridgeRules, Filtered } from "../plan/firewall/isolation.ts";
import type { FamilyRules, Rule } from "../plan/rule-set.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { removeFile, replaceFile, stateDirectory } from "./state-directory.ts";

export interface FirewallRecord extends Attachment, Filtered {
  readonly network: string;
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns?: NetnsRecord | undefined;
}

export interface FirewallState {
  readonly records: readonly FirewallRecord[];
  /** That were written to keep bridges apart. Unlike those of containers they stay. */
  readonly bridges: readonly BridgeRules[];
}

const FORMAT = 1;

const empty: FirewallState = { records: [], bridges: [] };

/** Empty when there is no file, or none that can be read. */
export function readFirewallState(): FirewallState {
  try {
    const { format, records, bridges } = Object(JSON.parse(readFileSync(path(), "utf8")));
    if (format !== FORMAT || !Array.isArray(records)) return empty;
    return {
      records: records.filter(isRecord).map((each) => ({ ...each, on: isOnBridge(each.on) ? each.on : undefined })),
      bridges: Array.isArray(bridges) ? bridges.filter(areBridgeRules) : [],
    };
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return empty;
    throw error;
  }
}

export function hasFirewallState(): boolean {
  return existsSync(path());
}

/** Whoever writes has read under the lock. */
export function writeFirewallState({ records, bridges }: FirewallState): void {
  if (records.length + bridges.length === 0) removeFile(path());
  else replaceFile(path(), JSON.stringify({ format: FORMAT, records, bridges }));
}

/**
 * A lock of their own: who removes rules has it until they are gone, so that nobody relies on them who gets the same address. Errors: 11,
 * naming the holder.
 */
export function lockFirewallState(checkInterrupt: () => Promise<void>): Promise<FileLock> {
  return takeLock(`${stateDirectory()}/firewall.lock`, { kind: "exclusive", mode: 0o600, checkInterrupt });
}

/** Somebody may have changed the file. */
function isRecord(record: Partial<FirewallRecord> | null): boolean {
  const { network, containerId, ifname, rules } = record ?? {};
  return areTexts(network, containerId, ifname) && Array.isArray(rules) && rules.every(areRules);
}

function areRules(each: Partial<FamilyRules> | null): boolean {
  const { family, rules } = each ?? {};
  const isRule = (rule: Partial<Rule> | null) => areTexts(rule?.table, rule?.chain, rule?.text);
  return (family === 4 || family === 6) && Array.isArray(rules) && rules.every(isRule);
}

function isOnBridge(on: Partial<BridgePolicy> | null | undefined): boolean {
  return areTexts(on?.bridge) && ["open", "same-bridge", "isolated"].includes(on?.policy ?? "");
}

function areBridgeRules(each: Partial<BridgeRules> | null): boolean {
  return isOnBridge(each) && each?.policy !== undefined && (each.family === 4 || each.family === 6);
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

function path(): string {
  return `${stateDirectory()}/firewall`;
}
