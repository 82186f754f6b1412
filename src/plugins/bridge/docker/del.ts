// What DEL removes in Docker's layout: what the record says, whatever the configuration says by now.
import { listLinks } from "../../../kernel/netlink/link.ts";
import type { Places } from "../../../kernel/places.ts";
import type { Cidr } from "../../../net/cidr.ts";
import { release, rulesOfEndpoint, rulesOfNetwork } from "../../../plan/docker/steps.ts";
import type { FamilyRules } from "../../../plan/rule-set.ts";
import type { Step } from "../../../plan/step.ts";
import type { DelCall } from "../../../protocol/plugin.ts";
import { readRecord } from "../../../state/bridge-record.ts";
import type { BridgeRemains } from "../config.ts";
import { aliasOf } from "../plan.ts";
import { findAttachment, withoutRecorded } from "./attachments.ts";
import { dockerNetworkOf } from "./network.ts";

export interface DockerRemains {
  readonly steps: readonly Step[];
  /** Whose record has to be left; undefined when there is none. */
  readonly bridge: string | undefined;
}

/** Undefined when the container was attached in the layout of the reference. */
export function findDockerRemains(
  call: DelCall,
  config: BridgeRemains,
  { known, places }: { readonly known: readonly Cidr[]; readonly places: Places },
): DockerRemains | undefined {
  const found = findAttachment(call.network.name, call);
  if (found !== undefined) return { steps: release(found.own), bridge: found.bridge };
  return config.docker === undefined
    ? undefined
    : { steps: release(forgottenRules(call, config, { known, places })), bridge: undefined };
}

/** Without a record, the rules that the configuration implies, unless another container has them. */
function forgottenRules(
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
  return isUsedByOthers(bridge, aliasOf(call.network.name, call), places) ? own : [...own, ...rulesOfNetwork(network)];
}

function isUsedByOthers(name: string, ownAlias: string, places: Places): boolean {
  const bridge = places.findLink("host", name);
  if (bridge === undefined) return false;
  return listLinks(places.at("host").socket).some(({ master, alias }) => master === bridge.index && alias !== ownAlias);
}
