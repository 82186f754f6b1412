// Docker's layout: the rules of ports that a bridge with `docker` would write itself, for a bridge that leaves them to this plugin.
import type { Places } from "../../kernel/places.ts";
import type { DockerNetwork } from "../../plan/docker/network.ts";
import { type Endpoint, portRuleSets } from "../../plan/docker/steps.ts";
import type { RuleSet } from "../../plan/rule-set.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Result } from "../../protocol/result.ts";
import { completeDocker } from "../bridge/docker/config.ts";
import { dockerdConflict } from "../bridge/docker/dockerd-conflict.ts";
import { dockerNetworkOf, endpointOf } from "../bridge/docker/network.ts";
import { refuse } from "../bridge/refuse.ts";
import type { PortmapConfig } from "./config.ts";
import { addressesOf } from "./plan.ts";

export interface DockerPorts {
  readonly network: DockerNetwork;
  readonly endpoint: Endpoint;
  readonly sets: readonly RuleSet[];
}

/** Errors: 7 when the plugin before attached the container to no bridge, 999 when a dockerd owns the chains. */
export function dockerPorts(
  written: NonNullable<PortmapConfig["docker"]>,
  {
    ports,
    result,
    ifname,
    places,
  }: {
    readonly ports: PortmapConfig["ports"];
    readonly result: Result;
    readonly ifname: string;
    readonly places: Places;
  },
): DockerPorts {
  const docker = completeDocker(written, bridgeOf(result, places));
  refuse(dockerdConflict(docker));
  const addresses = addressesOf(result, ifname);
  const network = dockerNetworkOf(
    bridgeOf(result, places),
    docker,
    addresses.map((address) => ({ address })),
  );
  const endpoint = endpointOf(
    addresses.map((address) => ({ address })),
    result.routes,
    ports,
  );
  return { network, endpoint, sets: portRuleSets(network, endpoint) };
}

function bridgeOf({ interfaces }: Result, places: Places): string {
  const onHost = interfaces.filter(({ sandbox }) => (sandbox ?? "") === "").map(({ name }) => name);
  const bridge = places.findLinks("host", onHost).find((link) => link?.kind === "bridge");
  if (bridge !== undefined) return bridge.name;
  const message = "portmap: docker needs a bridge, and there is none among the interfaces of prevResult";
  throw new CniError(ErrorCode.InvalidConfig, message);
}
