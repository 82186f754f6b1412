// With `isGateway` and `vlan` the host has the gateway's addresses in that VLAN alone: not on the bridge, but on one end of a
// veth whose other end is a port of the bridge in the VLAN. All containers of the VLAN share it, and it stays with the bridge.
import type { Cidr } from "../../net/cidr.ts";
import { interfaceNameProblem } from "../../net/interface-name.ts";
import type { Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Addressing } from "./addressing.ts";
import type { BridgeConfig } from "./config.ts";
import { planGateways } from "./gateway-addresses.ts";
import { planPortVlans } from "./vlans.ts";

export interface VlanGateway {
  /** `cni0.100`, as in the reference. */
  readonly link: string;
  readonly vlan: number;
}

export interface VlanGatewayFacts {
  readonly bridge: Link | undefined;
  readonly gateway: Link | undefined;
  /** The other end, when the gateway is a veth with both ends on the host. */
  readonly port: Link | undefined;
  /** Of the gateway. */
  readonly addresses: readonly Cidr[];
  /** For a port that has to be made. */
  readonly portName: string;
}

type Asked = Pick<BridgeConfig, "bridge" | "isGateway" | "ipamType" | "vlans">;

/** Undefined when the bridge itself has the gateway's addresses, or nobody has. */
export function vlanGatewayOf({ bridge, isGateway, ipamType, vlans }: Asked): VlanGateway | undefined {
  if (!isGateway || ipamType === undefined || vlans?.own === undefined) return undefined;
  return { link: `${bridge}.${vlans.own}`, vlan: vlans.own };
}

/** Errors: 7 when the interface cannot have its name. */
export function checkVlanGateway<T extends Asked>(config: T): T {
  const gateway = vlanGatewayOf(config);
  const problem = gateway === undefined ? undefined : interfaceNameProblem(gateway.link);
  if (gateway === undefined || problem === undefined) return config;
  const sentence = `bridge: the gateway of VLAN ${gateway.vlan} cannot be named ${JSON.stringify(gateway.link)}: ${problem}`;
  throw new CniError(ErrorCode.InvalidConfig, sentence);
}

/** Once the bridge is there and up. */
export function planVlanGateway(config: BridgeConfig, { gateways }: Addressing, facts: VlanGatewayFacts): Step[] {
  const link = vlanGatewayOf(config)?.link;
  if (link === undefined) return [];
  const { gateway, addresses } = facts;
  return [
    ...(gateway === undefined ? planPair(link, config, facts) : []),
    ...planPort(config, facts),
    ...(gateway?.isUp === true ? [] : [{ do: "link.set", place: "host", link, up: true } satisfies Step]),
    ...planGateways({ link, isNew: gateway === undefined, addresses }, gateways),
  ];
}

/** Another ADD may be faster, and names the port the same. Containers shall not tell the host their routes. */
function planPair(link: string, { mtu: wanted }: BridgeConfig, { bridge, portName }: VlanGatewayFacts): Step[] {
  const mtu = bridge?.mtu ?? wanted;
  const noRoutes = (name: string): Step => {
    const key = `net/ipv6/conf/${name}/accept_ra`;
    return { do: "sysctl.set", place: "host", key, value: "0", optional: true };
  };
  return [
    {
      do: "link.add-veth-here",
      place: "host",
      end: { name: link, mtu },
      peer: { name: portName, mtu },
      tolerate: ["EEXIST"],
    },
    noRoutes(link),
    noRoutes(portName),
  ];
}

/** A port that is up has had its VLANs. One that is not is new, or has lost its bridge, which somebody deleted. */
function planPort(
  { bridge: master, vlans }: BridgeConfig,
  { bridge, gateway, port, portName }: VlanGatewayFacts,
): Step[] {
  if (vlans === undefined || (gateway !== undefined && port === undefined)) return [];
  if (port?.isUp === true && bridge !== undefined && port.master === bridge.index) return [];
  const link = port?.name ?? portName;
  return [
    { do: "link.set", place: "host", link, master },
    ...planPortVlans(link, { ...vlans, trunk: [] }),
    { do: "link.set", place: "host", link, up: true },
  ];
}
