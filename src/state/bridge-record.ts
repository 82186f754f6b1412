// What an ADD in Docker's layout leaves for the calls after it: whose a bridge is, which containers are on it, and the rules that were
// written for them. The rules themselves do not tell, as Docker's do not. A record is in /run, so it goes with them at a boot; it is
// written before the rules, and replaced as a whole.
import { readdirSync, readFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { Family } from "../net/ip.ts";
import type { FamilyRules } from "../plan/rule-set.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { removeFile, replaceFile, stateDirectory } from "./state-directory.ts";

export interface AttachmentRecord extends Attachment {
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns?: NetnsRecord | undefined;
  readonly addresses: readonly string[];
  /** Only rules of one that is attached are made again when they are missing: the others are just being written, or removed. */
  readonly state: "entering" | "attached" | "leaving";
  /** That are there for this container alone. */
  readonly rules: readonly FamilyRules[];
}

export interface NetworkSettings {
  readonly chainPrefix: string;
  readonly internal: boolean;
  /** In the families that a container has had an address of. */
  readonly subnets: readonly { readonly family: Family; readonly subnet: string; readonly gatewayMode: string }[];
}

export interface BridgeRecord {
  readonly bridge: string;
  /** The name of the network that has it. */
  readonly network: string;
  /** What cannot change while there are containers. */
  readonly settings: NetworkSettings;
  /** That all its containers share. */
  readonly rules: readonly FamilyRules[];
  /** In the order in which they came. */
  readonly attachments: readonly AttachmentRecord[];
}

const SUFFIX = ".json";
const FORMAT = 1;

/** Undefined when there is none, or none that can be read. */
export function readRecord(bridge: string): BridgeRecord | undefined {
  try {
    const { format, ...record } = Object(JSON.parse(readFileSync(pathOf(bridge), "utf8")));
    return format === FORMAT && isRecord(record) ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Somebody may have changed the file. */
function isRecord(record: Partial<BridgeRecord>): record is BridgeRecord {
  const { bridge, network, rules, attachments, settings } = record;
  return (
    typeof bridge === "string" &&
    typeof network === "string" &&
    Array.isArray(settings?.subnets) &&
    areRules(rules) &&
    Array.isArray(attachments) &&
    attachments.every((each) => areRules(each?.rules) && Array.isArray(each.addresses))
  );
}

function areRules(rules: unknown): boolean {
  return Array.isArray(rules) && rules.every((each) => Array.isArray(each?.rules));
}

/** All of the host. */
export function readRecords(): readonly BridgeRecord[] {
  return filesIn(stateDirectory())
    .filter((name) => name.endsWith(SUFFIX))
    .flatMap((name) => readRecord(name.slice(0, -SUFFIX.length)) ?? []);
}

/** One without attachments is removed. */
export function writeRecord(record: BridgeRecord): void {
  const path = pathOf(record.bridge);
  if (record.attachments.length > 0) replaceFile(path, JSON.stringify({ format: FORMAT, ...record }));
  else removeFile(path);
}

function pathOf(bridge: string): string {
  return `${stateDirectory()}/${bridge}${SUFFIX}`;
}

function filesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
