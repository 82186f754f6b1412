// A container on a bridge whose ports portmap publishes, as a runtime calls the two.
import type { Host, Ran } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

export const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:12::/64" }]],
};

export const bridge = {
  cniVersion: "1.1.0",
  name: "n1",
  type: "bridge",
  bridge: "b0",
  isDefaultGateway: true,
  ipMasq: true,
  hairpinMode: true,
  ipam: dualStack,
};

export interface Publishing {
  readonly containerId?: string;
  readonly ports?: readonly object[];
  /** Other fields of portmap. */
  readonly config?: object;
  readonly network?: string;
  readonly ifname?: string;
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };

/** Attaches a container to the bridge, and returns the result that portmap is given. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export async function attach(host: Host, containerId = "c1", change: object = {}): Promise<any> {
  await host.sh(`ip netns add ${containerId} 2> /dev/null || true`);
  const netns = `/run/netns/${containerId}`;
  return callSuccessfully(host, { verb: "ADD", config: { ...bridge, ...change }, containerId, netns });
}

export async function detach(host: Host, containerId = "c1", change: object = {}): Promise<void> {
  const netns = `/run/netns/${containerId}`;
  await callSuccessfully(host, { verb: "DEL", config: { ...bridge, ...change }, containerId, netns });
}

export function portmap(
  host: Host,
  verb: Call["verb"],
  prevResult: unknown,
  publishing: Publishing = {},
): Promise<Ran> {
  return callPlugin(host, portmapCall(verb, prevResult, publishing));
}

/** Publishes; fails when the plugin does. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export function publish(host: Host, prevResult: unknown, publishing: Publishing = {}): Promise<any> {
  return callSuccessfully(host, portmapCall("ADD", prevResult, publishing));
}

export async function unpublish(host: Host, prevResult: unknown, publishing: Publishing = {}): Promise<void> {
  await callSuccessfully(host, portmapCall("DEL", prevResult, publishing));
}

function portmapCall(
  verb: Call["verb"],
  prevResult: unknown,
  { containerId = "c1", ports = [web], config = {}, network = "n1", ifname = "eth0", directory, env = {} }: Publishing,
): Call {
  return {
    verb,
    plugin: "portmap",
    containerId,
    ifname,
    env,
    netns: `/run/netns/${containerId}`,
    ...(directory === undefined ? {} : { directory }),
    config: {
      cniVersion: "1.1.0",
      name: network,
      type: "portmap",
      runtimeConfig: { portMappings: ports },
      ...(prevResult === undefined ? {} : { prevResult }),
      ...config,
    },
  };
}

/** The address of a family in a result, without its prefix length. */
export function addressIn(result: { readonly ips: readonly { readonly address: string }[] }, family: 4 | 6): string {
  const isIt = (address: string) => address.includes(":") === (family === 6);
  return (
    result.ips
      .map(({ address }) => address)
      .find(isIt)
      ?.split("/")[0] ?? ""
  );
}
