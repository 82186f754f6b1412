import { type Ip, ipFromBytes } from "./ip.ts";

declare const brand: unique symbol;
/** An Ethernet address in lower-case colon form. */
export type Mac = string & { readonly [brand]: "Mac" };

/** `02:42:0A-..`: colons, hyphens, or the dotted form of Cisco; six bytes, as an Ethernet device has. */
export function parseMac(text: string): Mac | undefined {
  const colons = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i.test(text);
  const dots = /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i.test(text);
  if (!colons && !dots) return undefined;
  return macFromBytes(Buffer.from(text.replaceAll(/[:.-]/g, ""), "hex"));
}

export function macFromBytes(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":") as Mac;
}

export function macToBytes(mac: Mac): Uint8Array {
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

/** Whether one interface can have it: no group's, and not all zeros. */
export function isUnicastMac(mac: Mac): boolean {
  const bytes = macToBytes(mac);
  return ((bytes[0] ?? 0) & 1) === 0 && bytes.some((byte) => byte !== 0);
}

/** A locally administered unicast address made of six random bytes. */
export function randomMac(random: Uint8Array): Mac {
  const bytes = Uint8Array.from(random);
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02;
  return macFromBytes(bytes);
}

/** The link-local IPv6 address that an interface of this MAC address makes for itself: RFC 4291, appendix A. */
export function linkLocalOf(mac: Mac): Ip {
  const [a = 0, b = 0, c = 0, ...rest] = macToBytes(mac);
  return ipFromBytes(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, ...rest));
}
