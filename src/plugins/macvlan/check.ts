import { type Cidr, sameCidr } from "../../net/cidr.ts";
import { printIp } from "../../net/ip.ts";
import type { KernelRoute, Link } from "../../plan/facts.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { macDifference, missingAddresses, mtuDifference, routeDifferences } from "../container-differences.ts";
import { ipsOf } from "../prev-result.ts";
import type { MacvlanConfig } from "./config.ts";
import { type AccessFacts, accessDifferences, routesToHost } from "./host-access.ts";
import type { Parent } from "./parent.ts";

/** What CHECK compares: what ADD said, and what there is now. */
export interface Attached {
  readonly config: MacvlanConfig;
  readonly attachment: Attachment;
  readonly netns: string;
  readonly expected: Result;
}

export interface CheckFacts {
  /** Undefined when it was that of the default route, which may be another one by now. */
  readonly named: Parent | undefined;
  /** The one of that name. */
  readonly parent: Link | undefined;
  readonly container: Link | undefined;
  /** Of the container's interface. */
  readonly addresses: readonly Cidr[];
  readonly routes: readonly KernelRoute[];
  /** The host's, when it has access. */
  readonly access: (AccessFacts & { readonly name: string }) | undefined;
}

/** Everything that is not as ADD left it, one sentence each. */
export function differences(attached: Attached, facts: CheckFacts): string[] {
  return [
    ...parentDifferences(attached.config, facts),
    ...containerDifferences(attached, facts),
    ...hostDifferences(attached, facts),
  ];
}

function parentDifferences({ onParentDown, mtu }: MacvlanConfig, { named, parent, container }: CheckFacts): string[] {
  if (named === undefined) return [];
  if (parent === undefined) return [`the parent ${named.name} is gone`];
  const isOther = container?.kind === "macvlan" && container.peer !== parent.index;
  return [
    ...(onParentDown === "fail" && !parent.isUp ? [`the parent ${named.name} is down`] : []),
    ...(mtu !== undefined && mtu > parent.mtu
      ? [`mtu ${mtu} is above that of the parent ${named.name}, which is ${parent.mtu}`]
      : []),
    ...(isOther ? [`the container's interface ${container.name} is not on ${named.name}`] : []),
  ];
}

function containerDifferences({ config, attachment, netns, expected }: Attached, facts: CheckFacts): string[] {
  const { container, addresses, routes } = facts;
  const name = attachment.ifname;
  const written = expected.interfaces.find((link) => link.name === name && link.sandbox === netns);
  if (written === undefined) return [`prevResult has no interface ${name} in ${netns}`];
  if (container === undefined) return [`the container's interface ${name} is gone`];
  if (container.kind !== "macvlan") return [`the container's interface ${name} is not a macvlan`];
  const wanted = ipsOf(expected, name).map((ip) => ip.address);
  return [
    ...kindDifferences(config, container),
    ...macDifference(written, container),
    ...mtuDifference(config, container),
    ...(container.isUp ? [] : [`the container's interface ${name} is down`]),
    ...missingAddresses(name, wanted, addresses),
    ...routeDifferences(expected.routes, routes),
  ];
}

function kindDifferences({ mode, queueLength }: MacvlanConfig, { name, macvlan }: Link): string[] {
  const isOtherQueue = queueLength !== undefined && macvlan?.queueLength !== undefined;
  return [
    ...(macvlan?.mode === mode ? [] : [`${name} has mode ${macvlan?.mode ?? "source"} instead of ${mode}`]),
    ...(isOtherQueue && macvlan.queueLength !== queueLength
      ? [`${name} has bcqueuelen ${macvlan.queueLength} instead of ${queueLength}`]
      : []),
  ];
}

function hostDifferences({ attachment, expected }: Attached, { access, container, routes }: CheckFacts): string[] {
  if (access === undefined) return [];
  const ips = ipsOf(expected, attachment.ifname);
  const addresses = ips.map((ip) => ip.address);
  const mac = access.link?.mac;
  // the host's address may be another one by now
  const ways = mac === undefined ? [] : routesToHost({ ips, routes: [] }, access.host, mac);
  const lost = ways.filter(({ dst }) => !routes.some((route) => sameCidr(route.dst, dst)));
  return [
    ...accessDifferences(access.name, { addresses, mac: container?.mac }, access),
    ...lost.map(({ dst }) => `the container has no route to the host's address ${printIp(dst.ip)}`),
  ];
}
