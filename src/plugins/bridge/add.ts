import { openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { AddCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import { carryOut } from "../carry-out.ts";
import { chooseBackend, programsIn } from "../firewall-backend.ts";
import { addIpam } from "../ipam.ts";
import { mtuConflict } from "../mtu.ts";
import { refuse } from "../refuse.ts";
import { noAddressing, planAddressing } from "./addressing.ts";
import { decodeConfig } from "./config.ts";
import { lockBridges, makeNetwork, makeVlanGateway } from "./network.ts";
import { planNftMasquerade, prepareSpoofCheck, withSpoofCheck } from "./nft-plan.ts";
import { observe } from "./observe.ts";
import { addressConflict, conflict, planAttachment, planMasquerade, planNetwork } from "./plan.ts";
import { interfacesOf } from "./result.ts";
import { planVlanGateway, vlanGatewayOf } from "./vlan-gateway.ts";
import { filteringConflict } from "./vlans.ts";

/** The ADD in the layout of the reference; that of Docker's is loaded instead of this one (docker/add.ts). */
export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = prepareSpoofCheck(decodeConfig(call.network, call.args), call);
  using container = openNetns(call.netns);
  using places = new Places(container);
  using _lock = await lockBridges("shared", around.checkInterrupt);

  const { names, vlanGateway, ...facts } = observe(places, config, call);
  refuse(conflict(config, call, facts));
  const leased = config.ipamType === undefined ? emptyResult : await addIpam(config.ipamType, call, around);
  const addressing = config.ipamType === undefined ? noAddressing : planAddressing(config, leased);
  refuse(addressConflict(config, addressing, facts) ?? mtuConflict(config, addressing));

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
  // it may be one that somebody else made meanwhile
  if (config.vlans !== undefined) refuse(filteringConflict(config, places.findLink("host", config.bridge)));
  const interfaces = [
    ...interfacesOf(config, call, { names, places, applied }),
    ...(gateway === undefined ? [] : [{ name: gateway.link, mac: places.findLink("host", gateway.link)?.mac }]),
  ];
  return { interfaces, ips: addressing.ips, routes: addressing.routes, dns: config.dns ?? leased.dns };
}
