// What a reservation is in files: one of the reference, and a line of our index.
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { Attachment } from "../protocol/plugin.ts";

/** A line of the index. */
export interface IndexLine {
  /** Of the file: the address, as a rule in its usual spelling. */
  readonly name: string;
  /** The interface name is empty when the file has none. */
  readonly owner: Attachment;
  /** Tells the file from one that another program made under the same name later. */
  readonly file: string;
  /** Undefined when nothing is known of it. */
  readonly netns: NetnsRecord | undefined;
}

/** The content of the file. The library trims the container id of white space. */
export function printOwner({ containerId, ifname }: Attachment): string {
  return `${containerId.trim()}\r\n${ifname}`;
}

/**
 * `<container id>\r\n<ifname>`, or the id alone, as old releases wrote it, with white space around it, as the reference reads it. What
 * is neither belongs to somebody that we do not know. Undefined for what was left half-written, or is damaged.
 */
export function parseOwner(content: string): Attachment | undefined {
  const text = content.trim();
  if (text === "" || /\p{Cc}|\ufffd/u.test(text.replaceAll(/[\t\r\n]/g, ""))) return undefined;
  const [containerId = "", ...more] = text.split("\r\n");
  return { containerId, ifname: more.join("\r\n") };
}

/** Whether the content is the beginning of what was written there. */
export function isCutOff(content: string, owner: Attachment): boolean {
  const whole = printOwner(owner);
  return content.length < whole.length && whole.startsWith(content) && content.trim() !== whole.trim();
}

export function printLine({ name, owner, file, netns }: IndexLine): string {
  const facts = netns === undefined ? [] : [netns.bootId, netns.path, netns.identity, netns.viewpoint];
  return JSON.stringify([name, owner.containerId, owner.ifname, file, ...facts]);
}

/** Undefined for what cannot be read. */
export function parseLine(text: string): IndexLine | undefined {
  const [name, containerId, ifname, file, bootId, path, identity, viewpoint] = stringsOf(text);
  if (name === undefined || containerId === undefined || ifname === undefined || file === undefined) return undefined;
  const isWhole = bootId !== undefined && path !== undefined && identity !== undefined && viewpoint !== undefined;
  return {
    name,
    owner: { containerId, ifname },
    file,
    netns: isWhole ? { bootId, path, identity, viewpoint } : undefined,
  };
}

function stringsOf(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((field) => typeof field === "string") ? value : [];
  } catch {
    return [];
  }
}
