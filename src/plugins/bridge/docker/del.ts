// What DEL removes in Docker's layout when there is no record of the container.

import { listLinks } from "../../../kernel/netlink/link.ts";
import type { Places } from "../../../kernel/places.ts";
import type { Cidr } from "../../../net/cidr.ts";
import { rulesOfEndpoint, rulesOfNetwork } from "../../../plan/docker/steps.ts";
import type { FamilyRules } from "../../../plan/rule-set.ts";
import type { DelCall } from "../../../protocol/plugin.ts";
import { readRecord } from "../../../state/bridge-record.ts";
import { aliasOf } from "../../alias.ts";
import type { BridgeRemains } from "../config.ts";
import { withoutRecorded } from "./attachments.ts";
import { dockerNetworkOf } from "./network.ts";

/** The rules that the configuration implies, unless another container has them; none in the layout of the reference. */
export function forgottenRules(
  call: DelCall,
  { docker, bridge, ports }: BridgeRemains,
  { known, places }: { readonly known: readonly Cidr[]; readonly places: Places },
): readonly FamilyRules[] {
  if (docker === undefined || known.length === 0) return [];
  const network = dockerNetworkOf(
    bridge,
    docker,
    known.map((address) => ({ address })),
  );
  const own = rulesOfEndpoint(network, { addresses: known.map(({ ip }) => ip), mappings: ports });
  if (readRecord(bridge) !== undefined) return withoutRecorded(own);
  const isUsed = isUsedByOthers(bridge, aliasOf(call.network.name, call), places);
  return isUsed ? own : [...own, ...rulesOfNetwork(network)];
}

function isUsedByOthers(name: string, ownAlias: string, places: Places): boolean {
  const bridge = places.findLink("host", name);
  if (bridge === undefined) return false;
  return listLinks(places.at("host").socket).some(({ master, alias }) => master === bridge.index && alias !== ownAlias);
}
