// Which ports of the host lead to which container. No socket of ours holds them, so this file does; like all of it in /run, it goes at a
// boot. The container's rules are there, too, to be removed when nobody asks for it.
import { readFileSync, rmSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import type { NetnsRecord } from "../kernel/netns-record.ts";
import type { HostPort } from "../net/host-port.ts";
import { type Family, parseIp, printIp } from "../net/ip.ts";
import type { NftRule } from "../plan/nft-rules.ts";
import type { PortRules } from "../plan/portmap/iptables-rules.ts";
import type { Attachment } from "../protocol/plugin.ts";
import { replaceFile, stateDirectory } from "./state-directory.ts";

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

const FORMAT = 1;

/** None when there is no file, or none that can be read. */
export function readClaims(): readonly PortClaim[] {
  try {
    const { format, claims } = Object(JSON.parse(readFileSync(path(), "utf8")));
    return format === FORMAT && Array.isArray(claims) ? claims.filter(isClaim).map(parseClaim) : [];
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whoever writes has read under the lock: see lockState. */
export function writeClaims(claims: readonly PortClaim[]): void {
  if (claims.length > 0) replaceFile(path(), JSON.stringify({ format: FORMAT, claims: claims.map(printClaim) }));
  else rmSync(path(), { force: true });
}

interface WrittenPort extends Omit<HostPort, "ip"> {
  readonly ip?: string;
}

interface WrittenClaim extends Omit<PortClaim, "ports"> {
  readonly ports: readonly WrittenPort[];
}

/** Somebody may have changed the file. */
function isClaim(claim: Partial<WrittenClaim> | null): boolean {
  const lists = [claim?.ports, claim?.addresses, claim?.remains, claim?.nft];
  return typeof claim?.network === "string" && lists.every((list) => Array.isArray(list));
}

function printClaim(claim: PortClaim): WrittenClaim {
  const ports = claim.ports.map(({ ip, ...port }) => (ip === undefined ? port : { ...port, ip: printIp(ip) }));
  return { ...claim, ports };
}

function parseClaim(claim: WrittenClaim): PortClaim {
  const ports = claim.ports.map(({ ip, ...port }) => ({ ...port, ip: ip === undefined ? undefined : parseIp(ip) }));
  return { ...claim, ports };
}

function path(): string {
  return `${stateDirectory()}/ports`;
}
