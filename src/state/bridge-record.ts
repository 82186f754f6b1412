// What an ADD in Docker's layout leaves for the calls after it: whose a bridge is, which containers are on it, and the rules that were
// written for them. The rules themselves do not tell, as Docker's do not. A record is in /run, so it goes with them at a boot; it is
// written before the rules, and replaced as a whole.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { type FileLock, takeLock } from "../kernel/lock.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { FamilyRules } from "../plan/rule-set.ts";
import type { Attachment } from "../protocol/plugin.ts";

export interface AttachmentRecord extends Attachment {
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns?: NetnsRecord | undefined;
  /** That are there for this container alone. */
  readonly rules: readonly FamilyRules[];
}

export interface BridgeRecord {
  readonly bridge: string;
  /** The name of the network that has it. */
  readonly network: string;
  /** That all its containers share. */
  readonly rules: readonly FamilyRules[];
  /** In the order in which they came. */
  readonly attachments: readonly AttachmentRecord[];
}

const ROOT = "/run/dockbridge";
const SUFFIX = ".json";
const FORMAT = 1;

/** Whoever writes a record has read it under this lock, which is never held for long. Errors: 11, naming the holder. */
export function lockRecords(checkInterrupt: () => Promise<void>): Promise<FileLock> {
  return takeLock(`${directory()}/lock`, { kind: "exclusive", mode: 0o600, checkInterrupt });
}

/** Undefined when there is none, or none that can be read. */
export function readRecord(bridge: string): BridgeRecord | undefined {
  try {
    const { format, ...record } = JSON.parse(readFileSync(pathOf(bridge), "utf8"));
    return format === FORMAT ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** All of the host. */
export function readRecords(): readonly BridgeRecord[] {
  return filesIn(directory())
    .filter((name) => name.endsWith(SUFFIX))
    .flatMap((name) => readRecord(name.slice(0, -SUFFIX.length)) ?? []);
}

/** One without attachments is removed. */
export function writeRecord(record: BridgeRecord): void {
  const path = pathOf(record.bridge);
  if (record.attachments.length === 0) {
    rmSync(path, { force: true });
    return;
  }
  mkdirSync(directory(), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify({ format: FORMAT, ...record }), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function pathOf(bridge: string): string {
  return `${directory()}/${bridge}${SUFFIX}`;
}

/** Another network namespace has bridges and rules of its own. */
function directory(): string {
  return `${ROOT}/${statSync("/proc/thread-self/ns/net").ino}`;
}

function filesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
