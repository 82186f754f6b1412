import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Ran } from "../harness/host.ts";
import { engines, missingEngine } from "./engines.ts";
import type { Machine } from "./machine.ts";

export interface Containerd {
  /** Of its gRPC interfaces. */
  readonly socket: string;
  readonly ctr: (...args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
  /** What went wrong, for the message of a failed test. */
  readonly log: () => Promise<string>;
}

export interface Programs {
  readonly version: string;
  readonly containerd: string;
  readonly ctr: string;
  /** Of `ctr image import`. */
  readonly importOptions?: readonly string[];
  /** Directory of the shim, when it is not in PATH. */
  readonly directory?: string;
  /** Why it cannot be used here. */
  readonly missing?: string | undefined;
}

export const debian: Programs = { version: "1.6", containerd: "/usr/bin/containerd", ctr: "/usr/bin/ctr" };

/** What build-engines.ts has built. */
export const built: Programs = {
  version: "2",
  containerd: join(engines, "containerd"),
  ctr: join(engines, "ctr"),
  // else the daemon unpacks it, for its default file system
  importOptions: ["--local"],
  directory: engines,
  missing: missingEngine("containerd"),
};

/** Of file systems that are not here, and what would want to send traces. */
const DISABLED = [
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
];

export interface Setup {
  readonly programs: Programs;
  /** Sections of its config.toml; the head is there. */
  readonly config: string;
  /** The namespaces of containerd in which the image is needed. */
  readonly namespaces: readonly string[];
}

/** Debian's crun does not know the version of the specification that later engines write, and has all that they use of it. */
const RUNTIME = `#!/bin/sh
previous=
for argument; do
  [ "$previous" != --bundle ] || sed -i 's/"ociVersion":"1[.][12][^"]*"/"ociVersion":"1.0.2"/' "$argument/config.json"
  previous=$argument
done
exec /usr/bin/crun --cgroup-manager=disabled "$@"
`;

/** The OCI runtime: crun, told to do without cgroups, which runc cannot. */
export function runtimeOf({ host }: Machine): string {
  return join(host.directory, "crun-without-cgroups");
}

/** Starts it and loads the image. */
export async function startContainerd(machine: Machine, { programs, config, namespaces }: Setup): Promise<Containerd> {
  const { host } = machine;
  const at = (name: string) => join(host.directory, "layers", name);
  const runtime = runtimeOf(machine);
  writeFileSync(runtime, RUNTIME, { mode: 0o755 });
  const socket = join(host.directory, "containerd.sock");
  const file = join(host.directory, "config.toml");
  writeFileSync(
    file,
    `version = 2
root = "${at("root")}"
state = "${at("state")}"
disabled_plugins = ${JSON.stringify(DISABLED)}
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
${config}`,
  );
  const env = { PATH: [programs.directory, "/usr/sbin:/usr/bin:/sbin:/bin"].filter(Boolean).join(":") };
  const log = `${host.directory}/containerd.log`;
  const daemon = host.start(
    "sh",
    ["-c", `echo $$ > /run/containerd.pid; exec ${programs.containerd} -c ${file} > ${log} 2>&1`],
    { env },
  );
  const run = (...args: readonly string[]): Promise<Ran> =>
    host.run(programs.ctr, ["--address", socket, ...args], { env });
  for (let attempt = 0; (await run("version")).exitCode !== 0; attempt++) {
    if (attempt === 100) throw new Error(`containerd does not start: ${await host.sh(`tail ${log}`)}`);
    await setTimeout(50);
  }
  const ctr = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...args);
    if (exitCode !== 0) throw new Error(`ctr ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  const options = ["--snapshotter", "native", ...(programs.importOptions ?? [])];
  for (const namespace of namespaces) await ctr("-n", namespace, "image", "import", ...options, machine.image);
  return {
    socket,
    ctr,
    log: () => host.sh(`grep -E 'level=(error|fatal)' ${log} | tail -5 || true`),
    stop: async () => {
      await host.sh("kill $(cat /run/containerd.pid)");
      await daemon.finished;
    },
  };
}
