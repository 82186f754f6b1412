import { isOwnNetns, openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { Place } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, CheckCall, Plugin, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import { carryOut } from "../carry-out.ts";
import { addIpam, checkIpam } from "../ipam.ts";
import { noAddressing, planAddressing } from "./addressing.ts";
import { differences } from "./check.ts";
import { vlanDifferences } from "./check-vlans.ts";
import { decodeConfig } from "./config.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { chooseBackend } from "./masquerade-backend.ts";
import { lockBridges, makeNetwork, makeVlanGateway } from "./network.ts";
import { nftDifferences } from "./nft-actual.ts";
import { planNftMasquerade, prepareSpoofCheck, programsIn, withSpoofCheck } from "./nft-plan.ts";
import { observe, observeAttached, observeVlans } from "./observe.ts";
import { addressConflict, conflict, planAttachment, planMasquerade, planNetwork } from "./plan.ts";
import { status } from "./status.ts";
import { planVlanGateway, vlanGatewayOf } from "./vlan-gateway.ts";
import { filteringConflict } from "./vlans.ts";

export const bridge = { add, check, del, status, gc, isOwnNetns } satisfies Plugin;

async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = prepareSpoofCheck(decodeConfig(call.network, call.args), call);
  using container = openNetns(call.netns);
  using places = new Places(container);
  using _lock = await lockBridges("shared", around.checkInterrupt);

  const { names, vlanGateway, ...facts } = observe(places, config, call);
  refuse(conflict(config, call, facts));
  const leased = config.ipamType === undefined ? emptyResult : await addIpam(config.ipamType, call, around);
  const addressing = config.ipamType === undefined ? noAddressing : planAddressing(config, leased);
  refuse(addressConflict(config, addressing, facts));

  await makeNetwork(config.bridge, planNetwork(config, addressing, facts, names), { places, around });
  const gateway = vlanGatewayOf(config);
  if (gateway !== undefined && vlanGateway !== undefined)
    await makeVlanGateway(gateway, planVlanGateway(config, addressing, vlanGateway), { places, around });
  // the rules first: they are made in a process of their own, beside the rest
  const isNft = config.ipMasq && chooseBackend(config.ipMasqBackend, programsIn(around.env)) === "nftables";
  const steps = withSpoofCheck(config, call, names.hostVeth, [
    ...(isNft ? planNftMasquerade(call, addressing) : planMasquerade(config, call, addressing, names)),
    ...planAttachment(config, call, addressing, names),
  ]);
  const applied = await carryOut(steps, { places, netns: call.netns, around });
  const macOf = (place: Place, name: string) => (applied.link(place, name) ?? places.findLink(place, name))?.mac;
  // looked up anew: it may have taken the address of its new port, and may be one that somebody else made meanwhile
  const made = places.findLink("host", config.bridge);
  refuse(filteringConflict(config, made));
  const interfaces = [
    { name: config.bridge, mac: made?.mac },
    { name: names.hostVeth, mac: macOf("host", names.hostVeth) },
    { name: call.ifname, mac: macOf("container", call.ifname), sandbox: call.netns },
    ...(gateway === undefined ? [] : [{ name: gateway.link, mac: places.findLink("host", gateway.link)?.mac }]),
  ];
  return { interfaces, ips: addressing.ips, routes: addressing.routes, dns: config.dns ?? leased.dns };
}

async function check(call: CheckCall, around: Surroundings): Promise<void> {
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
  const inNftables = nftDifferences({ config, call, expected, env: around.env }, facts);
  refuse([...differences(attached, facts), ...inVlans, ...inNftables].join("; "));
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined && problem !== "") throw new CniError(ErrorCode.Internal, problem);
}
