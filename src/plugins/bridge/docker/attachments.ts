// The record of a bridge and the rules of its network: entered by ADD before it writes rules, left by DEL when it has removed them.
import { apply } from "../../../kernel/apply.ts";
import { judgeNetns, recordNetns } from "../../../kernel/netns-record.ts";
import { Places } from "../../../kernel/places.ts";
import { printIp } from "../../../net/ip.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import { type Endpoint, release, rulesOfEndpoint, rulesOfNetwork } from "../../../plan/docker/steps.ts";
import type { FamilyRules } from "../../../plan/rule-set.ts";
import type { AddCall, Attachment, Surroundings } from "../../../protocol/plugin.ts";
import {
  type AttachmentRecord,
  type BridgeRecord,
  readRecord,
  readRecords,
  writeRecord,
} from "../../../state/bridge-record.ts";
import { lockState } from "../../../state/state-directory.ts";
import { refuse } from "../../refuse.ts";
import { mergeSettings, networkConflict, settingsOf } from "./network-settings.ts";

/** What it takes to write and remove rules, also when an ADD has failed and is taken back. */
type Around = Pick<Surroundings, "env" | "log" | "checkInterrupt">;

export interface Entered {
  /** Containers that are gone, and had one of the addresses. */
  readonly gone: readonly AttachmentRecord[];
  /** Whether nobody else is in the network. */
  readonly isFirst: boolean;
}

/**
 * Enters the container, and removes what an earlier ADD has written for it, for the network when its configuration was another one,
 * and for containers that are gone and had one of its addresses. Errors: 999 when the network and others cannot be at the same time.
 */
export async function enter(
  call: AddCall,
  { network, endpoint }: { readonly network: DockerNetwork; readonly endpoint: Endpoint },
  around: Surroundings,
): Promise<Entered> {
  using _lock = await lockState(around.checkInterrupt);
  const isAlive = mayBeAlive();
  const record = readRecord(network.bridge);
  const addresses = endpoint.addresses.map(printIp);
  const present = othersThan(call, record);
  refuse(networkConflict(call.network.name, network, { record, isInUse: present.some(isAlive), isAlive }));
  // whether one is alive costs more than to look at its addresses
  const stale = present.filter(
    (other) =>
      (record?.network !== call.network.name || other.addresses.some((ip) => addresses.includes(ip))) &&
      !isAlive(other),
  );
  const others = present.filter((other) => !stale.includes(other));
  const own: AttachmentRecord = {
    ...{ containerId: call.containerId, ifname: call.ifname, netns: recordNetns(call.netns), addresses },
    state: "entering",
    rules: rulesOfEndpoint(network, endpoint),
  };
  const before = others.length > 0 ? record : undefined;
  const rules = [...rulesOfNetwork(network), ...otherFamilies(network, before)];
  around.undo.defer(`forget the attachment to ${network.bridge}`, () => leave(network.bridge, call, quiet(around)));
  const settings = mergeSettings(settingsOf(network), before?.settings);
  const entered = { bridge: network.bridge, network: call.network.name, settings, rules };
  writeRecord({ ...entered, attachments: [...others, own] });
  const former = without(record === undefined ? [] : rulesIn(record), readRecords().flatMap(rulesIn));
  await removeRules(former, around);
  return { gone: stale, isFirst: others.length === 0 };
}

/** From now on others make its rules again when they are missing, until it leaves. */
export async function completeAttachment(bridge: string, call: AddCall, around: Surroundings): Promise<void> {
  await changeState(bridge, call, "attached", around);
  around.undo.defer(`detach from ${bridge}`, () => changeState(bridge, call, "leaving", quiet(around)));
}

/** A container on its way out. */
export interface Leaving extends Disposable {
  /** That nobody else needs: its own and, when it is the last one, those of the network. */
  readonly rules: readonly FamilyRules[];
  /** When they are removed. */
  readonly finish: () => Promise<void>;
}

/** Undefined when there is no record of it. Nobody makes its rules again from now on; with the last one nobody enters until the end. */
export async function startLeaving(
  network: string,
  attachment: Attachment,
  around: Around,
): Promise<Leaving | undefined> {
  const bridge = bridgeOf(network, attachment);
  if (bridge === undefined) return undefined;
  const lock = await lockState(around.checkInterrupt);
  const record = readRecord(bridge);
  const own = record?.attachments.find((each) => isSame(attachment, each));
  if (record === undefined || own === undefined) {
    lock[Symbol.dispose]();
    return undefined;
  }
  const others = othersThan(attachment, record);
  const elsewhere = readRecords().filter((each) => each.bridge !== bridge);
  if (!others.some(mayBeAlive())) {
    const finish = async () => {
      writeRecord({ ...record, attachments: [] });
      lock[Symbol.dispose]();
    };
    const rules = without(rulesIn(record), elsewhere.flatMap(rulesIn));
    return { rules, finish, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  }
  writeRecord({ ...record, attachments: [...others, { ...own, state: "leaving" }] });
  lock[Symbol.dispose]();
  const kept = [...others.flatMap((other) => other.rules), ...elsewhere.flatMap(rulesIn)];
  const finish = () => forget(bridge, attachment, { removed: own.rules, around });
  return { rules: without(own.rules, kept), finish, [Symbol.dispose]: () => {} };
}

/** The rules of containers that are attached. */
export function rulesOfAttached(bridge: string, attachment: Attachment): readonly FamilyRules[] {
  return othersThan(attachment, readRecord(bridge)).flatMap(({ state, rules }) => (state === "attached" ? rules : []));
}

/** Whether containers that may be alive are on the bridge. */
export function isShared(bridge: string, attachment: Attachment): boolean {
  return othersThan(attachment, readRecord(bridge)).some(mayBeAlive());
}

/** Forgets the container, and removes what there is of its rules. With the last one the rules of the network go. */
async function leave(bridge: string, attachment: Attachment, around: Around): Promise<void> {
  await forget(bridge, attachment, { removed: [], around });
}

async function forget(
  bridge: string,
  attachment: Attachment,
  { removed, around }: { readonly removed: readonly FamilyRules[]; readonly around: Around },
): Promise<void> {
  using _lock = await lockState(around.checkInterrupt);
  const record = readRecord(bridge);
  if (record !== undefined) await keep(record, othersThan(attachment, record), { removed, around });
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
    await keep(record, rest, { removed: [], around });
    removed.push(...stale);
  }
  return removed;
}

function bridgeOf(network: string, attachment: Attachment): string | undefined {
  return readRecords().find(
    (record) => record.network === network && record.attachments.some((each) => isSame(attachment, each)),
  )?.bridge;
}

/** Those that nobody has a record of: an address, or a port, may be another container's meanwhile. */
export function withoutRecorded(rules: readonly FamilyRules[]): readonly FamilyRules[] {
  return without(rules, readRecords().flatMap(rulesIn));
}

/** Writes the record with these attachments, or none when nobody of them is alive, and removes the rules that it does not have then. */
async function keep(
  record: BridgeRecord,
  rest: readonly AttachmentRecord[],
  { removed, around }: { readonly removed: readonly FamilyRules[]; readonly around: Around },
): Promise<void> {
  const next = { ...record, attachments: rest.some(mayBeAlive()) ? rest : [] };
  const others = readRecords().filter(({ bridge }) => bridge !== record.bridge);
  const kept = [...others, ...(next.attachments.length > 0 ? [next] : [])].flatMap(rulesIn);
  await removeRules(without(rulesIn(record), [...kept, ...removed]), around);
  writeRecord(next);
}

async function changeState(
  bridge: string,
  attachment: Attachment,
  state: AttachmentRecord["state"],
  around: Around,
): Promise<void> {
  using _lock = await lockState(around.checkInterrupt);
  const record = readRecord(bridge);
  if (record === undefined) return;
  const attachments = record.attachments.map((each) => (isSame(attachment, each) ? { ...each, state } : each));
  writeRecord({ ...record, attachments });
}

async function removeRules(rules: readonly FamilyRules[], around: Around): Promise<void> {
  using places = new Places(undefined);
  await apply(release(rules), { ...around, places, record: () => {} });
}

function rulesIn({ rules, attachments }: BridgeRecord): readonly FamilyRules[] {
  return [...rules, ...attachments.flatMap((attachment) => attachment.rules)];
}

function mayBeAlive(): (attachment: AttachmentRecord) => boolean {
  const isGone = judgeNetns();
  return ({ netns }) => netns === undefined || !isGone(netns);
}

/** A container without an address of a family says nothing of the network's rules in it. */
function otherFamilies({ subnets }: DockerNetwork, record: BridgeRecord | undefined): readonly FamilyRules[] {
  return (record?.rules ?? []).filter(({ family }) => subnets[family] === undefined);
}

function othersThan(attachment: Attachment | undefined, record: BridgeRecord | undefined): readonly AttachmentRecord[] {
  return (record?.attachments ?? []).filter((other) => attachment === undefined || !isSame(attachment, other));
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname;
}

/** The rules that are not among the others. */
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

/** For what goes on after an interruption. */
function quiet(around: Around): Around {
  return { ...around, checkInterrupt: async () => {} };
}
