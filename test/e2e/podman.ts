import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ran } from "../harness/host.ts";
import type { Machine } from "./machine.ts";

export interface Podman {
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** The same, when it has to succeed. Returns what it printed, without white space around it. */
  readonly podman: (...args: readonly string[]) => Promise<string>;
}

/** Podman with its CNI backend, and the image. It has no daemon. */
export async function startPodman({ host, bin, image }: Machine): Promise<Podman> {
  const at = (name: string) => join(host.directory, "layers", name);
  const settings = join(host.directory, "podman");
  mkdirSync(join(settings, "net.d"), { recursive: true });
  writeFileSync(join(settings, "containers.conf"), containersConf(bin, join(settings, "net.d")));
  writeFileSync(
    join(settings, "storage.conf"),
    `[storage]\ndriver = "vfs"\ngraphroot = "${at("root")}"\nrunroot = "${at("runroot")}"\n`,
  );
  const env = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CONTAINERS_CONF: join(settings, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(settings, "storage.conf"),
  };
  const options = ["--cgroup-manager", "cgroupfs", "--network-backend", "cni", "--tmpdir", at("tmp")];
  const run = (...args: readonly string[]) => host.run("podman", [...options, ...args], { env });
  const podman = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...args);
    if (exitCode !== 0) throw new Error(`podman ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout.trim();
  };
  await podman("load", "--quiet", "--input", image);
  return { run, podman };
}

/** No cgroups: crun makes none, so none of the real machine's is touched. */
function containersConf(bin: string, networks: string): string {
  return `[containers]
cgroups = "disabled"
cgroupns = "host"
log_driver = "k8s-file"
default_sysctls = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_backend = "cni"
cni_plugin_dirs = ["${bin}"]
network_config_dir = "${networks}"
`;
}
