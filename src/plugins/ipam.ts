// Addresses for a main plugin: from host-local or static in this process, when the one that would be run is this executable, else from
// whatever plugin `ipam.type` names, run as the specification says.
import { run } from "../kernel/process.ts";
import { isThisExecutable } from "../kernel/self.ts";
import type { Ip } from "../net/ip.ts";
import { findPlugin, PluginFailure, runPlugin } from "../protocol/delegate.ts";
import { parseDocument } from "../protocol/document.ts";
import type { AddCall, AnyCall, CheckCall, DelCall, GcCall, StatusCall, Surroundings } from "../protocol/plugin.ts";
import type { Result } from "../protocol/result.ts";
import { decodeIpamResult } from "../protocol/result-decode.ts";
import * as hostLocal from "./host-local/plugin.ts";
import * as fixed from "./static/plugin.ts";

/** Those that are called here instead of run. Which of their functions each verb needs is written out, so that a program has no others. */
const inProcess = ["host-local", "static"];

/** The result has no interfaces. What the plugin gave is taken back when the ADD fails later. */
export async function addIpam(type: string, call: AddCall, around: Surroundings): Promise<Result> {
  const file = findPlugin(type, call.path, "ipam.type");
  if (isOurs(type, file)) return type === "static" ? fixed.add(call) : hostLocal.add(call, around);
  const printed = await delegateAdd(call, file, around);
  return decodeIpamResult(
    parseDocument(printed, `the output of ${file}`),
    call.network.version,
    `the result of ${file}`,
  );
}

export async function checkIpam(type: string, call: CheckCall, around: Surroundings): Promise<void> {
  const file = findPlugin(type, call.path, "ipam.type");
  if (isOurs(type, file)) await (type === "static" ? fixed.check(call) : hostLocal.check(call, around));
  else await delegate(call, file, around);
}

/** Returns the addresses that were given back, when that can be known. */
export async function delIpam(type: string, call: DelCall, around: Surroundings): Promise<readonly Ip[]> {
  const file = findPlugin(type, call.path, "ipam.type");
  if (isOurs(type, file)) return type === "static" ? [] : hostLocal.del(call, around);
  await delegate(call, file, around);
  return [];
}

export async function statusIpam(type: string, call: StatusCall, around: Surroundings): Promise<void> {
  const file = findPlugin(type, call.path, "ipam.type");
  if (isOurs(type, file)) await (type === "static" ? fixed.status(call) : hostLocal.status(call, around));
  else await delegate(call, file, around);
}

export async function gcIpam(type: string, call: GcCall, around: Surroundings): Promise<void> {
  const file = findPlugin(type, call.path, "ipam.type");
  if (!isOurs(type, file)) await delegate(call, file, around);
  else if (type !== "static") await hostLocal.gc(call, around);
}

/**
 * A plugin that says why it fails has given nothing: DEL would take away what an earlier ADD of the same container has. One that was
 * ended half-way, or whose result cannot be used later, is asked to give it back.
 */
async function delegateAdd(call: AddCall, file: string, around: Surroundings): Promise<string> {
  const giveBack = async () => {
    await delegate({ network: call.network, verb: "DEL" }, file, { ...around, checkInterrupt: async () => {} });
  };
  try {
    const printed = await delegate(call, file, around);
    around.undo.defer(`run ${file} DEL`, giveBack);
    return printed;
  } catch (error) {
    if (!(error instanceof PluginFailure)) around.undo.defer(`run ${file} DEL`, giveBack);
    throw error;
  }
}

async function delegate(call: Pick<AnyCall, "verb" | "network">, file: string, around: Surroundings): Promise<string> {
  return runPlugin({ file, verb: call.verb, input: call.network.input }, run, around);
}

function isOurs(type: string, file: string): boolean {
  return inProcess.includes(type) && isThisExecutable(file);
}
