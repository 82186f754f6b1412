// Ports of the host for the containers that are attached: nobody gets one that another has, be it a container of ours or a process.
import { judgeNetns, recordNetns } from "../kernel/netns-record.ts";
import { findPortHolder } from "../kernel/port-holder.ts";
import { isPortTaken } from "../kernel/port-probe.ts";
import { type HostPort, overlaps, printHostPort } from "../net/host-port.ts";
import { type Ip, printIp } from "../net/ip.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";
import type { AddCall, Attachment, Surroundings } from "../protocol/plugin.ts";
import { type PortClaim, readClaims } from "../state/port-claims.ts";
import { lockState } from "../state/state-directory.ts";
import type { OnConflict } from "./port-mappings.ts";

/** podman's monitor of a container keeps the ports that it publishes bound, so that no other process takes them. */
const PLACEHOLDERS = ["conmon"];

interface Claiming {
  readonly plugin: PortClaim["plugin"];
  readonly ports: readonly HostPort[];
  /** Of the container. */
  readonly ips: readonly Ip[];
  readonly onConflict: OnConflict;
  /** What DEL will remove of the rules, for the case that it never comes. */
  readonly rules: Pick<PortClaim, "remains" | "nft">;
}

interface Claimed {
  /** Of containers that are gone, and had one of the ports, or an address that this one has now. They are forgotten, their rules are not removed. */
  readonly stale: readonly PortClaim[];
  /** What an earlier ADD of the same attachment had. */
  readonly before: PortClaim | undefined;
}

/** Claims the ports. When the ADD fails, they are given back. Errors: 100 with the holder of each port. */
export async function claimPorts(
  call: AddCall,
  { plugin, ports, ips, onConflict, rules }: Claiming,
  around: Surroundings,
): Promise<Claimed> {
  using _lock = await lockState(around.checkInterrupt);
  const claims = readClaims();
  const addresses = ips.map(printIp);
  const related = claims.about({ containerId: call.containerId, ports, addresses });
  // of one container several interfaces may publish the same port: the first that comes has it
  const others = related.filter((claim) => claim.containerId !== call.containerId);
  const isGone = judgeNetns();
  const isStale = (claim: PortClaim) => claim.netns !== undefined && isGone(claim.netns);
  const rivals = others.filter((claim) => claim.ports.some((port) => ports.some((wanted) => overlaps(port, wanted))));
  const hasAddress = (claim: PortClaim) => claim.addresses.some((ip) => addresses.includes(ip));
  const stale = others.filter((claim) => (rivals.includes(claim) || hasAddress(claim)) && isStale(claim));
  const living = rivals.filter((claim) => !stale.includes(claim));
  report(onConflict === "off" ? [] : conflicts(ports, living), onConflict, around);
  const isEmpty = ports.length + rules.nft.length === 0 && rules.remains.every((each) => each.rules.length === 0);
  if (isEmpty && related.length === 0) return { stale: [], before: undefined };
  around.undo.defer("give the ports back", () => forgetPorts(call, plugin, { checkInterrupt: never }));
  const { containerId, ifname, network } = call;
  const own = {
    ...{ network: network.name, plugin, containerId, ifname, netns: recordNetns(call.netns) },
    ...{ ports, addresses, ...rules },
  };
  const before = related.find((claim) => isOf(claim, network.name, call) && claim.plugin === plugin);
  claims.write(before === undefined ? stale : [...stale, before], isEmpty ? undefined : own);
  return { stale, before };
}

/** Forgets the claim of an attachment. */
export async function forgetPorts(
  { network, ...attachment }: Attachment & { readonly network: { readonly name: string } },
  plugin: PortClaim["plugin"],
  { checkInterrupt }: Pick<Surroundings, "checkInterrupt">,
): Promise<void> {
  if (findClaim(network.name, attachment, plugin) === undefined) return;
  using _lock = await lockState(checkInterrupt);
  const claims = readClaims();
  const isIt = (claim: PortClaim) => claim.plugin === plugin && isOf(claim, network.name, attachment);
  claims.write(claims.about(attachment).filter(isIt));
}

/** What the container's other attachments have claimed. */
export function otherClaims(network: string, attachment: Attachment): readonly PortClaim[] {
  return readClaims()
    .about(attachment)
    .filter((claim) => claim.containerId === attachment.containerId && !isOf(claim, network, attachment));
}

/** What the attachment has claimed. */
export function findClaim(network: string, attachment: Attachment, plugin: PortClaim["plugin"]): PortClaim | undefined {
  return readClaims()
    .about(attachment)
    .find((claim) => claim.plugin === plugin && isOf(claim, network, attachment));
}

function conflicts(ports: readonly HostPort[], living: readonly PortClaim[]): string[] {
  return ports.flatMap((port) => {
    const rival = living.find((claim) => claim.ports.some((other) => overlaps(other, port)));
    const holder = rival === undefined ? processAt(port) : `container ${rival.containerId} of network ${rival.network}`;
    return holder === undefined ? [] : [`port ${printHostPort(port)} is held by ${holder}`];
  });
}

function processAt(port: HostPort): string | undefined {
  if (!isPortTaken(port)) return undefined;
  const holder = findPortHolder(port);
  if (holder === undefined) return "a process on this host";
  return PLACEHOLDERS.includes(holder.command)
    ? undefined
    : `a process on this host: ${holder.command} (pid ${holder.pid})`;
}

function report(problems: readonly string[], onConflict: OnConflict, { log }: Pick<Surroundings, "log">): void {
  if (problems.length === 0) return;
  if (onConflict === "error") throw new CniError(ErrorCode.PortConflict, problems.join("; "));
  for (const problem of problems) log(`going on although ${problem}`);
}

function isOf(claim: PortClaim, network: string, { containerId, ifname }: Attachment): boolean {
  return claim.network === network && claim.containerId === containerId && claim.ifname === ifname;
}

async function never(): Promise<void> {}
