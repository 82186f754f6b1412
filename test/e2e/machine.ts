// A machine for a container engine: beside the network it has processes, a host name, /etc, /opt and /var/lib of its own, and nothing
// of it is left when it ends. The plugins that an engine finds on it write down how they are called (record-call.c).
import { cpSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { Host, type Kind } from "../harness/host.ts";
import { ours, reference } from "../harness/plugin.ts";
import { connectHosts } from "../harness/traffic.ts";
import { buildImage } from "./image.ts";
import { type RecordedCall, readCalls } from "./recorded-calls.ts";

export type PluginSet = "ours" | "reference";

/** The address of the machine, and of the one outside that is connected to it. */
export const hostAddress = "192.0.2.1";
export const outsideAddress = "192.0.2.2";

export interface Machine {
  /** Whose plugins are on it. */
  readonly set: PluginSet;
  readonly host: Host;
  /** Another machine at the end of a cable. */
  readonly outside: Host;
  /** Where an engine has to look for plugins. */
  readonly bin: string;
  /** An image whose server says at port 80 who asks, `imageName`, as `docker save` would write it. */
  readonly image: string;
  /** Replaces the plugins as an administrator does, who copies others into the directory, while containers run. */
  readonly replacePlugins: (set: PluginSet) => void;
  readonly calls: () => readonly RecordedCall[];
  /** Calls to plugins of the directories in which an engine would look, too. */
  readonly callsElsewhere: () => readonly RecordedCall[];
}

/** An empty /sys/fs/cgroup: crun is told to do without, so no group of the real machine is touched. */
const wholeMachine: Kind = {
  unshare: ["--pid", "--fork", "--kill-child", "--ipc", "--uts", "--cgroup", "--mount-proc"],
  enter: ["--pid", "--ipc", "--uts", "--cgroup"],
  prepare: `
    mkdir "$1/layers" "$1/reference"
    mount --bind ${reference} "$1/reference"
    mount -t tmpfs layers "$1/layers"
    for directory in etc opt var/lib; do
      mkdir -p "$1/layers/$directory/upper" "$1/layers/$directory/work"
      mount -t overlay -o "lowerdir=/$directory,upperdir=$1/layers/$directory/upper,workdir=$1/layers/$directory/work" own "/$directory"
    done
    rm -rf /etc/cni/net.d /opt/cni /var/lib/cni
    mkdir -p /etc/cni/net.d /opt/cni /var/lib/cni
    mount -t tmpfs cni /var/lib/cni
    for directory in /var/tmp /dev/shm /sys/fs/cgroup ${reference}; do mount -t tmpfs own $directory; done
    hostname machine`,
};

/** Runs `use` on a machine of its own, which ends with it. */
export async function onMachine(set: PluginSet, use: (machine: Machine) => Promise<void>): Promise<void> {
  await using host = await Host.start(wholeMachine);
  await using outside = await Host.start();
  await connectHosts(host, outside, { a: `${hostAddress}/24`, b: `${outsideAddress}/24` });
  const recorder = join(host.directory, "record-call");
  await execa("cc", ["-static", "-O2", "-o", recorder, resolve("test/e2e/record-call.c")]);
  const used = await recordCalls(host, "used");
  linkPlugins(host, used, set);
  const elsewhere = await recordCalls(host, "elsewhere");
  await host.sh(`ln -s ${elsewhere}/bin/* ${reference}; ln -s ${elsewhere}/bin /opt/cni/bin`);
  const machine: Machine = {
    set,
    host,
    outside,
    bin: join(used, "bin"),
    image: await buildImage(host.directory),
    replacePlugins: (other) => linkPlugins(host, used, other),
    calls: () => readCalls(used),
    callsElsewhere: () => readCalls(elsewhere),
  };
  try {
    await use(machine);
  } finally {
    keepCalls(join(used, "calls"));
  }
}

/** KEEP_CALLS=DIR: the recorded calls go there, to be looked at, or to become golden cases. */
function keepCalls(calls: string): void {
  const directory = process.env["KEEP_CALLS"];
  if (directory !== undefined)
    cpSync(calls, join(directory, `${expect.getState().currentTestName}`.replaceAll(/\W+/g, "-")), { recursive: true });
}

/** The directories that record-call.c describes; a call to a name that leads to no plugin is recorded, and fails. */
async function recordCalls(host: Host, name: string): Promise<string> {
  const set = join(host.directory, name);
  for (const directory of ["bin", "plugins", "calls"]) mkdirSync(join(set, directory), { recursive: true });
  const names = new Set([...readdirSync(reference), ...readdirSync(ours)]);
  for (const plugin of names) linkSync(join(host.directory, "record-call"), join(set, "bin", plugin));
  return set;
}

function linkPlugins(host: Host, used: string, set: PluginSet): void {
  const plugins = join(used, "plugins");
  for (const plugin of readdirSync(plugins)) rmSync(join(plugins, plugin));
  // on the machine, and only there, those of the reference are in a directory of their own
  const [names, directory] = set === "ours" ? [ours, ours] : [reference, join(host.directory, "reference")];
  for (const plugin of readdirSync(names)) symlinkSync(join(directory, plugin), join(plugins, plugin));
}
