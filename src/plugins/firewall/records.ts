// Whose rules are there. DEL and GC work from that, whatever the configuration and prevResult say by then.
import { recordNetns } from "../../kernel/netns-record.ts";
import {
  allRulesOf,
  type BridgeRules,
  contradicting,
  type Filtered,
  neededBy,
  without,
  writtenOut,
} from "../../plan/firewall/isolation.ts";
import type { FamilyRules } from "../../plan/rule-set.ts";
import type { AddCall, Attachment, Surroundings } from "../../protocol/plugin.ts";
import {
  type FirewallRecord,
  hasFirewallState,
  lockFirewallState,
  readFirewallState,
  writeFirewallState,
} from "../../state/firewall-record.ts";

/** What is to go when the rules of an ADD are there. */
export interface Outdated {
  /** Of an earlier ADD of the same container. */
  readonly own: readonly FamilyRules[];
  /** Whether its bridge was kept apart in another way. */
  readonly isOfBridge: boolean;
}

/** Removes the first ones, but for those that are among the others. */
type Release = (gone: readonly FamilyRules[], kept: readonly FamilyRules[]) => Promise<void>;

/**
 * Enters the container, before a rule is written. When the ADD fails, the records are as before. What is outdated stays noted until
 * `settle`.
 */
export async function enter(
  call: AddCall,
  container: Filtered,
  { undo, checkInterrupt }: Surroundings,
): Promise<Outdated> {
  if (container.rules.length === 0 && !hasFirewallState()) return { own: [], isOfBridge: false };
  using _lock = await lockFirewallState(checkInterrupt);
  const { records, bridges } = readFirewallState();
  const earlier = records.filter(isOf(call.network.name, call));
  const own = earlier.flatMap((record) => record.rules);
  if (container.rules.length + own.length === 0) return { own, isOfBridge: false };
  const fresh = without(neededBy(container), bridges);
  undo.defer("put the record of firewall rules back", () => putBack(call, earlier, fresh));
  const entered = {
    records: replaced(records, call, { ...container, rules: [...container.rules, ...own] }),
    bridges: [...bridges, ...fresh],
  };
  writeFirewallState(entered);
  return { own, isOfBridge: contradicting(entered.bridges, entered.records).length > 0 };
}

/** When the rules are there: only those are the container's now, after the outdated ones have been removed. */
export async function settle(
  call: AddCall,
  container: Filtered,
  { outdated, release }: { readonly outdated: Outdated; readonly release: Release },
): Promise<void> {
  using _lock = await lockFirewallState(async () => {});
  const { records, bridges } = readFirewallState();
  const settled = replaced(records, call, container);
  const stale = contradicting(bridges, settled);
  await release([...outdated.own, ...writtenOut(stale)], settled.flatMap(allRulesOf));
  writeFirewallState({ records: settled, bridges: without(bridges, stale) });
}

/** Takes rules of a failed ADD back that other containers do not need. */
export async function retract(call: AddCall, takeBack: (kept: readonly FamilyRules[]) => Promise<void>): Promise<void> {
  using _lock = await lockFirewallState(async () => {});
  const isOwn = isOf(call.network.name, call);
  await takeBack(
    readFirewallState()
      .records.filter((record) => !isOwn(record))
      .flatMap(allRulesOf),
  );
}

/**
 * Removes those that `isGone` from the records, after `release` has removed their rules, and `more` that may be theirs. Nobody can enter
 * meanwhile. Returns them.
 */
export async function leave(
  isGone: (record: FirewallRecord) => boolean,
  { release, more = [] }: { readonly release: Release; readonly more?: readonly FamilyRules[] },
  { checkInterrupt }: Pick<Surroundings, "checkInterrupt">,
): Promise<readonly FirewallRecord[]> {
  // without the file there is nobody, and no lock to make for that
  if (!hasFirewallState()) {
    await release(more, []);
    return [];
  }
  using _lock = await lockFirewallState(checkInterrupt);
  const { records, bridges } = readFirewallState();
  const kept = records.filter((record) => !isGone(record));
  const gone = records.filter(isGone);
  const stale = contradicting(bridges, kept);
  const rules = gone.flatMap((record) => record.rules);
  await release([...rules, ...writtenOut(stale), ...more], kept.flatMap(allRulesOf));
  if (gone.length + stale.length > 0) writeFirewallState({ records: kept, bridges: without(bridges, stale) });
  return gone;
}

export function isOf(network: string, { containerId, ifname }: Attachment): (record: FirewallRecord) => boolean {
  return (record) => record.network === network && record.containerId === containerId && record.ifname === ifname;
}

/** With the container as the only one of its call; one without rules is none. */
function replaced(
  records: readonly FirewallRecord[],
  call: AddCall,
  { on, rules }: Filtered,
): readonly FirewallRecord[] {
  const { containerId, ifname, network } = call;
  const own = { network: network.name, containerId, ifname, netns: recordNetns(call.netns), on, rules };
  const others = records.filter((record) => !isOf(network.name, call)(record));
  return rules.length === 0 ? others : [...others, own];
}

/** `fresh` are no longer noted, unless somebody has come to need them. */
async function putBack(
  call: AddCall,
  earlier: readonly FirewallRecord[],
  fresh: readonly BridgeRules[],
): Promise<void> {
  using _lock = await lockFirewallState(async () => {});
  const isOwn = isOf(call.network.name, call);
  const { records, bridges } = readFirewallState();
  const before = [...records.filter((record) => !isOwn(record)), ...earlier];
  writeFirewallState({ records: before, bridges: without(bridges, without(fresh, before.flatMap(neededBy))) });
}
