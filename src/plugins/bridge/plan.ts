import { type Cidr, printCidr, sameCidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import type { Link } from "../../plan/facts.ts";
import { type Masqueraded, masqueradeChains } from "../../plan/masquerade.ts";
import type { PrivateChain } from "../../plan/private-chain.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import { aliasOf } from "../alias.ts";
import { familiesOf, planAwaitingDad, planInterface } from "../container-interface.ts";
import type { Addressing } from "./addressing.ts";
import type { BridgeConfig } from "./config.ts";
import { excludes, planGateways } from "./gateway-addresses.ts";
import { vlanGatewayOf } from "./vlan-gateway.ts";
import { filteringConflict, planPortVlans } from "./vlans.ts";

export interface BridgeFacts {
  readonly bridge: Link | undefined;
  /** Of the bridge, or of the VLAN gateway when there is one. */
  readonly bridgeAddresses: readonly Cidr[];
  /** An interface of the container that has the name already. */
  readonly container: Link | undefined;
}

/** What is decided outside, so that the same input gives the same plan. */
export interface Names {
  readonly network: string;
  readonly hostVeth: string;
  readonly masqueradeChain: Masqueraded["chain"];
  /** For a bridge that has to be created. */
  readonly bridgeMac: Mac;
}

/** Why an ADD cannot be, or undefined. It is asked before anything is changed. */
export function conflict(config: BridgeConfig, { ifname }: Attachment, facts: BridgeFacts): string | undefined {
  const { bridge, container } = facts;
  if (bridge !== undefined && bridge.kind !== "bridge") {
    return `${config.bridge} exists but is not a bridge: it is ${bridge.kind === undefined ? "a device of no kind" : `of kind ${bridge.kind}`}`;
  }
  const unfiltered = filteringConflict(config, bridge);
  if (unfiltered !== undefined) return unfiltered;
  return container === undefined ? undefined : `the container has an interface ${ifname} already`;
}

/**
 * Why the bridge cannot have the gateways' addresses, or undefined. As in the reference, a bridge has one IPv4 address, and its
 * IPv6 networks do not overlap.
 */
export function addressConflict(
  config: BridgeConfig,
  { gateways }: Addressing,
  facts: BridgeFacts,
): string | undefined {
  if (config.forceAddress) return undefined;
  const present = [...facts.bridgeAddresses];
  for (const gateway of gateways) {
    if (present.some((address) => sameCidr(address, gateway))) continue;
    const other = present.find((address) => excludes(address, gateway));
    if (other !== undefined) {
      const holder = vlanGatewayOf(config)?.link ?? config.bridge;
      return `${holder} has the address ${printCidr(other)} already, so it cannot have ${printCidr(gateway)}`;
    }
    present.push(gateway);
  }
  return undefined;
}

/** What the container sends out gets the host's address. */
export function planMasquerade(
  config: BridgeConfig,
  { containerId }: Attachment,
  { ips }: Addressing,
  names: Names,
): Step[] {
  if (!config.ipMasq) return [];
  const whose = { chain: names.masqueradeChain, network: names.network, containerId };
  return masqueradeChains(
    whose,
    ips.map((ip) => ip.address),
  ).map((chain) => ({ do: "rules.add", chain }));
}

/** What all containers of the network share. */
export function planNetwork(config: BridgeConfig, { gateways }: Addressing, facts: BridgeFacts, names: Names): Step[] {
  const { bridge: link, mtu, promiscMode } = config;
  const { bridge } = facts;
  const steps: Step[] = [];
  if (bridge === undefined) {
    // another ADD may have been faster; a bridge that is given its address keeps it, whatever ports come and go
    steps.push({
      do: "link.add-bridge",
      place: "host",
      bridge: { name: link, mtu, mac: names.bridgeMac, vlanFiltering: config.vlans !== undefined },
      tolerate: ["EEXIST"],
    });
  }
  // a container shall not tell the host its routes
  steps.push({ do: "sysctl.set", place: "host", key: `net/ipv6/conf/${link}/accept_ra`, value: "0", optional: true });
  if (promiscMode && bridge?.isPromiscuous !== true) steps.push({ do: "link.set", place: "host", link, promisc: true });
  if (bridge?.isUp !== true) steps.push({ do: "link.set", place: "host", link, up: true });
  const holder = { link, isNew: bridge === undefined, addresses: facts.bridgeAddresses };
  const addressing = planGateways(holder, vlanGatewayOf(config) === undefined ? gateways : []);
  steps.push(...addressing);
  // a bridge that somebody else made follows the lowest address of its ports, unless it is given one, be it its own
  if (bridge?.mac !== undefined && addressing.length > 0)
    steps.push({ do: "link.set", place: "host", link, mac: bridge.mac });
  return steps;
}

/** What belongs to this container. */
export function planAttachment(
  config: BridgeConfig,
  attachment: Attachment,
  addressing: Addressing,
  names: Names,
): Step[] {
  const { ifname } = attachment;
  const { mtu } = config;
  const host = names.hostVeth;
  return [
    { do: "link.add-veth", host: { name: host, mtu }, container: { name: ifname, mtu, mac: config.mac } },
    { do: "sysctl.set", place: "host", key: `net/ipv6/conf/${host}/accept_ra`, value: "0", optional: true },
    // the port forwards before the container comes up and announces its addresses
    {
      do: "link.set",
      place: "host",
      link: host,
      alias: aliasOf(names.network, attachment),
      master: config.bridge,
      up: true,
    },
    ...planPort(host, config),
    ...planPortVlans(host, config.vlans),
    ...(config.disableContainerInterface ? [] : planContainer(ifname, host, addressing, config)),
    // last, because it is never taken back: others may rely on it by then
    ...(config.isGateway ? familiesOf(addressing).map(forwarding) : []),
  ];
}

/** What is left of an attachment, as far as it can be seen. */
export interface Remains {
  /** The container's interface, when its namespace is alive. */
  readonly container: Link | undefined;
  /** Of that interface. */
  readonly addresses: readonly Cidr[];
  /** The host's end, when the container's is out of reach. */
  readonly host: Link | undefined;
}

/** The rules first: they go in a process of their own while the kernel takes its time to delete the link. */
export function planRemoval(
  { ifname }: Attachment,
  { container, host }: Remains,
  chains: readonly PrivateChain[],
): Step[] {
  const steps = chains.map((chain): Step => ({ do: "rules.remove", chain }));
  // it may go by itself in the meantime, with its namespace
  const tolerate = ["ENODEV"];
  if (container !== undefined) steps.push({ do: "link.delete", place: "container", link: ifname, tolerate });
  if (host !== undefined) steps.push({ do: "link.delete", place: "host", link: host.name, tolerate });
  return steps;
}

/** What differs from a new port. */
function planPort(link: string, { hairpinMode, portIsolation }: BridgeConfig): Step[] {
  if (!hairpinMode && !portIsolation) return [];
  const flags = { ...(hairpinMode ? { hairpin: true } : {}), ...(portIsolation ? { isolated: true } : {}) };
  return [{ do: "port.set", place: "host", link, ...flags }];
}

function planContainer(link: string, host: string, addressing: Addressing, config: BridgeConfig): Step[] {
  return [
    ...planInterface(link, addressing, config),
    { do: "link.await-up", place: "host", link: host },
    ...planAwaitingDad(link, addressing, config),
  ];
}

function forwarding(family: Family): Step {
  const key = family === 4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
  return { do: "sysctl.set", place: "host", key, value: "1" };
}
