import { bitsOf, type Ip, parseIp, printIp } from "./ip.ts";

/** An address with its prefix length; the host bits are kept: `10.1.0.5/16`. */
export interface Cidr {
  readonly ip: Ip;
  readonly prefix: number;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const written = text.slice(0, slash);
  const ip = parseIp(written);
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  // ::ffff:10.0.0.1/120 is 10.0.0.1/24
  const mapped = ip.family === 4 && written.includes(":");
  const prefix = Number(length) - (mapped ? 96 : 0);
  return prefix < 0 || prefix > bitsOf(ip.family) ? undefined : { ip, prefix };
}

export function printCidr(cidr: Cidr): string {
  return `${printIp(cidr.ip)}/${cidr.prefix}`;
}

/** `10.1.0.5/16` -> `10.1.0.0/16` */
export function networkOf(cidr: Cidr): Cidr {
  return { ip: { family: cidr.ip.family, value: cidr.ip.value & ~hostMask(cidr) }, prefix: cidr.prefix };
}

/** `10.1.0.5/16` -> `10.1.255.255`: the broadcast address of an IPv4 network. */
export function lastIpOf(cidr: Cidr): Ip {
  return { family: cidr.ip.family, value: cidr.ip.value | hostMask(cidr) };
}

export function contains(cidr: Cidr, ip: Ip): boolean {
  return cidr.ip.family === ip.family && (cidr.ip.value & ~hostMask(cidr)) === (ip.value & ~hostMask(cidr));
}

/** Whether there is an address in both networks. */
export function networksOverlap(a: Cidr, b: Cidr): boolean {
  return contains(a, b.ip) || contains(b, a.ip);
}

export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.prefix === b.prefix && a.ip.family === b.ip.family && a.ip.value === b.ip.value;
}

/** `0.0.0.0/0` or `::/0` */
export function isDefault(cidr: Cidr): boolean {
  return cidr.prefix === 0 && cidr.ip.value === 0n;
}

/** The address alone in its network: /32 or /128. */
export function hostCidr(ip: Ip): Cidr {
  return { ip, prefix: bitsOf(ip.family) };
}

function hostMask(cidr: Cidr): bigint {
  return (1n << BigInt(bitsOf(cidr.ip.family) - cidr.prefix)) - 1n;
}
