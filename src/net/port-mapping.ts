import type { Ip } from "./ip.ts";

export const protocols = ["tcp", "udp", "sctp"] as const;

export type Protocol = (typeof protocols)[number];

/** A port of the host that leads to one of the container. */
export interface PortMapping {
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly containerPort: number;
  /** Undefined when the mapping leaves it open; `0.0.0.0` is any address of IPv4. */
  readonly hostIp: Ip | undefined;
}

export function parseProtocol(text: string): Protocol | undefined {
  const name = text.toLowerCase();
  return protocols.find((protocol) => protocol === name);
}
