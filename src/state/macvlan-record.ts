// What macvlans of several containers share on the host, and who they are: a parent that was made for them, and the host's own access to
// them. It is in /run, so it goes with the links at a boot; it is written before they are made, and replaced as a whole.
import { readFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { removeFile, replaceFile, stateDirectory } from "./state-directory.ts";

export interface ParentUse extends Attachment {
  readonly network: string;
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns?: NetnsRecord | undefined;
  /** That the host has routes to; undefined without hostAccess. */
  readonly hostAccess?: { readonly addresses: readonly string[]; readonly mac: string } | undefined;
}

export interface ParentRecord {
  /** Its name. */
  readonly parent: string;
  /** That we made it; its index tells it from another one of the name, and is unknown until it is there. */
  readonly made?: { readonly index?: number | undefined } | undefined;
  readonly uses: readonly ParentUse[];
}

const FORMAT = 1;

/** None when there is no file, or none that can be read. */
export function readParents(): readonly ParentRecord[] {
  try {
    const { format, parents } = Object(JSON.parse(readFileSync(path(), "utf8")));
    return format === FORMAT && Array.isArray(parents) ? parents.filter(isRecord) : [];
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whoever writes has read under the lock: see lockState. One without uses is forgotten. */
export function writeParents(parents: readonly ParentRecord[]): void {
  const used = parents.filter(({ uses }) => uses.length > 0);
  if (used.length > 0) replaceFile(path(), JSON.stringify({ format: FORMAT, parents: used }));
  else removeFile(path());
}

/** Somebody may have changed the file. */
function isRecord(record: Partial<ParentRecord> | null): record is ParentRecord {
  return typeof record?.parent === "string" && Array.isArray(record.uses) && record.uses.every(isUse);
}

function isUse(use: Partial<ParentUse> | null): boolean {
  const texts = [use?.containerId, use?.ifname, use?.network];
  const { hostAccess } = use ?? {};
  const isAccess =
    hostAccess === undefined || (Array.isArray(hostAccess?.addresses) && typeof hostAccess?.mac === "string");
  return isAccess && texts.every((text) => typeof text === "string");
}

function path(): string {
  return `${stateDirectory()}/macvlan`;
}
