// Docker's layout: the rules of ports that a bridge with `docker` would write itself, for a bridge that leaves them to this plugin.
import type { Places } from "../../kernel/places.ts";
import type { DockerNetwork } from "../../plan/docker/network.ts";
import { type Endpoint, portRuleSets } from "../../plan/docker/steps.ts";
import type { FamilyRules, RuleSet } from "../../plan/rule-set.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Result } from "../../protocol/result.ts";
import { readClaims } from "../../state/port-claims.ts";
import { without, withoutRecorded } from "../bridge/docker/attachments.ts";
import { completeDocker } from "../bridge/docker/config.ts";
import { dockerNetworkOf, endpointOf } from "../bridge/docker/network.ts";
import type { PortmapConfig } from "./config.ts";
import { addressesOf } from "./plan.ts";

export interface DockerPorts {
  readonly network: DockerNetwork;
  readonly endpoint: Endpoint;
  readonly sets: readonly RuleSet[];
}

interface Publishing {
  readonly ports: PortmapConfig["ports"];
  readonly result: Result;
  readonly ifname: string;
}

/** Errors: 7 when the plugin before attached the container to no bridge. */
export function dockerPorts(
  docker: NonNullable<PortmapConfig["docker"]>,
  { places, ...publishing }: Publishing & { readonly places: Places },
): DockerPorts {
  const bridge = findBridge(publishing.result, places);
  if (bridge !== undefined) return portsOn(bridge, docker, publishing);
  const message = "portmap: docker needs a bridge, and there is none among the interfaces of prevResult";
  throw new CniError(ErrorCode.InvalidConfig, message);
}

/** What DEL removes when no claim tells: the rules that the configuration implies, but for those that another container has. */
export function forgottenRules(
  { docker, ports }: Pick<PortmapConfig, "ports" | "docker">,
  { result, ifname, places }: { readonly result: Result; readonly ifname: string; readonly places: Places },
): readonly FamilyRules[] {
  if (docker === undefined || ports.length === 0) return [];
  // one that is gone was the first
  const [first] = onHost(result);
  const bridge = findBridge(result, places) ?? first;
  if (bridge === undefined) return [];
  const { sets } = portsOn(bridge, docker, { ports, result, ifname });
  const own = sets.map(({ family, own: rules }) => ({ family, rules }));
  const claims = readClaims().all();
  return without(
    withoutRecorded(own),
    claims.flatMap(({ remains }) => remains),
  );
}

function portsOn(
  bridge: string,
  written: NonNullable<PortmapConfig["docker"]>,
  { ports, result, ifname }: Publishing,
): DockerPorts {
  const addresses = addressesOf(result, ifname).map((address) => ({ address }));
  const network = dockerNetworkOf(bridge, completeDocker(written, bridge), addresses);
  const endpoint = endpointOf(addresses, result.routes, ports);
  return { network, endpoint, sets: portRuleSets(network, endpoint) };
}

function findBridge(result: Result, places: Places): string | undefined {
  return places.findLinks("host", onHost(result)).find((link) => link?.kind === "bridge")?.name;
}

function onHost({ interfaces }: Result): readonly string[] {
  return interfaces.filter(({ sandbox }) => (sandbox ?? "") === "").map(({ name }) => name);
}
