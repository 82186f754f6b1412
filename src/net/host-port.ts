import { type Family, type Ip, printIp, sameIp } from "./ip.ts";
import type { Protocol } from "./port-mapping.ts";

/** A port of the host, as a socket would be bound to it. */
export interface HostPort {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
  /** Undefined for all addresses of the family. */
  readonly ip: Ip | undefined;
}

/** Whether nobody can have both. */
export function overlaps(a: HostPort, b: HostPort): boolean {
  if (a.family !== b.family || a.protocol !== b.protocol || a.port !== b.port) return false;
  return a.ip === undefined || b.ip === undefined || sameIp(a.ip, b.ip);
}

/** `0.0.0.0:8080/tcp`, `[::]:8080/tcp` */
export function printHostPort({ family, protocol, port, ip }: HostPort): string {
  const any = family === 4 ? "0.0.0.0" : "::";
  const address = ip === undefined ? any : printIp(ip);
  return `${family === 4 ? address : `[${address}]`}:${port}/${protocol}`;
}
