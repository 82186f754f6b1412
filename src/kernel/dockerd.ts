import { readFileSync, readlinkSync } from "node:fs";

/** Where dockerd writes its process id, unless it is told another place. */
const PID_FILES = ["/run/docker.pid", "/var/run/docker.pid"];
/** The prefix of the chains that dockerd flushes at its start. */
const PREFIX = "DOCKER";

/**
 * The process id of a live dockerd that keeps the chains of this prefix in the firewall of our network namespace. Whether the
 * chains exist says nothing, because ours would have the same names. A dockerd with `iptables` off, or with nftables, has none.
 */
export function dockerdThatOwns(chainPrefix: string): number | undefined {
  if (chainPrefix !== PREFIX) return undefined;
  const pids = new Set(PID_FILES.map((file) => Number(contentOf(file))));
  return [...pids].find(
    (pid) => Number.isInteger(pid) && pid > 0 && isDockerd(pid) && isInOurNetwork(pid) && usesIptables(pid),
  );
}

function isDockerd(pid: number): boolean {
  return contentOf(`/proc/${pid}/comm`) === "dockerd\n";
}

/** A rootless one, or one in a container, has a firewall of its own. */
function isInOurNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync("/proc/thread-self/ns/net");
  } catch {
    // it has ended meanwhile
    return false;
  }
}

function usesIptables(pid: number): boolean {
  const args = contentOf(`/proc/${pid}/cmdline`).split("\0");
  const file = flag(args, "config-file") ?? "/etc/docker/daemon.json";
  const config = decode(contentOf(`/proc/${pid}/root${file}`));
  // dockerd refuses to start with an option in both
  const iptables = flag(args, "iptables") ?? String(config["iptables"]);
  const backend = flag(args, "firewall-backend") ?? config["firewall-backend"];
  return !["false", "False", "FALSE", "f", "F", "0"].includes(iptables) && backend !== "nftables";
}

/** The value of `--name=value` or `--name value`. */
function flag(args: readonly string[], name: string): string | undefined {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  return at < 0 ? undefined : (args[at]?.split("=", 2)[1] ?? args[at + 1]);
}

function decode(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Empty when it cannot be read. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
