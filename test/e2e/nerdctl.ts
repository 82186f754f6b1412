import { join } from "node:path";
import type { Ran } from "../harness/host.ts";
import { built, type Containerd, runtimeOf, startContainerd } from "./containerd.ts";
import { engines } from "./engines.ts";
import type { Machine } from "./machine.ts";

export interface Nerdctl {
  readonly containerd: Containerd;
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** The same, when it has to succeed. Returns what it printed, without white space around it. */
  readonly nerdctl: (...args: readonly string[]) => Promise<string>;
}

/** nerdctl on a containerd of its own, with the image. It attaches containers in OCI hooks, in which it calls itself. */
export async function startNerdctl(machine: Machine): Promise<Nerdctl> {
  const { host, bin, image } = machine;
  const containerd = await startContainerd(machine, { programs: built, config: "", namespaces: [] });
  const at = (name: string) => join(host.directory, "layers", name);
  const options = [
    ["--address", containerd.socket],
    ["--snapshotter", "native"],
    ["--cgroup-manager", "cgroupfs"],
    ["--data-root", at("nerdctl")],
    ["--cni-path", bin],
    ["--cni-netconfpath", "/etc/cni/net.d"],
  ].flat();
  const env = { PATH: `${engines}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: "/root" };
  const run = (...args: readonly string[]) => host.run(join(engines, "nerdctl"), [...options, ...args], { env });
  const nerdctl = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...args);
    if (exitCode !== 0) throw new Error(`nerdctl ${args.join(" ")}: ${stderr}${stdout}\n${await containerd.log()}`);
    return stdout.trim();
  };
  await nerdctl("load", "--input", image);
  return { containerd, run, nerdctl };
}

/** Options of `nerdctl run` for the runtime that needs no cgroups. */
export function withoutCgroups(machine: Machine): string[] {
  return ["--runtime", runtimeOf(machine)];
}
