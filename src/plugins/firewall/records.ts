// Whose rules are there. DEL and GC work from that, whatever the configuration and prevResult say by then.
import { recordNetns } from "../../kernel/netns-record.ts";
import type { FamilyRules } from "../../plan/rule-set.ts";
import type { AddCall, Attachment, Surroundings } from "../../protocol/plugin.ts";
import {
  type FirewallRecord,
  hasFirewallRecords,
  lockFirewallRecords,
  readFirewallRecords,
  writeFirewallRecords,
} from "../../state/firewall-record.ts";

/**
 * Enters the container, before a rule is written. When the ADD fails, the records are as before. Returns the rules of an earlier ADD of
 * the same container, which stay noted beside the new ones until `settle`.
 */
export async function enter(
  call: AddCall,
  rules: readonly FamilyRules[],
  { undo, checkInterrupt }: Surroundings,
): Promise<readonly FamilyRules[]> {
  if (rules.length === 0 && !hasFirewallRecords()) return [];
  using _lock = await lockFirewallRecords(checkInterrupt);
  const records = readFirewallRecords();
  const earlier = records.filter(isOf(call.network.name, call));
  const before = earlier.flatMap((record) => record.rules);
  if (rules.length + before.length === 0) return before;
  undo.defer("put the record of firewall rules back", () => putBack(call, earlier));
  write(call, [...rules, ...before], records);
  return before;
}

/** When the rules are there: only those are the container's now, after `release` has removed the rest. */
export async function settle(
  call: AddCall,
  rules: readonly FamilyRules[],
  release: (kept: readonly FamilyRules[]) => Promise<void>,
): Promise<void> {
  using _lock = await lockFirewallRecords(async () => {});
  const records = readFirewallRecords();
  const others = records.filter((record) => !isOf(call.network.name, call)(record));
  await release([...others.flatMap((record) => record.rules), ...rules]);
  write(call, rules, records);
}

/**
 * Removes those that `isGone` from the records, after `release` has removed their rules; it also gets the rules of all the others, which
 * nobody can enter meanwhile.
 */
export async function leave(
  isGone: (record: FirewallRecord) => boolean,
  release: (gone: readonly FirewallRecord[], kept: readonly FamilyRules[]) => Promise<void>,
  { checkInterrupt }: Pick<Surroundings, "checkInterrupt">,
): Promise<void> {
  // without the file there is nobody, and no lock to make for that
  if (!hasFirewallRecords()) return release([], []);
  using _lock = await lockFirewallRecords(checkInterrupt);
  const records = readFirewallRecords();
  const kept = records.filter((record) => !isGone(record));
  const gone = records.filter(isGone);
  await release(
    gone,
    kept.flatMap(({ rules }) => rules),
  );
  if (gone.length > 0) writeFirewallRecords(kept);
}

export function isOf(network: string, { containerId, ifname }: Attachment): (record: FirewallRecord) => boolean {
  return (record) => record.network === network && record.containerId === containerId && record.ifname === ifname;
}

function write(call: AddCall, rules: readonly FamilyRules[], records: readonly FirewallRecord[]): void {
  const { containerId, ifname, network } = call;
  const own = { network: network.name, containerId, ifname, netns: recordNetns(call.netns), rules };
  const others = records.filter((record) => !isOf(network.name, call)(record));
  writeFirewallRecords(rules.length === 0 ? others : [...others, own]);
}

async function putBack(call: AddCall, earlier: readonly FirewallRecord[]): Promise<void> {
  using _lock = await lockFirewallRecords(async () => {});
  const isOwn = isOf(call.network.name, call);
  writeFirewallRecords([...readFirewallRecords().filter((record) => !isOwn(record)), ...earlier]);
}
