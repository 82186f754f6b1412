import type { Host } from "../harness/host.ts";

/**
 * What there is on a machine that a container or a network could leave behind. One thing a line.
 * Shell commands: each is allowed to find nothing.
 */
const LOOK = [
  "ip -oneline link | sed -E 's/^[0-9]+: ([^:@]+).*/link \\1/'",
  "ip -oneline address show scope global | awk '{print \"address\", $2, $4}'",
  "for tool in iptables ip6tables; do for table in filter nat mangle raw; do $tool-save -t $table | grep -e ^-A -e '^:CNI-' | sed -E \"s/^/$tool $table /; s/ \\[[0-9:]+\\]//\"; done; done",
  "find /var/lib/cni -type f ! -name lock ! -name 'last_reserved_ip.*' ! -path '*/.dockbridge/*' | sed 's/^/file /'",
  "find /run/netns /run/dockbridge /run/cni -type f ! -name '*lock' ! -path '/run/dockbridge/*/firewall' 2>/dev/null | sed 's/^/file /'",
  // it notes which bridges are kept apart, by rules that stay
  "grep -l containerId /run/dockbridge/*/firewall 2>/dev/null | sed 's/^/file with containers /'",
  "awk '{print \"mount\", $5}' /proc/self/mountinfo",
  // nobody waits for those that have ended (Z)
  "ps -e -o stat=,comm= | awk '$1 !~ /Z/ && $2 !~ /^(sh|cat|ps|awk)$/ {print \"process\", $2}'",
];

/** What stays for the next container, as with the reference plugins; README.md lists it. */
const KEPT = [
  // the directory of namespaces, which engines make a mount point
  /^mount \/run\/netns$/,
  /^ip6?tables \w+ :CNI-(FORWARD|ADMIN|ISOLATION-STAGE-[12]|HOSTPORT-\w+) /,
  /^ip6?tables filter -A (FORWARD|CNI-FORWARD) -m comment --comment "CNI firewall plugin /,
  /^ip6?tables filter -A CNI-ISOLATION-STAGE-[12] /,
  /^ip6?tables nat -A (PREROUTING|OUTPUT) -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT$/,
  /^ip6?tables nat -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ$/,
  /^ip6?tables nat -A CNI-HOSTPORT-(MASQ|SETMARK) /,
];

export async function lookAround(host: Host): Promise<readonly string[]> {
  const looked = await host.sh(LOOK.map((command) => `{ ${command}; } || true`).join("\n"));
  return looked.split("\n").toSorted();
}

/** What was not there before, and is not kept for the next container. `kept`: of this engine, such as its bridge. */
export function leftovers(before: readonly string[], after: readonly string[], kept: readonly RegExp[]): string[] {
  const rest = [...before];
  return after.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0 && ![...KEPT, ...kept].some((pattern) => pattern.test(line));
  });
}

/** The addresses of a network that containers have. */
export async function leases(host: Host, network: string): Promise<string[]> {
  const names = await host.sh(`ls /var/lib/cni/networks/${network} 2>/dev/null || true`);
  return names.split("\n").filter((name) => name !== "" && name !== "lock" && !name.startsWith("last_reserved_ip."));
}
