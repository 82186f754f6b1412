import { apply } from "../../kernel/apply.ts";
import { type NetNs, openNetns, openNetnsIfAlive } from "../../kernel/netns.ts";
import { isSameNetns, recordNetns } from "../../kernel/netns-record.ts";
import { Places } from "../../kernel/places.ts";
import { sysctlProblem } from "../../net/sysctl-key.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { AddCall, DelCall, Surroundings } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { type Backup, backupPath, readBackup, removeBackup, writeBackup } from "../../state/tuning-backup.ts";
import { carryOut } from "../carry-out.ts";
import { mtuConflict } from "../mtu.ts";
import { ipsOf } from "../prev-result.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, decodeDataDir, type TuningConfig } from "./config.ts";
import { observe, refuseForbidden } from "./observe.ts";
import { type Before, beforeOf, planAdd, planRestore, spellings, tunedResult, tuningProblem } from "./plan.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, call.args, call.ifname);
  const result = resultBefore(call.network, "tuning");
  refuseConflict(config, result, call.ifname);
  refuseForbidden(config);
  // podman and nerdctl have it in every list, with nothing to do
  if (config.sysctls.length === 0 && Object.keys(config.link).length === 0) return result;
  using container = openNetns(call.netns);
  using places = new Places(container);
  const facts = observe(places, config, call.ifname);
  const problem = tuningProblem(config, facts, call.ifname);
  if (problem !== undefined) throw new CniError(ErrorCode.Internal, `tuning: ${problem}`);
  const before = beforeOf(config, facts);
  const noted = noteBefore(call, config, { before, around });
  await carryOut(planAdd(config, call.ifname, before), { places, netns: call.netns, around });
  const printed = spellings(config, observe(places, config, call.ifname));
  if (printed.size > 0) write(call, config, { ...noted, spellings: printed });
  return tunedResult(result, config, call.ifname);
}

/** Errors: 7 for an MTU with which the kernel would drop the container's IPv6 addresses: nothing brings them back. */
function refuseConflict({ link }: TuningConfig, result: Result, ifname: string): void {
  const problem = mtuConflict({ mtu: link.mtu }, { ips: ipsOf(result, ifname) });
  if (problem !== undefined) throw new CniError(ErrorCode.InvalidConfig, `tuning: ${problem}`);
}

/** Puts back what ADD has changed, where it is still there; the runtime can do nothing about what cannot be put back. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  const path = backupPath(decodeDataDir(call.network), call);
  const backup = readBackup(path);
  if (backup !== undefined) await restore(call, backup, around);
  removeBackup(path);
}

async function restore(call: DelCall, backup: Backup, around: Surroundings): Promise<void> {
  const goOn = (error: unknown) =>
    around.log(`going on although it failed to put back what tuning changed: ${messageOf(error)}`);
  try {
    using container = openTuned(call, backup);
    if (container === undefined) return;
    using places = new Places(container);
    const settings = [...backup.sysctls].filter(([key]) => sysctlProblem(key) === undefined);
    for (const step of planRestore({ link: backup.link, sysctls: new Map(settings) }, call.ifname)) {
      await apply([step], { ...around, places, record: () => {} }).catch(goOn);
    }
  } catch (error) {
    goOn(error);
  }
}

/** The namespace that was changed, be it that the runtime does not name it any more; undefined when it is gone. */
function openTuned({ netns }: DelCall, backup: Backup): NetNs | undefined {
  const path = netns ?? backup.netns?.path;
  const present = path === undefined ? undefined : recordNetns(path);
  const isOther = present !== undefined && backup.netns !== undefined && !isSameNetns(present, backup.netns);
  return isOther ? undefined : openNetnsIfAlive(path);
}

/** A repeated ADD finds what the first one has changed: what was there before that stays noted. */
function noteBefore(
  call: AddCall,
  config: TuningConfig,
  { before, around }: { readonly before: Before; readonly around: Surroundings },
): Backup {
  const { dataDir } = config;
  const path = backupPath(dataDir, call);
  const netns = recordNetns(call.netns);
  const earlier = readBackup(path);
  const isSame = netns !== undefined && earlier?.netns !== undefined && isSameNetns(netns, earlier.netns);
  const first = isSame ? earlier : undefined;
  around.undo.defer(`put ${path} back`, () => {
    if (earlier === undefined) removeBackup(path);
    else writeBackup(dataDir, call, earlier);
  });
  const backup = {
    link: { ...before.link, ...first?.link },
    sysctls: new Map([...before.sysctls, ...(first?.sysctls ?? [])]),
    spellings: new Map(),
    network: call.network.name,
    netns,
  };
  write(call, config, backup);
  return backup;
}

/** Errors: 5 when the file cannot be written. */
function write(call: AddCall, { dataDir }: TuningConfig, backup: Backup): void {
  try {
    writeBackup(dataDir, call, backup);
  } catch (error) {
    const what = `cannot write ${backupPath(dataDir, call)}: ${messageOf(error)}`;
    throw new CniError(ErrorCode.IoFailure, `tuning: dataDir ${JSON.stringify(dataDir)}: ${what}`);
  }
}
