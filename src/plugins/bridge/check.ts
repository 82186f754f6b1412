import type { Cidr } from "../../net/cidr.ts";
import type { KernelRoute, Link } from "../../plan/facts.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import {
  isInSandbox,
  macDifference,
  missingAddresses,
  mtuDifference,
  routeDifferences,
} from "../container-differences.ts";
import { gatewaysOf, ipsOf } from "../prev-result.ts";
import type { BridgeConfig } from "./config.ts";
import { hasBridgeAddress } from "./docker/config.ts";
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
    // no other plugin of the chain changes it in Docker's layout
    ...routeDifferences(expected.routes, facts.routes, { comparesDefaults: config.docker !== undefined }),
  ];
}
