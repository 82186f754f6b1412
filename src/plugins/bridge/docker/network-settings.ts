// What a network with containers keeps, and what two networks cannot have at the same time.
import { networksOverlap, parseCidr, printCidr } from "../../../net/cidr.ts";
import type { Family } from "../../../net/ip.ts";
import type { DockerNetwork } from "../../../plan/docker/network.ts";
import {
  type AttachmentRecord,
  type BridgeRecord,
  type NetworkSettings,
  readRecords,
} from "../../../state/bridge-record.ts";

export function settingsOf({ chainPrefix, internal, subnets }: DockerNetwork): NetworkSettings {
  return {
    chainPrefix,
    internal,
    subnets: ([4, 6] satisfies Family[]).flatMap((family) => {
      const subnet = subnets[family];
      return subnet === undefined
        ? []
        : [{ family, subnet: printCidr(subnet.subnet), gatewayMode: subnet.gatewayMode }];
    }),
  };
}

/** With the families that this container has no address of. */
export function mergeSettings(now: NetworkSettings, before: NetworkSettings | undefined): NetworkSettings {
  const more = (before?.subnets ?? []).filter(({ family }) => !now.subnets.some((each) => each.family === family));
  return { ...now, subnets: [...now.subnets, ...more] };
}

/** Why the network cannot be as it is configured, or undefined. `isInUse`: other containers on the bridge may be alive. */
export function networkConflict(
  name: string,
  network: DockerNetwork,
  {
    record,
    isInUse,
    isAlive,
  }: {
    readonly record: BridgeRecord | undefined;
    readonly isInUse: boolean;
    readonly isAlive: (attachment: AttachmentRecord) => boolean;
  },
): string | undefined {
  if (record !== undefined && isInUse) {
    if (record.network !== name)
      return `${record.bridge} is the bridge of the network ${record.network}, which has containers: each network needs its own`;
    const changed = changeOf(settingsOf(network), record.settings);
    if (changed !== undefined)
      return `${changed} of the network ${name} was changed, which has containers: remove them before`;
  }
  const others = readRecords().filter(({ bridge }) => bridge !== network.bridge);
  return overlapWith(
    network,
    others.filter(({ attachments }) => attachments.some(isAlive)),
  );
}

function changeOf(now: NetworkSettings, before: NetworkSettings): string | undefined {
  if (now.chainPrefix !== before.chainPrefix)
    return `chainPrefix (${before.chainPrefix} before, ${now.chainPrefix} now)`;
  if (now.internal !== before.internal) return `internal (${before.internal} before, ${now.internal} now)`;
  for (const { family, subnet, gatewayMode } of now.subnets) {
    const other = before.subnets.find((each) => each.family === family);
    if (other !== undefined && other.subnet !== subnet)
      return `the IPv${family} subnet (${other.subnet} before, ${subnet} now)`;
    if (other !== undefined && other.gatewayMode !== gatewayMode)
      return `gatewayModeIPv${family} (${other.gatewayMode} before, ${gatewayMode} now)`;
  }
  return undefined;
}

function overlapWith({ subnets }: DockerNetwork, others: readonly BridgeRecord[]): string | undefined {
  for (const { bridge, network, settings } of others) {
    for (const { family, subnet } of settings.subnets) {
      const own = subnets[family]?.subnet;
      const other = parseCidr(subnet);
      if (own !== undefined && other !== undefined && networksOverlap(own, other))
        return `${printCidr(own)} overlaps with ${subnet} of the network ${network} on ${bridge}, which has containers`;
    }
  }
  return undefined;
}
