// Which ports of the host lead to which container. No socket of ours holds them, so this file does; like all of it in /run, it goes at a
// boot. The container's rules are there, too, to be removed when nobody asks for it.
import { readFileSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { HostPort } from "../net/host-port.ts";
import { type Family, parseIp, printIp } from "../net/ip.ts";
import type { NftRule } from "../plan/nft-rules.ts";
import type { PortRules } from "../plan/portmap/iptables-rules.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { removeFile, replaceFile, stateDirectory } from "./state-directory.ts";

export interface PortClaim extends Attachment {
  readonly network: string;
  /** Who publishes them. */
  readonly plugin: "bridge" | "portmap";
  /** Undefined when the namespace has a path that says nothing to others. */
  readonly netns: NetnsRecord | undefined;
  readonly ports: readonly HostPort[];
  /** Of the container. */
  readonly addresses: readonly string[];
  /** Rules of iptables that are removed with the claim. Those of a bridge's containers are in its record. */
  readonly remains: readonly PortRules[];
  /** Those of nftables: their comment is the container's, and so does not tell which of its attachments they are for. */
  readonly nft: readonly FamilyNftRules[];
}

export interface FamilyNftRules {
  readonly family: Family;
  readonly rules: readonly NftRule[];
}

/** The first line; each other one is a claim. */
const HEAD = '{"format":2}';

/** The claims of the host. Only those that are asked for are parsed: with many containers it is that which takes time. */
export class PortClaims {
  readonly #lines: readonly string[];
  readonly #lineOf = new Map<PortClaim, string>();

  constructor(text: string) {
    const [head, ...lines] = text.split("\n");
    this.#lines = head === HEAD ? lines.filter((line) => line !== "") : [];
  }

  all(): readonly PortClaim[] {
    return this.#parse(this.#lines);
  }

  /** Of the container, for one of the ports, or of a container with one of the addresses. */
  about({
    containerId,
    ports = [],
    addresses = [],
  }: {
    readonly containerId: string;
    readonly ports?: readonly HostPort[];
    readonly addresses?: readonly string[];
  }): readonly PortClaim[] {
    const texts = [
      `"containerId":${JSON.stringify(containerId)}`,
      ...ports.flatMap(({ port }) => [`"port":${port}}`, `"port":${port},`]),
      ...addresses.map((ip) => `"${ip}"`),
    ];
    return this.#parse(this.#lines.filter((line) => texts.some((text) => line.includes(text))));
  }

  /** Without those, which were asked for, and with the other. Whoever writes has read under the lock: see lockState. */
  write(without: readonly PortClaim[], own?: PortClaim): void {
    const gone = new Set(without.map((claim) => this.#lineOf.get(claim)));
    const rest = this.#lines.filter((line) => !gone.has(line));
    const lines = own === undefined ? rest : [...rest, JSON.stringify(printClaim(own))];
    if (lines.length > 0) replaceFile(path(), [HEAD, ...lines, ""].join("\n"));
    else removeFile(path());
  }

  #parse(lines: readonly string[]): readonly PortClaim[] {
    return lines.flatMap((line) => {
      const claim = parseClaim(line);
      if (claim === undefined) return [];
      this.#lineOf.set(claim, line);
      return [claim];
    });
  }
}

/** None when there is no file. */
export function readClaims(): PortClaims {
  try {
    return new PortClaims(readFileSync(path(), "utf8"));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return new PortClaims("");
    throw error;
  }
}

interface WrittenPort extends Omit<HostPort, "ip"> {
  readonly ip?: string;
}

interface WrittenClaim extends Omit<PortClaim, "ports"> {
  readonly ports: readonly WrittenPort[];
}

function printClaim(claim: PortClaim): WrittenClaim {
  const ports = claim.ports.map(({ ip, ...port }) => (ip === undefined ? port : { ...port, ip: printIp(ip) }));
  return { ...claim, ports };
}

/** Undefined for what is none: somebody may have changed the file. */
function parseClaim(line: string): PortClaim | undefined {
  const claim = parseJson(line);
  if (!isClaim(claim)) return undefined;
  const ports = claim.ports.map(({ ip, ...port }) => ({ ...port, ip: ip === undefined ? undefined : parseIp(ip) }));
  return { ...claim, ports };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isClaim(value: unknown): value is WrittenClaim {
  const { network, ports, addresses, remains, nft }: Partial<WrittenClaim> = Object(value);
  return typeof network === "string" && [ports, addresses, remains, nft].every((list) => Array.isArray(list));
}

function path(): string {
  return `${stateDirectory()}/ports`;
}
