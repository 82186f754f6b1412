import { judgeNetns, recordNetns } from "../../kernel/netns-record.ts";
import { type Ip, printIp } from "../../net/ip.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall, Surroundings } from "../../protocol/plugin.ts";
import type { Result, ResultIp } from "../../protocol/result.ts";
import { HostLocalStore, type Reservation } from "../../state/host-local-store.ts";
import { assignRequested } from "./allocate.ts";
import { choose, exhaustion } from "./choose.ts";
import { decodeConfig, decodeDataDir } from "./config.ts";
import { readResolvConf } from "./resolv-conf.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, call.args);
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const { assigned, left } = assignRequested(config.rangeSets, config.requestedIps);
  if (left.length > 0) {
    throw new CniError(ErrorCode.Internal, `failed to allocate all requested IPs: ${left.map(printIp).join(", ")}`);
  }
  const netns = recordNetns(call.netns);
  using store = await HostLocalStore.open({ dataDir: config.dataDir, network: call.network.name }, around);
  const given: Ip[] = [];
  const isNetnsGone = judgeNetns();
  around.undo.defer("give the addresses back", () => giveBack(call, given, around.log));
  const ips = config.rangeSets.map((set, n): ResultIp => {
    const choosing = { store, set, n, allocation: config.allocation, isNetnsGone, log: around.log };
    const { ip, range } = choose(choosing, call, assigned[n]);
    if (!store.reserve(ip, call, { netns, rangeSet: n }))
      throw new Error(`${printIp(ip)} was taken in spite of the lock`);
    given.push(ip);
    return { address: { ip, prefix: range.subnet.prefix }, gateway: range.gateway };
  });
  return { interfaces: [], ips, routes: config.routes, dns };
}

export async function check(call: CheckCall, around: Surroundings): Promise<void> {
  const { dataDir } = decodeConfig(call.network, call.args);
  using store = await HostLocalStore.open({ dataDir, network: call.network.name }, around);
  if (store.findByOwnerOrLookAgain(call).length > 0) return;
  throw new CniError(
    ErrorCode.Internal,
    `no address is reserved for ${call.containerId} ${call.ifname} in ${store.directory}`,
  );
}

/** Returns what was given back, for a caller that has no other way to know the addresses. */
export async function del(call: DelCall, around: Surroundings): Promise<readonly Ip[]> {
  using store = await openForRemoval(call, around);
  const reservations = store.findByOwnerOrLookAgain(call);
  store.release(reservations);
  return reservations.map(({ ip }) => ip);
}

/** Errors: 50 with the reason why an ADD could not be served. */
export async function status(call: StatusCall, around: Surroundings): Promise<void> {
  const { dataDir, rangeSets } = decodeConfig(call.network, "");
  using store = await openForStatus({ dataDir, network: call.network.name }, around);
  const isNetnsGone = judgeNetns();
  const problem = rangeSets
    .map((set, n) => exhaustion({ store, set, n, isNetnsGone }))
    .find((found) => found !== undefined);
  if (problem !== undefined) throw new CniError(ErrorCode.PluginNotAvailable, problem);
}

/** What the runtime does not know any more is given back, unless it is certain to be in use. */
export async function gc(call: GcCall, around: Surroundings): Promise<void> {
  using store = await openForRemoval(call, around);
  const isValid = ({ owner }: Reservation) =>
    call.validAttachments.some(
      ({ containerId, ifname }) =>
        containerId === owner.containerId && (owner.ifname === "" || ifname === owner.ifname),
    );
  const isNetnsGone = judgeNetns();
  const invalid = store.all().filter((each) => !isValid(each));
  const alive = invalid.filter(({ netns }) => netns !== undefined && !isNetnsGone(netns));
  const stale = invalid.filter((each) => !alive.includes(each));
  store.release(stale);
  for (const { ip, owner } of stale) around.log(`GC: gave back ${printIp(ip)} of ${owner.containerId} ${owner.ifname}`);
  for (const { ip, owner, netns } of alive) {
    const what = `${printIp(ip)} of ${owner.containerId} ${owner.ifname}`;
    around.log(`GC: kept ${what}, which is not a valid attachment, but its network namespace ${netns?.path} exists`);
  }
}

async function openForStatus(
  place: { readonly dataDir: string; readonly network: string },
  around: Surroundings,
): Promise<HostLocalStore> {
  try {
    return await HostLocalStore.open(place, around);
  } catch (error) {
    const reason =
      error instanceof CniError
        ? error.message
        : `cannot write to ${place.dataDir}/${place.network}: ${messageOf(error)}`;
    throw new CniError(ErrorCode.PluginNotAvailable, reason);
  }
}

function openForRemoval(
  { network }: DelCall | GcCall,
  around: Pick<Surroundings, "checkInterrupt" | "log">,
): Promise<HostLocalStore> {
  return HostLocalStore.open({ dataDir: decodeDataDir(network), network: network.name }, around);
}

/** What this call took, and not what an earlier one of the same container has. */
async function giveBack(call: AddCall, given: readonly Ip[], log: Surroundings["log"]): Promise<void> {
  using store = await HostLocalStore.open(
    { dataDir: decodeDataDir(call.network), network: call.network.name },
    { checkInterrupt: async () => {}, log },
  );
  store.release(given.map((ip) => ({ name: printIp(ip) })));
}
