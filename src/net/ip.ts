import ipaddr from "ipaddr.js";

export type Family = 4 | 6;

/** An address as a number, so that ranges can be calculated; an IPv4-mapped IPv6 address is the IPv4 address. */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** Bits of an address of this family. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** Strict: four decimal numbers without leading zeros, or RFC 4291 text without a zone. */
export function parseIp(text: string): Ip | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipFromBytes(ipaddr.IPv4.parse(text).toByteArray());
  const groups = withoutDottedEnd(text);
  if (groups === undefined || groups.includes("%") || !ipaddr.IPv6.isValid(groups)) return undefined;
  const ip = ipaddr.IPv6.parse(groups);
  return ipFromBytes(ip.isIPv4MappedAddress() ? ip.toIPv4Address().toByteArray() : ip.toByteArray());
}

/** Dotted decimal, or RFC 5952. */
export function printIp(ip: Ip): string {
  return ipaddr.fromByteArray([...ipToBytes(ip)]).toString();
}

/** Network byte order, 4 or 16 bytes. */
export function ipFromBytes(bytes: ArrayLike<number>): Ip {
  let value = 0n;
  for (let i = 0; i < bytes.length; i++) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

export function ipToBytes(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(bitsOf(ip.family) / 8);
  let rest = ip.value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function sameIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.value === b.value;
}

/** Whether one host can have it: not the unspecified address, multicast, or the broadcast address. */
export function isUnicast({ family, value }: Ip): boolean {
  if (value === 0n) return false;
  return family === 4 ? value >> 28n < 0xen : value >> 120n !== 0xffn;
}

/** 127.0.0.0/8 or ::1 */
export function isLoopback({ family, value }: Ip): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

/** The address `count` places after this one; the caller knows that it exists. */
export function addToIp(ip: Ip, count: bigint): Ip {
  return { family: ip.family, value: ip.value + count };
}

/**
 * `::ffff:10.0.0.1` -> `::ffff:a00:1`; undefined when the end has dots and is no IPv4 address. ipaddr.js takes octal numbers there,
 * and `::10.0.0.1` for an IPv4-mapped address.
 */
function withoutDottedEnd(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const end = text.lastIndexOf(":") + 1;
  const dotted = text.slice(end);
  if (!ipaddr.IPv4.isValidFourPartDecimal(dotted)) return undefined;
  const { value } = ipFromBytes(ipaddr.IPv4.parse(dotted).toByteArray());
  return `${text.slice(0, end)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
