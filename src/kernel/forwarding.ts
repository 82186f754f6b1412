import type { Family } from "../net/ip.ts";
import { ensureSysctl, readSysctl } from "./sysctl.ts";

/** In the order in which they are written: the first of IPv6 is for interfaces that come later. */
const keys = {
  4: ["net/ipv4/ip_forward"],
  6: ["net/ipv6/conf/default/forwarding", "net/ipv6/conf/all/forwarding"],
} as const;

/** Whether this host does not forward, and could. */
export function isForwardingOff(family: Family): boolean {
  return keys[family].some((key) => readSysctl(key) === "0");
}

/** Equivalent to: `sysctl -w net.ipv4.ip_forward=1`. Returns what was written, and the values from before; none when it was on. */
export function switchForwardingOn(family: Family): readonly (readonly [key: string, before: string])[] {
  return keys[family].flatMap((key) => {
    const before = ensureSysctl(key, "1");
    return before === undefined ? [] : [[key, before] as const];
  });
}

export function takeForwardingBack(changes: ReturnType<typeof switchForwardingOn>): void {
  for (const [key, before] of changes.toReversed()) ensureSysctl(key, before);
}
