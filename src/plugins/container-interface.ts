// The container's interface gets its addresses, goes up, and gets its routes.
import type { Cidr } from "../net/cidr.ts";
import type { Family } from "../net/ip.ts";
import type { Step } from "../plan/step.ts";
import type { Result } from "../protocol/result.ts";
import { kernelRoutes } from "./kernel-routes.ts";

interface Wanted {
  /** Duplicate address detection. */
  readonly enableDad: boolean;
  /** More of its settings under net/, by key and value; a kernel without one is no reason to fail. */
  readonly settings?: readonly (readonly [key: string, value: string])[];
}

type Addressed = Pick<Result, "ips" | "routes">;

export function planInterface(link: string, addressing: Addressed, { enableDad, settings = [] }: Wanted): Step[] {
  const place = "container";
  return [
    ...interfaceSettings(link, familiesOf(addressing), enableDad),
    ...settings.map(([key, value]): Step => ({ do: "sysctl.set", place, key, value, optional: true })),
    // before it goes up, so that the kernel announces them then; the addresses are IPAM's to give: nobody else has them
    ...addressing.ips.map(
      ({ address: cidr }): Step => ({ do: "address.add", place, link, cidr, nodad: isIpv6(cidr) && !enableDad }),
    ),
    { do: "link.set", place, link, up: true },
    ...kernelRoutes(addressing).map((route): Step => ({ do: "route.add", place, link, ...route })),
  ];
}

/** When everything else is done. */
export function planAwaitingDad(link: string, { ips }: Addressed, { enableDad }: Wanted): Step[] {
  const isNeeded = enableDad && ips.some(({ address }) => isIpv6(address));
  return isNeeded ? [{ do: "address.await-dad", place: "container", link }] : [];
}

export function familiesOf({ ips }: Addressed): Family[] {
  return ([4, 6] satisfies Family[]).filter((family) => ips.some((ip) => ip.address.ip.family === family));
}

function interfaceSettings(link: string, families: readonly Family[], enableDad: boolean): Step[] {
  if (families.length === 0) return [];
  const set = (key: string, value: string, optional?: "optional"): Step => {
    const step = { do: "sysctl.set", place: "container", key, value } as const;
    return optional === undefined ? step : { ...step, optional: true };
  };
  const ipv6 = [
    set("net/ipv6/conf/lo/disable_ipv6", "0"),
    set(`net/ipv6/conf/${link}/disable_ipv6`, "0"),
    set(`net/ipv6/conf/${link}/keep_addr_on_down`, "1", "optional"),
  ];
  return [
    set(`net/ipv4/conf/${link}/arp_notify`, "1", "optional"),
    ...(enableDad ? [set(`net/ipv6/conf/${link}/enhanced_dad`, "1", "optional")] : []),
    set(`net/ipv6/conf/${link}/accept_dad`, enableDad ? "1" : "0", "optional"),
    ...(families.includes(6) ? ipv6 : []),
  ];
}

function isIpv6({ ip }: Cidr): boolean {
  return ip.family === 6;
}
