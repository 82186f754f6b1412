import { type Cidr, isDefault, networkOf, printCidr, sameCidr } from "../../net/cidr.ts";
import { printIp, sameIp } from "../../net/ip.ts";
import { type Route, routeTable } from "../../net/route.ts";
import type { KernelRoute, Link } from "../../plan/facts.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { Result, ResultInterface } from "../../protocol/result.ts";
import type { BridgeConfig } from "./config.ts";
import { hasBridgeAddress } from "./docker/config.ts";
import { gatewaysOf, ipsOf } from "./prev-result.ts";
import { vlanGatewayOf } from "./vlan-gateway.ts";

/** What CHECK compares: what ADD said, and what there is now. */
export interface Attached {
  readonly config: BridgeConfig;
  readonly attachment: Attachment;
  readonly netns: string;
  readonly expected: Result;
}

export interface CheckFacts {
  readonly bridge: Link | undefined;
  readonly container: Link | undefined;
  /** The other end of the container's interface. */
  readonly host: Link | undefined;
  /** Of the bridge, or of the VLAN gateway when there is one. */
  readonly bridgeAddresses: readonly Cidr[];
  /** What is not as it was of the rules of `ipMasq`, one sentence each. */
  readonly ruleProblems: readonly string[];
  /** Of the container's interface. */
  readonly addresses: readonly Cidr[];
  readonly routes: readonly KernelRoute[];
}

/** Everything that is not as ADD left it, one sentence each. */
export function differences(attached: Attached, facts: CheckFacts): string[] {
  return [
    ...bridgeDifferences(attached, facts),
    ...portDifferences(attached, facts),
    ...containerDifferences(attached, facts),
    ...facts.ruleProblems,
  ];
}

function bridgeDifferences(
  { config, attachment, expected }: Attached,
  { bridge, bridgeAddresses }: CheckFacts,
): string[] {
  const name = config.bridge;
  const written = expected.interfaces.find((link) => link.name === name && !isInSandbox(link));
  if (written === undefined) return [`prevResult has no interface ${name}`];
  if (bridge === undefined) return [`the bridge ${name} is gone`];
  if (bridge.kind !== "bridge") return [`${name} is not a bridge`];
  const holder = vlanGatewayOf(config)?.link ?? name;
  const gateways = gatewaysOf(expected, attachment.ifname).filter(
    ({ ip }) => config.docker === undefined || hasBridgeAddress(config.docker, ip.family),
  );
  const found = macDifference(written, bridge);
  if (!bridge.isUp) found.push(`the bridge ${name} is down`);
  if (config.promiscMode && !bridge.isPromiscuous) found.push(`the bridge ${name} is not promiscuous`);
  return [...found, ...(config.isGateway ? missingAddresses(holder, gateways, bridgeAddresses) : [])];
}

function portDifferences({ config, expected }: Attached, { bridge, host }: CheckFacts): string[] {
  if (host === undefined) return ["the host end of the container's veth is gone"];
  const written = expected.interfaces.find((link) => link.name === host.name && !isInSandbox(link));
  const found = written === undefined ? [`prevResult has no interface ${host.name}`] : macDifference(written, host);
  if (bridge !== undefined && host.master !== bridge.index)
    found.push(`${host.name} is not a port of ${config.bridge}`);
  if (!host.isUp) found.push(`${host.name} is down`);
  if (host.isIsolated !== config.portIsolation)
    found.push(`${host.name} is ${host.isIsolated ? "" : "not "}isolated from other ports`);
  if (host.hairpin !== config.hairpinMode) found.push(`${host.name} has hairpin ${host.hairpin ? "on" : "off"}`);
  return [...found, ...mtuDifference(config, host)];
}

function containerDifferences(attached: Attached, facts: CheckFacts): string[] {
  const { config, attachment, netns, expected } = attached;
  const { container } = facts;
  const name = attachment.ifname;
  const written = expected.interfaces.find((link) => link.name === name && link.sandbox === netns);
  if (written === undefined) return [`prevResult has no interface ${name} in ${netns}`];
  if (container === undefined) return [`the container's interface ${name} is gone`];
  if (container.kind !== "veth") return [`the container's interface ${name} is not a veth`];
  return [
    ...macDifference(written, container),
    ...mtuDifference(config, container),
    ...(container.isUp || config.disableContainerInterface ? [] : [`the container's interface ${name} is down`]),
    ...missingAddresses(
      name,
      ipsOf(expected, name).map((ip) => ip.address),
      facts.addresses,
    ),
    ...routeDifferences(config, expected.routes, facts.routes),
  ];
}

function missingAddresses(name: string, expected: readonly Cidr[], present: readonly Cidr[]): string[] {
  const missing = expected.filter((address) => !present.some((other) => sameCidr(address, other)));
  return missing.map((address) => `${name} does not have the address ${printCidr(address)}`);
}

/** As in the reference, a default route may lead elsewhere by now: other plugins of the chain do that. In Docker's layout none does. */
function routeDifferences(
  { docker }: BridgeConfig,
  expected: readonly Route[],
  present: readonly KernelRoute[],
): string[] {
  const wanted = (route: Route): Route =>
    docker === undefined && isDefault(route.dst) ? { dst: route.dst, table: route.table } : route;
  return expected.flatMap((route) => {
    const found = present.filter((other) => isSameDestination(route, other));
    const [first] = found;
    if (first === undefined) return [`the container has no route to ${printCidr(route.dst)}`];
    if (found.some((other) => isThere(wanted(route), other))) return [];
    return [`the container's route to ${printCidr(route.dst)} is ${wayOf(first)} instead of ${wayOf(route)}`];
  });
}

function isSameDestination(expected: Route, present: KernelRoute): boolean {
  return routeTable(expected.table) === present.table && sameCidr(networkOf(expected.dst), present.dst);
}

/** What is left open in the result may be anything. */
function isThere({ gw, mtu }: Route, present: KernelRoute): boolean {
  const isByGateway = gw === undefined || (present.gw !== undefined && sameIp(gw, present.gw));
  return isByGateway && (mtu === undefined || mtu === 0 || mtu === present.mtu);
}

function wayOf({ gw, mtu }: Pick<Route, "gw" | "mtu">): string {
  return `${gw === undefined ? "direct" : `by ${printIp(gw)}`}${mtu === undefined ? "" : ` with MTU ${mtu}`}`;
}

function macDifference(written: ResultInterface, link: Link): string[] {
  if (written.mac === undefined || written.mac === "" || written.mac.toLowerCase() === link.mac) return [];
  return [`${link.name} has the MAC address ${link.mac} instead of ${written.mac}`];
}

function mtuDifference(config: BridgeConfig, link: Link): string[] {
  if (config.mtu === undefined || config.mtu === link.mtu) return [];
  return [`${link.name} has MTU ${link.mtu} instead of ${config.mtu}`];
}

function isInSandbox(link: ResultInterface): boolean {
  return link.sandbox !== undefined && link.sandbox !== "";
}
