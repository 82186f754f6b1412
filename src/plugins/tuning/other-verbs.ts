import { openNetns } from "../../kernel/netns.ts";
import { judgeNetns } from "../../kernel/netns-record.ts";
import { Places } from "../../kernel/places.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { CheckCall, GcCall, StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { backupPath, listBackups, readBackup, removeBackup } from "../../state/tuning-backup.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, decodeDataDir } from "./config.ts";
import { observe, refuseForbidden } from "./observe.ts";
import { differences } from "./plan.ts";

/** Errors: 999 with every setting that is not as ADD left it. */
export async function check(call: CheckCall): Promise<void> {
  const config = decodeConfig(call.network, call.args, call.ifname);
  resultBefore(call.network, "tuning");
  using container = openNetns(call.netns);
  using places = new Places(container);
  const known = readBackup(backupPath(config.dataDir, call))?.spellings ?? new Map();
  const problems = differences(config, { facts: observe(places, config, call.ifname), known }, call.ifname);
  if (problems.length > 0) throw new CniError(ErrorCode.Internal, problems.join("; "));
}

/** Errors: 50 when the administrator does not allow what the configuration asks for. */
export async function status({ network }: StatusCall): Promise<void> {
  const config = decodeConfig(network, "", "IFNAME");
  try {
    refuseForbidden(config);
  } catch (error) {
    throw new CniError(ErrorCode.PluginNotAvailable, messageOf(error));
  }
}

/** Forgets what was there before, for containers of the network that are neither valid nor alive: there is nothing to put it back to. */
export async function gc({ network, validAttachments }: GcCall, { log }: Surroundings): Promise<void> {
  const dataDir = decodeDataDir(network);
  const valid = validAttachments.map((attachment) => backupPath(dataDir, attachment));
  const isGone = judgeNetns();
  for (const path of listBackups(dataDir).filter((each) => !valid.includes(each))) {
    const backup = readBackup(path);
    if (backup?.network !== network.name || (backup.netns !== undefined && !isGone(backup.netns))) continue;
    removeBackup(path);
    log(`GC: removed ${path}, whose container is gone`);
  }
}
