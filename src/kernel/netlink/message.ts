// Headers and attributes of netlink messages to bytes and back. All numbers are in the order of the host, which is little-endian
// on both targets. Decoding trusts no length.
import {
  NLA_F_NESTED,
  NLA_TYPE_MASK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
} from "./constants.ts";

export const HEADER_SIZE = 16;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export type Attributes = ReadonlyMap<number, Buffer>;

/** A message whose sequence number the socket writes before it sends. */
export function message(type: number, flags: number, body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEADER_SIZE), ...body]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  return bytes;
}

export function setSequence(bytes: Buffer, sequence: number): void {
  bytes.writeUInt32LE(sequence, 8);
}

export function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(align(4 + value.length));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

export function nested(type: number, children: readonly Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(children));
}

export function u8(type: number, value: number): Buffer {
  return attribute(type, Uint8Array.of(value));
}

export function u16(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return attribute(type, bytes);
}

export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return attribute(type, bytes);
}

export function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}

/** The messages of one datagram. Throws when a length points outside it. */
export function parseMessages(datagram: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (datagram.length - at < HEADER_SIZE) throw new Error(`netlink: ${datagram.length - at} bytes are no message`);
    const length = datagram.readUInt32LE(at);
    if (length < HEADER_SIZE || length > datagram.length - at) {
      throw new Error(`netlink: a message claims ${length} of ${datagram.length - at} bytes`);
    }
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER_SIZE, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** Of two attributes of one type the later counts, as in the kernel. Throws when a length points outside. */
export function parseAttributes(bytes: Buffer): Attributes {
  return new Map(listAttributes(bytes));
}

/** All of them in order, for where a type may be there several times: types and values. */
export function listAttributes(bytes: Buffer): (readonly [number, Buffer])[] {
  const attributes: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    // up to three bytes of padding may follow the last one
    if (left < 4) break;
    const length = bytes.readUInt16LE(at);
    if (length < 4 || length > left) throw new Error(`netlink: an attribute claims ${length} of ${left} bytes`);
    attributes.push([bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length)]);
    at += align(length);
  }
  return attributes;
}

/** The fixed part of a payload, or an error when it is shorter. */
export function fixedPart(payload: Buffer, size: number): { readonly header: Buffer; readonly attributes: Attributes } {
  if (payload.length < size) throw new Error(`netlink: ${payload.length} bytes where ${size} are the least`);
  return { header: payload.subarray(0, size), attributes: parseAttributes(payload.subarray(align(size))) };
}

export function readU32(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  return value !== undefined && value.length >= 4 ? value.readUInt32LE() : undefined;
}

export function readU16(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  return value !== undefined && value.length >= 2 ? value.readUInt16LE() : undefined;
}

export function readU8(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.[0];
}

export function readText(attributes: Attributes, type: number): string | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end < 0 ? value.length : end);
}

export function readNested(attributes: Attributes, type: number): Attributes {
  const value = attributes.get(type);
  return value === undefined ? new Map() : parseAttributes(value);
}

/** An acknowledgement: errno 0 means that the request was carried out. */
export interface Acknowledgement {
  /** Positive, or 0. */
  readonly errno: number;
  /** The kernel's own words, where it has some. */
  readonly text: string | undefined;
}

export function parseAcknowledgement({ type, flags, payload }: Message): Acknowledgement {
  if (payload.length < 4) throw new Error("netlink: an acknowledgement without error number");
  const errno = 0 - payload.readInt32LE();
  if (errno < 0) throw new Error(`netlink: ${-errno} is no error number`);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  return {
    errno,
    text: readText(parseAttributes(payload.subarray(startOfWords(type, flags, payload))), NLMSGERR_ATTR_MSG),
  };
}

/** Behind the number an error repeats the header of the request, and its body too unless that was capped. */
function startOfWords(type: number, flags: number, payload: Buffer): number {
  if (type !== NLMSG_ERROR) return 4;
  if (payload.length < 4 + HEADER_SIZE) throw new Error("netlink: an error without the request's header");
  return (flags & NLM_F_CAPPED) !== 0 ? 4 + HEADER_SIZE : 4 + align(payload.readUInt32LE(4));
}

function align(length: number): number {
  return (length + 3) & ~3;
}
