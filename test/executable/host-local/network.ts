import type { Host } from "../../harness/host.ts";
import { type Call, callPlugin, ours } from "../../harness/plugin.ts";

export interface Reserving {
  readonly verb?: Call["verb"];
  /** Fields of `ipam`. */
  readonly ipam: object;
  /** Fields beside it. */
  readonly more?: object;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  readonly directory?: string;
  readonly under?: readonly string[];
}

export interface Answer {
  readonly code: number | undefined;
  readonly msg: string;
  /** `10.1.2.2/24 via 10.1.2.1` */
  readonly ips: readonly string[];
  readonly routes: readonly object[];
  readonly dns: object | undefined;
  readonly stderr: string;
}

export const directory = "/var/lib/cni/networks/n1";

/** Who asks host-local for an address: a runtime or another vendor's plugin, or our bridge, which has it inside. */
export type Caller = "a process of its own" | "the bridge";

/** Calls host-local, for an ADD unless something else is said. What else the result of a bridge has is left out. */
export async function reserve(host: Host, call: Reserving, caller: Caller = "a process of its own"): Promise<Answer> {
  const { verb = "ADD", ipam, more } = call;
  const isBridge = caller === "the bridge";
  const config = {
    // the reference plugins of Debian 12 know no later one
    cniVersion: verb === "STATUS" || verb === "GC" ? "1.1.0" : "1.0.0",
    name: "n1",
    type: "bridge",
    bridge: "b0",
    ...more,
    ipam: { type: "host-local", ...ipam },
  };
  const plugin = isBridge ? "bridge" : "host-local";
  const ran = await callPlugin(host, { directory: ours, netns: "/nowhere", ...call, verb, plugin, config });
  const { stdout, stderr } = ran;
  const answer = stdout === "" ? {} : JSON.parse(stdout);
  if (ran.exitCode !== 0 && answer.msg === undefined)
    throw new Error(`${verb} ended with ${ran.exitCode}: ${stdout}${stderr}`);
  return {
    code: answer.code,
    msg: answer.msg ?? "",
    ips: (answer.ips ?? []).map((ip: { address: string; gateway: string }) => `${ip.address} via ${ip.gateway}`),
    routes: answer.routes ?? [],
    dns: answer.dns,
    stderr,
  };
}

/** The files of the reference, `<ip> <container> <interface>` each. */
export async function reservations(host: Host, where = directory): Promise<string[]> {
  const text = await host.sh(
    `cd ${where} && for f in [0-9a-f]*[.:]*; do test -f "$f" && echo "$f $(tr '\\r\\n' '  ' < "$f" | tr -s ' ')"; done; true`,
  );
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("last_"))
    .map((line) => line.trim())
    .sort();
}
