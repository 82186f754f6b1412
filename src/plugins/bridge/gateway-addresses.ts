import { type Cidr, contains, sameCidr } from "../../net/cidr.ts";
import type { Step } from "../../plan/step.ts";

/** The interface of the host that has the gateways' addresses: the bridge, or the gateway of a VLAN. */
export interface Holder {
  readonly link: string;
  readonly isNew: boolean;
  readonly addresses: readonly Cidr[];
}

/** Gives it the addresses that it lacks. Those that exclude them go: whether that is wanted has been asked before. */
export function planGateways({ link, isNew, addresses }: Holder, gateways: readonly Cidr[]): Step[] {
  const place = "host";
  let present = [...addresses];
  return gateways.flatMap((cidr): Step[] => {
    if (present.some((address) => sameCidr(address, cidr))) return [];
    const others = present.filter((address) => excludes(address, cidr));
    present = [...present.filter((address) => !others.includes(address)), cidr];
    // the last first, so that they come back in the same order when the ADD fails
    const removals = others
      .toReversed()
      .map((other): Step => ({ do: "address.delete", place, link, cidr: other, tolerate: ["EADDRNOTAVAIL"] }));
    // nobody is there yet whom a new interface's address could belong to
    return [...removals, { do: "address.add", place, link, cidr, nodad: isNew, tolerate: ["EEXIST"] }];
  });
}

/** As in the reference, the host has one IPv4 address in a network, and its IPv6 networks do not overlap. */
export function excludes(present: Cidr, wanted: Cidr): boolean {
  if (present.ip.family !== wanted.ip.family) return false;
  return wanted.ip.family === 4 || contains(present, wanted.ip) || contains(wanted, present.ip);
}
