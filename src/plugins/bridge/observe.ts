import { sha512 } from "../../kernel/libc.ts";
import { listAddresses } from "../../kernel/netlink/address.ts";
import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import { listRoutes } from "../../kernel/netlink/route.ts";
import type { Places } from "../../kernel/places.ts";
import type { Cidr } from "../../net/cidr.ts";
import { hostVethName, masqueradeChainName } from "../../net/hashed-name.ts";
import { randomMac } from "../../net/mac.ts";
import type { Link, Place } from "../../plan/facts.ts";
import type { AddCall, Attachment, DelCall } from "../../protocol/plugin.ts";
import type { CheckFacts } from "./check.ts";
import type { BridgeConfig } from "./config.ts";
import { aliasOf, type BridgeFacts, type Names, type Remains } from "./plan.ts";

/** RT_SCOPE_UNIVERSE: not a link-local address, which the kernel gives by itself. */
const GLOBAL = 0;

export function observe(places: Places, config: BridgeConfig, call: AddCall): BridgeFacts & { readonly names: Names } {
  const attached = { ...call, network: call.network.name };
  const usual = hostVethName(sha512, attached);
  const [bridge, veth] = places.findLinks("host", [config.bridge, usual]);
  return {
    bridge,
    bridgeAddresses: addressesOf(places, "host", bridge),
    container: places.findLink("container", call.ifname),
    names: {
      network: attached.network,
      hostVeth: veth === undefined ? usual : `veth${Buffer.from(randomBytes(4)).toString("hex")}`,
      masqueradeChain: masqueradeChainName(sha512, attached),
      bridgeMac: randomMac(randomBytes(6)),
    },
  };
}

export function observeAttached(places: Places, config: BridgeConfig, { ifname }: Attachment): CheckFacts {
  const container = places.findLink("container", ifname);
  const routesOf = (family: 4 | 6) => listRoutes(places.at("container").socket, family);
  return {
    bridge: places.findLink("host", config.bridge),
    container,
    host: container?.peer === undefined ? undefined : findLinkByIndex(places.at("host").socket, container.peer),
    addresses: addressesOf(places, "container", container),
    routes: [...routesOf(4), ...routesOf(6)],
  };
}

/** A host end without a container is known by its name and its alias. */
export function observeRemains(places: Places, call: DelCall, isAlive: boolean): Remains {
  const container = isAlive ? places.findLink("container", call.ifname) : undefined;
  if (container !== undefined)
    return { container, addresses: addressesOf(places, "container", container), host: undefined };
  const network = call.network.name;
  const host = places.findLink("host", hostVethName(sha512, { ...call, network }));
  return { container, addresses: [], host: host?.alias === aliasOf(network, call) ? host : undefined };
}

function addressesOf(places: Places, place: Place, link: Link | undefined): Cidr[] {
  if (link === undefined) return [];
  const addresses = listAddresses(places.at(place).socket, link);
  return addresses.filter((address) => address.scope === GLOBAL).map((address) => address.cidr);
}

export function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256));
}
