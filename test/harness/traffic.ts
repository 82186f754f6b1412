import { resolve } from "node:path";
import type { Host } from "./host.ts";

const programs = resolve("test/harness/programs");

/** A place on a host: the host itself, or the namespace of a container. */
export interface Spot {
  readonly host: Host;
  /** Path of the namespace. */
  readonly netns?: string;
}

/** Starts a TCP server that answers with the address it sees the client at. */
export async function serveTcp({ host, netns }: Spot, port: number): Promise<void> {
  const server = host.start("nsenter", command(netns, "tcp-server.mjs", [String(port)]));
  await Promise.race([server.firstOutput, server.finished.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
}

/** The address at which the server sees the client, or the reason why there is no answer. */
export async function askTcp({ host, netns }: Spot, address: string, port: number): Promise<string> {
  const { stdout, stderr } = await host.run("nsenter", command(netns, "tcp-client.mjs", [address, String(port)]));
  return stdout === "" ? stderr.trim() : stdout;
}

function command(netns: string | undefined, program: string, args: readonly string[]): string[] {
  const place = netns === undefined ? [] : [`--net=${netns}`];
  return [...place, "--", process.execPath, `${programs}/${program}`, ...args];
}

/** A cable between two hosts, with an address at each end: `b` is a machine outside of the one under test, and sees its processes. */
export async function connectHosts(
  a: Host,
  b: Host,
  addresses: { readonly a: string; readonly b: string },
): Promise<void> {
  await b.sh(`ip link add uplink type veth peer name uplink netns /proc/${a.pid}/ns/net`);
  await a.sh(`ip address add ${addresses.a} dev uplink; ip link set uplink up`);
  await b.sh(`ip address add ${addresses.b} dev uplink; ip link set uplink up`);
}

/** TCP and UDP servers on these ports that answer with the address they see the client at. */
export async function serve({ host, netns }: Spot, ...ports: readonly number[]): Promise<void> {
  const server = host.start("nsenter", command(netns, "servers.mjs", ports.map(String)));
  await Promise.race([server.firstOutput, server.finished.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
}

export type Probe = readonly ["tcp" | "udp", string, number] | readonly ["ping", string];

/** All at once. For each the address that the server sees, `answered` for ping, `refused`, or `-` for nothing. */
export async function probe({ host, netns }: Spot, probes: readonly Probe[]): Promise<readonly string[]> {
  const { stdout, stderr } = await host.run("nsenter", command(netns, "probe.mjs", [JSON.stringify(probes)]));
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}
