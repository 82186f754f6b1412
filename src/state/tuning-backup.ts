// What the plugin tuning found before it changed it: a file per attachment, in the form of the reference, which overlooks what it does
// not know: sysctls, the network, and the namespace.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { makeDirectory } from "../kernel/directory.ts";
import { isErrno } from "../kernel/kernel-error.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import { type Mac, parseMac } from "../net/mac.ts";
import type { Spelling } from "../net/sysctl-key.ts";
import type { LinkSettings } from "../plan/step.ts";
import type { Attachment } from "../protocol/plugin.ts";

export interface Backup {
  readonly link: LinkSettings;
  /** By the file below /proc/sys, in the order in which they were set. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** By the same file: how the kernel prints what ADD has written, where it does so in another way. */
  readonly spellings: ReadonlyMap<string, Spelling>;
  /** Undefined in one of the Go plugin. */
  readonly network: string | undefined;
  readonly netns: NetnsRecord | undefined;
}

/** As it is in the file. */
interface Written {
  readonly mac?: unknown;
  readonly promisc?: unknown;
  readonly mtu?: unknown;
  readonly allmulti?: unknown;
  readonly txQLen?: unknown;
  readonly sysctl?: unknown;
  readonly spellings?: unknown;
  readonly network?: unknown;
  readonly netns?: unknown;
}

/** What is said of a path that no backup can have: an ADD that wanted it has failed, and its DEL must not. */
const noFile = ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "EISDIR", "ERR_FS_EISDIR"];

export function backupPath(dataDir: string, { containerId, ifname }: Attachment): string {
  return `${dataDir}/${containerId}_${ifname}.json`;
}

/** Undefined when there is none, or none that can be read. */
export function readBackup(path: string): Backup | undefined {
  try {
    return parse(Object(JSON.parse(readFileSync(path, "utf8"))));
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, ...noFile)) return undefined;
    throw error;
  }
}

/** Whoever reads it sees the old content or the new. */
export function writeBackup(dataDir: string, attachment: Attachment, backup: Backup): void {
  const { link, sysctls, network, netns } = backup;
  const { txqlen: txQLen, ...others } = link;
  const sysctl = objectOf(sysctls);
  const spellings = objectOf(backup.spellings);
  const path = backupPath(dataDir, attachment);
  makeDirectory(dataDir, 0o700);
  // the name of no other backup ends so
  writeFileSync(`${path}.new`, JSON.stringify({ ...others, txQLen, sysctl, spellings, network, netns }, undefined, 1), {
    mode: 0o600,
  });
  renameSync(`${path}.new`, path);
}

export function removeBackup(path: string): void {
  try {
    rmSync(path, { force: true });
    rmSync(`${path}.new`, { force: true });
  } catch (error) {
    if (!isErrno(error, ...noFile)) throw error;
  }
}

/** Paths of all that are there. */
export function listBackups(dataDir: string): readonly string[] {
  try {
    return readdirSync(dataDir)
      .filter((name) => name.endsWith(".json"))
      .map((name) => `${dataDir}/${name}`);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

/** Somebody may have changed the file: what cannot be is left out. */
function parse(written: Written): Backup {
  const { mac, promisc, mtu, allmulti, txQLen, sysctl, spellings, network, netns } = written;
  const link = {
    mac: typeof mac === "string" ? (parseMac(mac) satisfies Mac | undefined) : undefined,
    mtu: numberOf(mtu),
    txqlen: numberOf(txQLen),
    promisc: booleanOf(promisc),
    allmulti: booleanOf(allmulti),
  };
  const settings = Object.entries(Object(sysctl)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return {
    link: Object.fromEntries(Object.entries(link).filter(([, value]) => value !== undefined)),
    sysctls: new Map(settings),
    spellings: new Map(Object.entries(Object(spellings)).filter(isSpelling)),
    network: typeof network === "string" ? network : undefined,
    netns: isNetnsRecord(netns) ? netns : undefined,
  };
}

function objectOf<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> | undefined {
  return map.size === 0 ? undefined : Object.fromEntries(map);
}

function isSpelling(entry: [string, unknown]): entry is [string, Spelling] {
  const { written, printed } = Object(entry[1]);
  return typeof written === "string" && typeof printed === "string";
}

function isNetnsRecord(value: unknown): value is NetnsRecord {
  const { bootId, path, identity, viewpoint } = Object(value);
  return [bootId, path, identity, viewpoint].every((text) => typeof text === "string");
}

function numberOf(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff
    ? (value as number)
    : undefined;
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}
