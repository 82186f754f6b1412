/** What stands for the container's interface. */
const INTERFACE = "IFNAME";

/** A value of a setting, and how the kernel prints it: `0x400`, and `1024`. */
export interface Spelling {
  readonly written: string;
  readonly printed: string;
}

/**
 * The file of a setting below /proc/sys, as sysctl(8) reads names: `net.ipv4.conf.eth0/100.arp_notify` and
 * `net/ipv4/conf/eth0.100/arp_notify` are the same. The first IFNAME stands for the interface.
 */
export function sysctlKey(written: string, ifname: string): string {
  const isDotted = /^[^/]*\./.test(written);
  const slashed = isDotted ? written.replaceAll(/[./]/g, (separator) => (separator === "." ? "/" : ".")) : written;
  const key = slashed.replace(INTERFACE, () => ifname);
  return key
    .split("/")
    .filter((part) => part !== "")
    .join("/");
}

/** Why a plugin may not set it, or undefined when it may: only what is below net/ is of the container's namespace. */
export function sysctlProblem(key: string): string | undefined {
  const parts = key.split("/");
  if (parts.includes("..") || parts.includes(".")) return "it leads out of its directory";
  if (parts[0] !== "net" || parts.length < 2) return "only settings of the network, net.*, are those of the container";
  if (key.includes("\0")) return "it contains a zero byte";
  return undefined;
}

/** Whether the kernel means the same: it prints several numbers with tabs between them. */
export function isSameSetting(a: string, b: string): boolean {
  return words(a) === words(b);
}

function words(value: string): string {
  return value.trim().split(/\s+/).join(" ");
}
