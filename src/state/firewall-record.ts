// Which rules the plugin firewall wrote for which container: the rules do not say. Like all of it in /run, it goes at a boot, with the
// rules.
import { existsSync, readFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { type FileLock, takeLock } from "../kernel/lock.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { FamilyRules, Rule } from "../plan/rule-set.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { removeFile, replaceFile, stateDirectory } from "./state-directory.ts";

export interface FirewallRecord extends Attachment {
  readonly network: string;
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns?: NetnsRecord | undefined;
  readonly rules: readonly FamilyRules[];
}

const FORMAT = 1;

/** None when there is no file, or none that can be read. */
export function readFirewallRecords(): readonly FirewallRecord[] {
  try {
    const { format, records } = Object(JSON.parse(readFileSync(path(), "utf8")));
    return format === FORMAT && Array.isArray(records) ? records.filter(isRecord) : [];
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

export function hasFirewallRecords(): boolean {
  return existsSync(path());
}

/** Whoever writes has read under the lock. */
export function writeFirewallRecords(records: readonly FirewallRecord[]): void {
  if (records.length > 0) replaceFile(path(), JSON.stringify({ format: FORMAT, records }));
  else removeFile(path());
}

/**
 * A lock of their own: who removes rules has it until they are gone, so that nobody relies on them who gets the same address. Errors: 11,
 * naming the holder.
 */
export function lockFirewallRecords(checkInterrupt: () => Promise<void>): Promise<FileLock> {
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

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

function path(): string {
  return `${stateDirectory()}/firewall`;
}
