import { judgeNetns } from "../../../kernel/netns-record.ts";
import type { Places } from "../../../kernel/places.ts";
import { readRules } from "../../../kernel/rule-sets.ts";
import { printRule } from "../../../plan/rule-set.ts";
import { missingRules } from "../../../plan/saved-rules.ts";
import { CniError, ErrorCode } from "../../../protocol/error.ts";
import type { StatusCall, Surroundings } from "../../../protocol/plugin.ts";
import { readRecord } from "../../../state/bridge-record.ts";
import type { BridgeConfig } from "../config.ts";
import type { DockerConfig } from "./config.ts";
import { dockerdConflict } from "./dockerd-conflict.ts";

/** Errors: 50 when an ADD would fail, 51 when attached containers cannot reach what they should. */
export function checkDockerStatus(
  { bridge }: BridgeConfig,
  docker: DockerConfig,
  { call, env, places }: { readonly call: StatusCall; readonly env: Surroundings["env"]; readonly places: Places },
): void {
  const conflict = dockerdConflict(docker);
  if (conflict !== undefined) throw new CniError(ErrorCode.PluginNotAvailable, conflict);
  const record = readRecord(bridge);
  const isGone = judgeNetns();
  const alive = (record?.attachments ?? []).filter(({ netns }) => netns === undefined || !isGone(netns));
  if (record === undefined || alive.length === 0) return;
  if (record.network !== call.network.name) {
    const message = `${bridge} is the bridge of the network ${record.network}, which has containers`;
    throw new CniError(ErrorCode.PluginNotAvailable, message);
  }
  if (places.findLink("host", bridge) === undefined)
    throw new CniError(ErrorCode.LimitedConnectivity, `the bridge ${bridge} is gone, and containers were on it`);
  const missing = record.rules.flatMap(({ family, rules }) =>
    missingRules(rules, readRules(family, env)).map((rule) => printRule(rule, family)),
  );
  if (missing.length === 0) return;
  throw new CniError(ErrorCode.LimitedConnectivity, `there is no rule of: ${missing.join("; ")}`);
}
