import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import { listRoutes } from "../../kernel/netlink/route.ts";
import { openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { Link } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, Surroundings } from "../../protocol/plugin.ts";
import { checkIpam } from "../ipam.ts";
import { allAddressesOf } from "../link-addresses.ts";
import { refuse } from "../refuse.ts";
import { type CheckFacts, differences } from "./check.ts";
import { decodeConfig, type MacvlanConfig } from "./config.ts";
import { hostLinkOn } from "./host-link.ts";
import { isolatedParent } from "./isolated-parent.ts";
import { observeAccess, parentFor } from "./observe.ts";
import { type Parent, parentOf } from "./parent.ts";

export async function check(call: CheckCall, around: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, call.args);
  using container = openNetns(call.netns);
  using places = new Places(container);
  if (config.ipamType !== undefined) await checkIpam(config.ipamType, call, around);
  const expected = call.network.prevResult;
  if (expected === undefined)
    throw new CniError(ErrorCode.InvalidConfig, "CHECK needs the result of ADD as prevResult");
  const facts = observe(places, config, call);
  refuse(differences({ config, attachment: call, netns: call.netns, expected }, facts).join("; "));
}

function observe(places: Places, config: MacvlanConfig, call: CheckCall): CheckFacts {
  const named = parentOf(config, isolatedParent(call.network.name));
  const container = places.findLink("container", call.ifname);
  const { socket } = places.at("container");
  const parent = named === undefined ? findParent(places, config, container?.peer) : findNamed(places, named);
  const hostLink = parent === undefined || !config.hostAccess ? undefined : hostLinkOn(parent.name);
  return {
    named,
    parent,
    container,
    addresses: allAddressesOf(places, "container", container),
    routes: ([4, 6] as const).flatMap((family) => listRoutes(socket, family)),
    access: hostLink === undefined ? undefined : { name: hostLink, ...observeAccess(places, hostLink, parent) },
  };
}

function findNamed(places: Places, { place, name }: Parent): Link | undefined {
  const link = places.findLink(place, name);
  return link === undefined ? undefined : parentFor(places, place, link);
}

function findParent(places: Places, { linkInContainer }: MacvlanConfig, index: number | undefined) {
  if (index === undefined) return undefined;
  return findLinkByIndex(places.at(linkInContainer ? "container" : "host").socket, index);
}
