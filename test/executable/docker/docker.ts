// A network of Docker as a conflist says it, and calls of the bridge plugin with it.

import { printCidr } from "../../../src/net/cidr.ts";
import { printIp } from "../../../src/net/ip.ts";
import type { DockerNetwork } from "../../../src/plan/docker/network.ts";
import { rulesByChain } from "../../docker-networks.ts";
import type { Host, Ran } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

/** The part of a conflist that is for the bridge, with the addresses from host-local. */
export function configOf(network: DockerNetwork, more: object = {}): Record<string, unknown> & { name: string } {
  const { bridge, subnets, hostBinding, ...same } = network;
  const both = [subnets[4], subnets[6]].flatMap((subnet) => subnet ?? []);
  const ip = (family: 4 | 6) => subnets[family]?.snat && printIp(subnets[family].snat);
  return {
    cniVersion: "1.1.0",
    name: `net-${bridge}`,
    type: "bridge",
    bridge,
    docker: {
      ...same,
      ...(subnets[4] && { gatewayModeIPv4: subnets[4].gatewayMode }),
      ...(subnets[6] && { gatewayModeIPv6: subnets[6].gatewayMode }),
      ...(ip(4) && { hostIPv4: ip(4) }),
      ...(ip(6) && { hostIPv6: ip(6) }),
      ...(hostBinding && { hostBindingIPv4: printIp(hostBinding) }),
    },
    ipam: { type: "host-local", ranges: both.map(({ subnet }) => [{ subnet: printCidr(subnet) }]) },
    ...more,
  };
}

/** A container of a network: `name` is its id and that of its namespace. */
export interface Container {
  readonly config: object;
  readonly name: string;
  readonly ifname?: string;
  readonly ports?: readonly object[];
  readonly prevResult?: unknown;
}

/** Attaches it; its namespace is made when it is not there. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export async function attach(host: Host, container: Container): Promise<any> {
  await host.sh(`ip netns add ${container.name} 2> /dev/null || true`);
  return callSuccessfully(host, callOf("ADD", container));
}

export async function detach(host: Host, container: Container): Promise<void> {
  await callSuccessfully(host, callOf("DEL", container));
}

export function call(host: Host, verb: Call["verb"], container: Container): Promise<Ran> {
  return callPlugin(host, callOf(verb, container));
}

export function callOf(verb: Call["verb"], { config, name, ifname, ports, prevResult }: Container): Call {
  const runtimeConfig = ports === undefined ? {} : { runtimeConfig: { portMappings: ports } };
  const result = prevResult === undefined ? {} : { prevResult };
  return {
    verb,
    containerId: name,
    netns: `/run/netns/${name}`,
    ...(ifname === undefined ? {} : { ifname }),
    config: { ...config, ...runtimeConfig, ...result },
  };
}

/** By table and chain, in order, without counters. */
export async function rulesOf(host: Host, family: 4 | 6): Promise<ReturnType<typeof rulesByChain>> {
  return rulesByChain(await host.sh(family === 4 ? "iptables-save" : "ip6tables-save"));
}

/** So that no ADD has to, which would also set the policy of FORWARD. */
export const forward =
  "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/default/forwarding; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
