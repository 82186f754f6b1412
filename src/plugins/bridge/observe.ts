import { saveTable } from "../../kernel/iptables.ts";
import { sha512 } from "../../kernel/libc.ts";
import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import { listRoutes } from "../../kernel/netlink/route.ts";
import { listPortVlans } from "../../kernel/netlink/vlan.ts";
import type { Places } from "../../kernel/places.ts";
import { hostVethName, masqueradeChainNames } from "../../net/hashed-name.ts";
import { randomMac } from "../../net/mac.ts";
import type { Link } from "../../plan/facts.ts";
import { masqueradeChains } from "../../plan/masquerade.ts";
import { differencesOf } from "../../plan/private-chain.ts";
import type { AddCall, CheckCall, DelCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult } from "../../protocol/result.ts";
import { aliasOf, isOthersAlias } from "../alias.ts";
import { chooseBackend, programsIn } from "../firewall-backend.ts";
import { addressesOf, allAddressesOf } from "../link-addresses.ts";
import { ipsOf } from "../prev-result.ts";
import { randomBytes } from "../random-bytes.ts";
import type { CheckFacts } from "./check.ts";
import type { VlanFacts } from "./check-vlans.ts";
import type { BridgeConfig } from "./config.ts";
import type { BridgeFacts, Names, Remains } from "./plan.ts";
import { type VlanGatewayFacts, vlanGatewayOf } from "./vlan-gateway.ts";

interface Observed extends BridgeFacts {
  readonly names: Names;
  readonly vlanGateway: VlanGatewayFacts | undefined;
}

export function observe(places: Places, config: BridgeConfig, call: AddCall): Observed {
  const attached = { ...call, network: call.network.name };
  const usual = hostVethName(sha512, attached);
  const [bridge, veth] = places.findLinks("host", [config.bridge, usual]);
  const vlanGateway = observeVlanGateway(places, config, bridge);
  return {
    bridge,
    bridgeAddresses: vlanGateway?.addresses ?? addressesOf(places, "host", bridge),
    vlanGateway,
    container: places.findLink("container", call.ifname),
    names: {
      network: attached.network,
      hostVeth: veth === undefined ? usual : randomVethName(),
      masqueradeChain: masqueradeChainNames(sha512, attached),
      bridgeMac: randomMac(randomBytes(6)),
    },
  };
}

function observeVlanGateway(
  places: Places,
  config: BridgeConfig,
  bridge: Link | undefined,
): VlanGatewayFacts | undefined {
  const asked = vlanGatewayOf(config);
  if (asked === undefined) return undefined;
  const usual = hostVethName(sha512, { network: config.bridge, containerId: String(asked.vlan), ifname: asked.link });
  const [gateway, taken] = places.findLinks("host", [asked.link, usual]);
  return {
    bridge,
    gateway,
    port: gateway === undefined ? undefined : otherEnd(places, gateway),
    addresses: addressesOf(places, "host", gateway),
    portName: taken === undefined ? usual : randomVethName(),
  };
}

/** Of a veth; undefined when that is in another namespace, where its index says nothing here. */
function otherEnd(places: Places, { kind, index, peer }: Link): Link | undefined {
  const link = kind === "veth" && peer !== undefined ? findLinkByIndex(places.at("host").socket, peer) : undefined;
  return link?.peer === index ? link : undefined;
}

/** For CHECK, when VLANs are asked for. */
export function observeVlans(places: Places, config: BridgeConfig, { bridge, host }: CheckFacts): VlanFacts {
  const gateway = vlanGatewayOf(config)?.link;
  return {
    bridge,
    host,
    hostVlans: host === undefined ? [] : (listPortVlans(places.at("host").socket).get(host.index) ?? []),
    gateway: gateway === undefined ? undefined : places.findLink("host", gateway),
  };
}

export function observeAttached(
  places: Places,
  config: BridgeConfig,
  call: CheckCall,
  env: Surroundings["env"],
): CheckFacts {
  const container = places.findLink("container", call.ifname);
  const bridge = places.findLink("host", config.bridge);
  const vlanGateway = vlanGatewayOf(config);
  const gatewayLink = vlanGateway === undefined ? bridge : places.findLink("host", vlanGateway.link);
  const routesOf = (family: 4 | 6) => listRoutes(places.at("container").socket, family);
  return {
    bridge,
    bridgeAddresses: allAddressesOf(places, "host", gatewayLink),
    ruleProblems: masqueradesWithIptables(config, env) ? ruleProblems(call, env) : [],
    container,
    host: container?.peer === undefined ? undefined : findLinkByIndex(places.at("host").socket, container.peer),
    addresses: allAddressesOf(places, "container", container),
    routes: [...routesOf(4), ...routesOf(6)],
  };
}

function masqueradesWithIptables({ ipMasq, ipMasqBackend }: BridgeConfig, env: Surroundings["env"]): boolean {
  return ipMasq && chooseBackend(ipMasqBackend, programsIn(env)) === "iptables";
}

function ruleProblems({ network, containerId, ifname }: CheckCall, env: Surroundings["env"]): string[] {
  const addresses = ipsOf(network.prevResult ?? emptyResult, ifname).map((ip) => ip.address);
  const chain = masqueradeChainNames(sha512, { network: network.name, containerId, ifname });
  const chains = masqueradeChains({ chain, network: network.name, containerId }, addresses);
  return chains.flatMap((each) => differencesOf(each, saveTable(each, env)));
}

/** A host end without a container is known by its name and its alias. */
export function observeRemains(places: Places, call: DelCall, isAlive: boolean): Remains {
  const found = isAlive ? places.findLink("container", call.ifname) : undefined;
  const container = found !== undefined && isOthers(places, found, call) ? undefined : found;
  if (container !== undefined)
    return { container, addresses: addressesOf(places, "container", container), host: undefined };
  const network = call.network.name;
  const host = places.findLink("host", hostVethName(sha512, { ...call, network }));
  return { container, addresses: [], host: host?.alias === aliasOf(network, call) ? host : undefined };
}

/** The path of the namespace may be another container's by now. The alias of the host's end says whose the pair is; Go's has none. */
function isOthers(places: Places, { peer }: Link, call: DelCall): boolean {
  const alias = peer === undefined ? undefined : findLinkByIndex(places.at("host").socket, peer)?.alias;
  return isOthersAlias(alias, call);
}

function randomVethName(): string {
  return `veth${Buffer.from(randomBytes(4)).toString("hex")}`;
}
