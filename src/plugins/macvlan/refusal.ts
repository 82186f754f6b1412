import type { Link } from "../../plan/facts.ts";
import type { MacvlanConfig } from "./config.ts";

interface Refused {
  /** `EINVAL` */
  readonly errno: string;
  /** What was tried, and the kernel's own words. */
  readonly message: string;
  /** The kernel has said more than the number. */
  readonly isExplained: boolean;
}

interface Circumstances {
  readonly mode: MacvlanConfig["mode"];
  readonly parent: Pick<Link, "name" | "master">;
  readonly isWireless: boolean;
}

/** The kernel's refusal of a macvlan in a sentence that says what it means, the kernel's words at its end. */
export function explainRefusal(refused: Refused, circumstances: Circumstances): string {
  const reason = reasonOf(refused, circumstances);
  return reason === undefined ? `macvlan: ${refused.message}` : `macvlan: ${reason} (${refused.message})`;
}

function reasonOf(
  { errno, message, isExplained }: Refused,
  { mode, parent, isWireless }: Circumstances,
): string | undefined {
  const { name } = parent;
  if (isWireless)
    return `${name} is wireless, and most wireless networks take frames from one MAC address only: use ipvlan, or bridge with ipMasq`;
  switch (errno) {
    case "ENODEV":
      return `the parent ${name} was removed meanwhile`;
    case "EADDRINUSE":
      // otherwise it is about an IP address
      return /^(add|change) link/.test(message)
        ? `another interface on ${name} has the MAC address already`
        : undefined;
    case "ENOENT":
      return "hostAccess needs a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF, so that no other machine gets in by the host's link";
    case "ENOTSUP":
    case "EOPNOTSUPP":
      return "this kernel has no such kind of link: modprobe macvlan, or 8021q for a VLAN, or dummy for an internal network";
    case "EADDRNOTAVAIL":
      return message.startsWith("add link") ? "no interface can have this MAC address" : undefined;
    case "EBUSY":
      return `${name} is in use by ${parent.master === undefined ? "another kind of link" : "a bridge or bond whose port it is"}`;
    case "EINVAL":
      // loopback and MTU have been looked at before: what is left says nothing
      if (isExplained) return undefined;
      return mode === "passthru"
        ? `mode passthru needs the parent ${name} for itself, and there are macvlans on it already`
        : `the parent ${name} is taken by a macvlan of mode passthru, which has it for itself`;
    default:
      return undefined;
  }
}
