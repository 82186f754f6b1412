// What a reservation is in files: one of the reference, and a line of our index.
import type { NetnsRecord } from "../kernel/netns-record.ts";
import { interfaceNameProblem } from "../net/interface-name.ts";
import type { Attachment } from "../protocol/plugin.ts";

/** A line of the index. */
export interface IndexLine {
  /** As the name of the file. */
  readonly ip: string;
  /** The interface name is empty when the file has none. */
  readonly owner: Attachment;
  /** The file and the namespace; absent when another program reserved the address. */
  readonly ours?: { readonly file: string; readonly netns: NetnsRecord } | undefined;
}

/** The content of the file. The library trims the container id of white space. */
export function printOwner({ containerId, ifname }: Attachment): string {
  return `${containerId.trim()}\r\n${ifname}`;
}

/**
 * `<container id>\r\n<ifname>`, or the id alone, as old releases wrote it. Undefined for what is neither: it was left half-written,
 * or is damaged.
 */
export function parseOwner(content: string): Attachment | undefined {
  const [, containerId = "", ifname] = /^\s*([\x21-\x7e]+)(?:\r\n([^\r\n]*))?\n?$/.exec(content) ?? [];
  if (containerId === "" || (ifname !== undefined && interfaceNameProblem(ifname) !== undefined)) return undefined;
  return { containerId, ifname: ifname ?? "" };
}

export function printLine({ ip, owner, ours }: IndexLine): string {
  const { bootId, path, identity } = ours?.netns ?? {};
  const facts = ours === undefined ? [] : [ours.file, bootId, path, identity];
  return JSON.stringify([ip, owner.containerId, owner.ifname, ...facts]);
}

/** Undefined for what cannot be read. */
export function parseLine(text: string): IndexLine | undefined {
  const [ip, containerId, ifname, file, bootId, path, identity] = stringsOf(text);
  if (ip === undefined || containerId === undefined || ifname === undefined) return undefined;
  const owner = { containerId, ifname };
  if (file === undefined || bootId === undefined || path === undefined || identity === undefined) return { ip, owner };
  return { ip, owner, ours: { file, netns: { bootId, path, identity } } };
}

function stringsOf(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((field) => typeof field === "string") ? value : [];
  } catch {
    return [];
  }
}
