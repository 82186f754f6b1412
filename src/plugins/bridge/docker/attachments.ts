// The record of a bridge and the rules of its network: entered by ADD before it writes rules, left by DEL when it has removed them.
import { apply } from "../../../kernel/apply.ts";
import { judgeNetns, recordNetns } from "../../../kernel/netns-record.ts";
import { Places } from "../../../kernel/places.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import { type Endpoint, release, rulesOfEndpoint, rulesOfNetwork } from "../../../plan/docker/steps.ts";
import type { FamilyRules } from "../../../plan/rule-set.ts";
import { CniError, ErrorCode } from "../../../protocol/error.ts";
import type { AddCall, Attachment, Surroundings } from "../../../protocol/plugin.ts";
import {
  type AttachmentRecord,
  type BridgeRecord,
  readRecord,
  readRecords,
  writeRecord,
} from "../../../state/bridge-record.ts";
import { lockState } from "../../../state/state-directory.ts";

/** What it takes to write and remove rules, also when an ADD has failed and is taken back. */
type Around = Pick<Surroundings, "env" | "log" | "checkInterrupt">;

/**
 * Enters the container, and removes what an earlier ADD has written for it, and for the network when its configuration was another
 * one. Returns the rules of the other containers. Errors: 999 when the bridge is another network's.
 */
export async function enter(
  call: AddCall,
  { network, endpoint }: { readonly network: DockerNetwork; readonly endpoint: Endpoint },
  around: Surroundings,
): Promise<readonly FamilyRules[]> {
  using _lock = await lockState(around.checkInterrupt);
  const { bridge } = network;
  const record = readRecord(bridge);
  const others = othersIn(call, record);
  const before = [...(record?.attachments ?? []).flatMap((attachment) => attachment.rules), ...(record?.rules ?? [])];
  const rules = [...rulesOfNetwork(network), ...otherFamilies(network, others.length > 0 ? record : undefined)];
  const own = rulesOfEndpoint(network, endpoint);
  around.undo.defer(`forget the attachment to ${bridge}`, () =>
    leave(bridge, call, { ...around, checkInterrupt: never }),
  );
  writeRecord({
    bridge,
    network: call.network.name,
    rules,
    attachments: [
      ...others,
      { containerId: call.containerId, ifname: call.ifname, netns: recordNetns(call.netns), rules: own },
    ],
  });
  const kept = [...others.flatMap((other) => other.rules), ...rules, ...own];
  await removeRules(without(before, kept), around);
  return others.flatMap((other) => other.rules);
}

/** Whether containers that may be alive are on the bridge. */
export function isShared(bridge: string, attachment: Attachment): boolean {
  return othersThan(attachment, readRecord(bridge)).some(mayBeAlive());
}

/** Forgets the container. With the last one the rules of the network go. */
export async function leave(bridge: string, attachment: Attachment, around: Around): Promise<void> {
  using _lock = await lockState(around.checkInterrupt);
  const record = readRecord(bridge);
  if (record === undefined) return;
  const own = ownOf(attachment, record)?.rules ?? [];
  await keep(record, othersThan(attachment, record), { own, around });
}

/** The attachments of a network that `isStale` finds so. Returns those that were removed. */
export async function collect(
  network: string,
  isStale: (attachment: AttachmentRecord) => boolean,
  around: Around,
): Promise<readonly AttachmentRecord[]> {
  if (readRecords().length === 0) return [];
  using _lock = await lockState(around.checkInterrupt);
  const removed: AttachmentRecord[] = [];
  for (const record of readRecords().filter((each) => each.network === network)) {
    const stale = record.attachments.filter(isStale);
    if (stale.length === 0) continue;
    const rest = record.attachments.filter((attachment) => !stale.includes(attachment));
    await keep(record, rest, { own: stale.flatMap((attachment) => attachment.rules), around });
    removed.push(...stale);
  }
  return removed;
}

/** The rules of the other containers on the bridge; undefined when it has no record. */
export function rulesOfOthers(bridge: string, attachment: Attachment): readonly FamilyRules[] | undefined {
  const record = readRecord(bridge);
  return record === undefined ? undefined : othersThan(attachment, record).flatMap((other) => other.rules);
}

/** What ADD wrote for this container alone, on whatever bridge that was; undefined when there is no record of it. */
export function findAttachment(
  network: string,
  attachment: Attachment,
): { readonly bridge: string; readonly own: readonly FamilyRules[] } | undefined {
  for (const record of readRecords()) {
    const own = record.network === network ? ownOf(attachment, record) : undefined;
    if (own === undefined) continue;
    // an address that was given to another container meanwhile is its own
    const others = othersThan(attachment, record).flatMap((other) => other.rules);
    return { bridge: record.bridge, own: without(own.rules, others) };
  }
  return undefined;
}

async function keep(
  record: BridgeRecord,
  rest: readonly AttachmentRecord[],
  { own, around }: { readonly own: readonly FamilyRules[]; readonly around: Around },
): Promise<void> {
  const isLast = !rest.some(mayBeAlive());
  const attachments = isLast ? [] : rest;
  const kept = attachments.flatMap((attachment) => attachment.rules);
  const gone = isLast ? [...rest.flatMap((attachment) => attachment.rules), ...record.rules] : [];
  await removeRules(without([...own, ...gone], kept), around);
  writeRecord({ ...record, attachments });
}

async function removeRules(rules: readonly FamilyRules[], around: Around): Promise<void> {
  using places = new Places(undefined);
  await apply(release(rules), { ...around, places, record: () => {} });
}

/** A container without an address of a family says nothing of the network's rules in it. */
function otherFamilies({ subnets }: DockerNetwork, record: BridgeRecord | undefined): readonly FamilyRules[] {
  return (record?.rules ?? []).filter(({ family }) => subnets[family] === undefined);
}

/** Of its network. What is left of another network is not in the way when its namespaces are gone. */
function othersIn({ network, ...attachment }: AddCall, record: BridgeRecord | undefined): readonly AttachmentRecord[] {
  if (record === undefined || record.network === network.name) return othersThan(attachment, record);
  if (!record.attachments.some(mayBeAlive())) return [];
  const message = `${record.bridge} is the bridge of the network ${record.network}, which has containers: each network needs its own`;
  throw new CniError(ErrorCode.Internal, message);
}

function mayBeAlive(): (attachment: AttachmentRecord) => boolean {
  const isGone = judgeNetns();
  return ({ netns }) => netns === undefined || !isGone(netns);
}

function ownOf(attachment: Attachment, record: BridgeRecord | undefined): AttachmentRecord | undefined {
  return record?.attachments.find((other) => isSame(attachment, other));
}

function othersThan(attachment: Attachment, record: BridgeRecord | undefined): readonly AttachmentRecord[] {
  return (record?.attachments ?? []).filter((other) => !isSame(attachment, other));
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname;
}

/** Those that nobody else needs. */
export function without(rules: readonly FamilyRules[], kept: readonly FamilyRules[]): readonly FamilyRules[] {
  const keyOf = (family: number, { table, chain, text }: FamilyRules["rules"][number]) =>
    `${family} ${table} ${chain} ${text}`;
  const keys = new Set(kept.flatMap(({ family, rules: each }) => each.map((rule) => keyOf(family, rule))));
  return ([4, 6] as const).map((family) => ({
    family,
    rules: rules
      .filter((each) => each.family === family)
      .flatMap((each) => each.rules.filter((rule) => !keys.has(keyOf(family, rule)))),
  }));
}

async function never(): Promise<void> {}
