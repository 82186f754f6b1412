import { openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, Surroundings } from "../../protocol/plugin.ts";
import { checkIpam } from "../ipam.ts";
import { refuse } from "../refuse.ts";
import { differences } from "./check.ts";
import { vlanDifferences } from "./check-vlans.ts";
import { decodeConfig } from "./config.ts";
import { dockerDifferences } from "./docker/check.ts";
import { nftProblems } from "./nft-actual.ts";
import { observeAttached, observeVlans } from "./observe.ts";

export async function check(call: CheckCall, around: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, call.args);
  using container = openNetns(call.netns);
  using places = new Places(container);
  if (config.ipamType !== undefined) await checkIpam(config.ipamType, call, around);
  const expected = call.network.prevResult;
  if (expected === undefined)
    throw new CniError(ErrorCode.InvalidConfig, "CHECK needs the result of ADD as prevResult");
  const facts = observeAttached(places, config, call, around.env);
  const attached = { config, attachment: call, netns: call.netns, expected };
  const inVlans = config.vlans === undefined ? [] : vlanDifferences(attached, observeVlans(places, config, facts));
  const inNftables = nftProblems({ config, call, expected, env: around.env }, facts);
  const { docker } = config;
  const inDocker = docker === undefined ? [] : dockerDifferences(config, docker, { call, expected, env: around.env });
  refuse([...differences(attached, facts), ...inVlans, ...inNftables, ...inDocker].join("; "));
}
