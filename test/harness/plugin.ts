import { resolve } from "node:path";
import type { Host, Ran, Running } from "./host.ts";

/** What `npm run build` made. */
export const ours = resolve("dist/cni/bin");
/** The Go reference plugins of Debian's containernetworking-plugins. */
export const reference = "/usr/lib/cni";

export interface Call {
  readonly verb: "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";
  readonly plugin?: string;
  readonly config: object | string;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  /** Directory of the plugin, and CNI_PATH unless `path` says otherwise. */
  readonly directory?: string;
  readonly path?: string;
  /** A command to run it under, such as strace. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Calls a plugin on the host as a runtime does. */
export function callPlugin(host: Host, call: Call): Promise<Ran> {
  return startPlugin(host, call).finished;
}

/** The same for a test that does something else meanwhile. */
export function startPlugin(host: Host, call: Call): Running {
  const { verb, plugin = "bridge", config, directory = ours, under = [] } = call;
  const input = typeof config === "string" ? config : JSON.stringify(config);
  const [file = "", ...args] = [...under, `${directory}/${plugin}`];
  return host.start(file, args, { input, env: environmentOf(verb, call) });
}

/** The same, when it has to succeed. Returns what it printed, parsed; undefined when that is nothing. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
export async function callSuccessfully(host: Host, call: Call): Promise<any> {
  const { exitCode, stdout, stderr } = await callPlugin(host, call);
  if (exitCode !== 0) throw new Error(`${call.plugin ?? "bridge"} ${call.verb} failed: ${stdout}${stderr}`);
  return stdout === "" ? undefined : JSON.parse(stdout);
}

function environmentOf(verb: string, call: Call): Record<string, string> {
  const { containerId = "c1", netns = "", ifname = "eth0", args = "", directory = ours, path = directory } = call;
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_ARGS: args,
    CNI_PATH: path,
    ...call.env,
  };
}
