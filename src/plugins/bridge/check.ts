import { type Cidr, isDefault, networkOf, printCidr, sameCidr } from "../../net/cidr.ts";
import { sameIp } from "../../net/ip.ts";
import { type Route, routeTable } from "../../net/route.ts";
import type { KernelRoute, Link } from "../../plan/facts.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { Result, ResultInterface } from "../../protocol/result.ts";
import type { BridgeConfig } from "./config.ts";

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
  readonly addresses: readonly Cidr[];
  readonly routes: readonly KernelRoute[];
}

/** Everything that is not as ADD left it, one sentence each. */
export function differences(attached: Attached, facts: CheckFacts): string[] {
  return [
    ...bridgeDifferences(attached, facts),
    ...portDifferences(attached, facts),
    ...containerDifferences(attached, facts),
  ];
}

function bridgeDifferences({ config, expected }: Attached, { bridge }: CheckFacts): string[] {
  const name = config.bridge;
  const written = expected.interfaces.find((link) => link.name === name && !isInSandbox(link));
  if (written === undefined) return [`prevResult has no interface ${name}`];
  if (bridge === undefined) return [`the bridge ${name} is gone`];
  if (bridge.kind !== "bridge") return [`${name} is not a bridge`];
  return [...macDifference(written, bridge), ...(bridge.isUp ? [] : [`the bridge ${name} is down`])];
}

function portDifferences({ config, expected }: Attached, { bridge, host }: CheckFacts): string[] {
  if (host === undefined) return ["the host end of the container's veth is gone"];
  const written = expected.interfaces.find((link) => link.name === host.name && !isInSandbox(link));
  const found = written === undefined ? [`prevResult has no interface ${host.name}`] : macDifference(written, host);
  if (bridge !== undefined && host.master !== bridge.index)
    found.push(`${host.name} is not a port of ${config.bridge}`);
  if (!host.isUp) found.push(`${host.name} is down`);
  if (host.hairpin !== config.hairpinMode) found.push(`${host.name} has hairpin ${host.hairpin ? "on" : "off"}`);
  return [...found, ...mtuDifference(config, host)];
}

function containerDifferences(attached: Attached, facts: CheckFacts): string[] {
  const { config, attachment, netns, expected } = attached;
  const { container } = facts;
  const name = attachment.ifname;
  const index = expected.interfaces.findIndex((link) => link.name === name && link.sandbox === netns);
  const written = expected.interfaces[index];
  if (written === undefined) return [`prevResult has no interface ${name} in ${netns}`];
  if (container === undefined) return [`the container's interface ${name} is gone`];
  if (container.kind !== "veth") return [`the container's interface ${name} is not a veth`];
  return [
    ...macDifference(written, container),
    ...mtuDifference(config, container),
    ...(container.isUp ? [] : [`the container's interface ${name} is down`]),
    ...missingAddresses(name, ipsOf(expected, index), facts.addresses),
    ...missingRoutes(expected.routes, facts.routes),
  ];
}

/** Of the container's interface in the result of ADD; none when it is not in there. */
export function containerIps(expected: Result, ifname: string, netns: string): Cidr[] {
  const index = expected.interfaces.findIndex((link) => link.name === ifname && link.sandbox === netns);
  return index === -1 ? [] : ipsOf(expected, index);
}

/** Later plugins of the chain may have added addresses to other interfaces. */
function ipsOf(expected: Result, index: number): Cidr[] {
  return expected.ips.filter((ip) => ip.interface === undefined || ip.interface === index).map((ip) => ip.address);
}

function missingAddresses(name: string, expected: readonly Cidr[], present: readonly Cidr[]): string[] {
  const missing = expected.filter((address) => !present.some((other) => sameCidr(address, other)));
  return missing.map((address) => `${name} does not have the address ${printCidr(address)}`);
}

function missingRoutes(expected: readonly Route[], present: readonly KernelRoute[]): string[] {
  const missing = expected.filter((route) => !present.some((other) => isThere(route, other)));
  return missing.map((route) => `the container has no route to ${printCidr(route.dst)}`);
}

/** As in the reference, the next hop of a default route may be another one. */
function isThere(expected: Route, present: KernelRoute): boolean {
  if (routeTable(expected.table) !== present.table || !sameCidr(networkOf(expected.dst), present.dst)) return false;
  if (expected.gw === undefined || isDefault(expected.dst)) return true;
  return present.gw !== undefined && sameIp(expected.gw, present.gw);
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
