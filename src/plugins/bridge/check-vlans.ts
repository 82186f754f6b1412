import type { Link, PortVlans } from "../../plan/facts.ts";
import type { Attached } from "./check.ts";
import { vlanGatewayOf } from "./vlan-gateway.ts";
import { filteringConflict, missingVlans } from "./vlans.ts";

/** What CHECK looks at besides, when VLANs are asked for. */
export interface VlanFacts {
  readonly bridge: Link | undefined;
  /** The other end of the container's interface. */
  readonly host: Link | undefined;
  /** Of that end. */
  readonly hostVlans: readonly PortVlans[];
  readonly gateway: Link | undefined;
}

/** Everything about VLANs that is not as ADD left it. What is missing altogether is told by the other differences. */
export function vlanDifferences(attached: Attached, { bridge, host, hostVlans, gateway }: VlanFacts): string[] {
  const { config } = attached;
  const unfiltered = filteringConflict(config, bridge);
  return [
    ...(unfiltered === undefined ? [] : [unfiltered]),
    ...(host === undefined ? [] : missingVlans(host.name, config.vlans, hostVlans)),
    ...gatewayDifferences(attached, gateway),
  ];
}

function gatewayDifferences({ config, expected }: Attached, gateway: Link | undefined): string[] {
  const name = vlanGatewayOf(config)?.link;
  if (name === undefined) return [];
  if (gateway === undefined) return [`the VLAN gateway ${name} is gone`];
  const mac = expected.interfaces.find((link) => link.name === name)?.mac?.toLowerCase() ?? "";
  const isOther = mac !== "" && mac !== gateway.mac;
  return [
    ...(isOther ? [`${name} has the MAC address ${gateway.mac} instead of ${mac}`] : []),
    ...(gateway.isUp ? [] : [`the VLAN gateway ${name} is down`]),
  ];
}
