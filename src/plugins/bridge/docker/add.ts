import { findIptables } from "../../../kernel/iptables.ts";
import { listRoutes } from "../../../kernel/netlink/route.ts";
import { openNetns } from "../../../kernel/netns.ts";
import { Places } from "../../../kernel/places.ts";
import { randomMac } from "../../../net/mac.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import { ensureEndpoint } from "../../../plan/docker/steps.ts";
import type { Step } from "../../../plan/step.ts";
import type { AddCall, Surroundings } from "../../../protocol/plugin.ts";
import type { Result } from "../../../protocol/result.ts";
import { carryOut } from "../../carry-out.ts";
import { addIpam } from "../../ipam.ts";
import { mtuConflict } from "../../mtu.ts";
import { claimPorts, forgetPorts } from "../../port-claims.ts";
import { forgetFlows, removeStale } from "../../port-remains.ts";
import { randomBytes } from "../../random-bytes.ts";
import { refuse } from "../../refuse.ts";
import { add } from "../add.ts";
import { type BridgeConfig, decodeConfig } from "../config.ts";
import { lockBridges, makeNetwork } from "../network.ts";
import { observe } from "../observe.ts";
import { conflict } from "../plan.ts";
import { interfacesOf } from "../result.ts";
import { gatewayProblem, planDockerAddressing, routeConflict } from "./addressing.ts";
import { completeAttachment, enter, isShared, rulesOfAttached } from "./attachments.ts";
import type { DockerConfig } from "./config.ts";
import { dockerdConflict } from "./dockerd-conflict.ts";
import { dockerNetworkOf, endpointOf } from "./network.ts";
import { gatewayConflict, macOfIp, planBridge, planJoin, planPair } from "./plan.ts";
import { hostPortsOf, unpublished } from "./ports.ts";

/** Whether the network is one of Docker is certain only now. */
export async function addInAnyLayout(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, call.args);
  return config.docker === undefined ? add(call, around) : addInDocker(config, config.docker, { call, around });
}

/** The bridge and the container's interface go up when the rules are in force. */
async function addInDocker(
  config: BridgeConfig,
  docker: DockerConfig,
  { call, around }: { readonly call: AddCall; readonly around: Surroundings },
): Promise<Result> {
  refuse(dockerdConflict(docker));
  using container = openNetns(call.netns);
  using places = new Places(container);
  using _lock = await lockBridges("shared", around.checkInterrupt);
  const making = { places, around };
  const { names, ...facts } = observe(places, config, call);
  refuse(conflict(config, call, facts));

  const leased = await addIpam(config.ipamType ?? "", call, around);
  const present = ([4, 6] as const).flatMap((family) => listRoutes(places.at("container").socket, family));
  const addressing = planDockerAddressing(config, docker, { leased, present });
  const { ips, routes, gateways } = addressing;
  const network = dockerNetworkOf(config.bridge, docker, ips);
  refuse(routeConflict(addressing, present) ?? gatewayProblem(addressing) ?? mtuConflict(config, addressing));
  refuse(gatewayConflict(config.bridge, gateways, { facts, isShared: isShared(config.bridge, call) }));
  const endpoint = endpointOf(ips, routes, config.ports);
  needPrograms(network, around.env);
  for (const line of unpublished(network, endpoint)) around.log(line);

  const ports = hostPortsOf(network, endpoint);
  const claiming = {
    plugin: "bridge" as const,
    ports,
    ips: endpoint.addresses,
    onConflict: config.onConflict,
    rules: { remains: [], nft: [] },
  };
  const { stale } = await claimPorts(call, claiming, around);
  await removeStale(stale, around);
  const { gone, isFirst } = await enter(call, { network, endpoint }, around);
  for (const attachment of gone) await forgetPorts({ ...attachment, network: call.network }, "bridge", around);
  const mac = config.mac ?? (docker.macFromIP ? macOfIp(addressing) : undefined) ?? randomMac(randomBytes(6));
  const wiring = { addressing, mac, names };
  await makeNetwork(config.bridge, planBridge(config, docker, { network, gateways, facts, names }), making);
  const pair = [
    ...ensureEndpoint(network, endpoint, { isFirst, others: () => rulesOfAttached(config.bridge, call) }),
    ...planPair(config, call, wiring),
  ];
  await carryOut([...pair, { do: "rules.await" }], { places, netns: call.netns, around });
  await makeNetwork(config.bridge, facts.bridge?.isUp === true ? [] : [bridgeUp(config)], making);
  await carryOut(planJoin(call.ifname, wiring), { places, netns: call.netns, around });
  forgetFlows(places, ports, endpoint.addresses);
  await completeAttachment(config.bridge, call, around);
  return { interfaces: interfacesOf(config, call, { names, places }), ips, routes, dns: config.dns ?? leased.dns };
}

/** Errors: 999 before anything is written that would have to be removed with the same programs. */
function needPrograms({ subnets }: DockerNetwork, env: Surroundings["env"]): void {
  for (const family of [4, 6] as const) {
    if (subnets[family] === undefined) continue;
    findIptables(family, "restore", env);
    findIptables(family, "save", env);
  }
}

function bridgeUp({ bridge }: BridgeConfig): Step {
  return { do: "link.set", place: "host", link: bridge, up: true };
}
