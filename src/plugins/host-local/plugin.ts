import { type Ip, printIp, sameIp } from "../../net/ip.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, CheckCall, DelCall, Plugin, Surroundings } from "../../protocol/plugin.ts";
import type { Result, ResultIp } from "../../protocol/result.ts";
import { HostLocalStore } from "../../state/host-local-store.ts";
import { assignRequested, type Choice, chooseIp, rangeOf } from "./allocate.ts";
import { decodeConfig, decodeDataDir, printRange, type RangeSet } from "./config.ts";
import { readResolvConf } from "./resolv-conf.ts";

export const hostLocal = { add, check, del } satisfies Plugin;

async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, call.args);
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const { assigned, left } = assignRequested(config.rangeSets, config.requestedIps);
  if (left.length > 0) {
    throw new CniError(ErrorCode.Internal, `failed to allocate all requested IPs: ${left.map(printIp).join(", ")}`);
  }
  using store = await HostLocalStore.open(config.dataDir, call.network.name, around.checkInterrupt);
  const given: Ip[] = [];
  around.undo.defer("give the addresses back", () => giveBack(call, given));
  const ips = config.rangeSets.map((set, n): ResultIp => {
    const { ip, range } = reserve({ store, set, n, call, requested: assigned[n] });
    given.push(ip);
    return { address: { ip, prefix: range.subnet.prefix }, gateway: range.gateway };
  });
  return { interfaces: [], ips, routes: config.routes, dns };
}

async function check(call: CheckCall, around: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, call.args);
  using store = await HostLocalStore.open(config.dataDir, call.network.name, around.checkInterrupt);
  if (store.findByOwner(call).length > 0) return;
  throw new CniError(
    ErrorCode.Internal,
    `no address is reserved for ${call.containerId} ${call.ifname} in ${config.dataDir}/${call.network.name}`,
  );
}

/** Returns what was given back, for a caller that has no other way to know the addresses. */
async function del(call: DelCall, around: Surroundings): Promise<readonly Ip[]> {
  using store = await HostLocalStore.open(decodeDataDir(call.network), call.network.name, around.checkInterrupt);
  const ips = store.findByOwner(call);
  for (const ip of ips) store.release(ip);
  return ips;
}

interface Reserving {
  readonly store: HostLocalStore;
  readonly set: RangeSet;
  /** Index of the set. */
  readonly n: number;
  readonly call: AddCall;
  readonly requested: Ip | undefined;
}

function reserve({ store, set, n, call, requested }: Reserving): Choice {
  const choice = requested === undefined ? freeIp({ store, set, n, call }) : requestedIp(set, requested);
  if (store.reserve(choice.ip, call, n)) return choice;
  throw new CniError(
    ErrorCode.Internal,
    `requested IP address ${printIp(choice.ip)} is not available in range set ${printSet(set)}`,
  );
}

function requestedIp(set: RangeSet, ip: Ip): Choice {
  const range = rangeOf(set, ip);
  if (range === undefined) throw new Error(`${printIp(ip)} is in no range`);
  if (sameIp(ip, range.gateway)) throw new CniError(ErrorCode.Internal, `requested IP ${printIp(ip)} is the gateway's`);
  return { ip, range };
}

function freeIp({ store, set, n, call }: Omit<Reserving, "requested">): Choice {
  const held = store.findByOwner(call).find((ip) => rangeOf(set, ip) !== undefined);
  if (held !== undefined) {
    const message = `${printIp(held)} has been allocated to ${call.containerId} ${call.ifname} already, duplicate allocation is not allowed`;
    throw new CniError(ErrorCode.Internal, message);
  }
  const choice = chooseIp(set, store.lastReserved(n), (ip) => store.isTaken(ip));
  if (choice !== undefined) return choice;
  throw new CniError(
    ErrorCode.Internal,
    `failed to allocate for range ${n}: no IP addresses available in range set: ${printSet(set)}`,
  );
}

/** What this call took, and not what an earlier one of the same container has. */
async function giveBack(call: AddCall, given: readonly Ip[]): Promise<void> {
  using store = await HostLocalStore.open(decodeDataDir(call.network), call.network.name, async () => {});
  for (const ip of given) store.release(ip);
}

function printSet(set: RangeSet): string {
  return set.map(printRange).join(",");
}
