import { type Cidr, contains, parseCidr, printCidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import type { Link } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import type { Result, ResultIp } from "../../protocol/result.ts";

const loopbackNetworks = ["127.0.0.0/8", "::1/128"].flatMap((text) => parseCidr(text) ?? []);

/** The kernel gives `lo` its addresses when it goes up. */
export function addSteps(lo: Link): Step[] {
  return lo.isUp ? [] : [{ do: "link.set", place: "container", link: lo.name, up: true }];
}

export function delSteps(lo: Link): Step[] {
  return lo.isUp ? [{ do: "link.set", place: "container", link: lo.name, up: false }] : [];
}

/** What is wrong with the addresses of `lo`, or undefined. */
export function addressProblem(addresses: readonly Cidr[]): string | undefined {
  const foreign = addresses.find((address) => !loopbackNetworks.some((network) => contains(network, address.ip)));
  return foreign === undefined
    ? undefined
    : `lo has the address ${printCidr(foreign)}, which is not a loopback address`;
}

/** The first address of each family. */
export function loopbackResult(sandbox: string, lo: Link, addresses: readonly Cidr[]): Result {
  const ips = ([4, 6] satisfies Family[]).flatMap((family): ResultIp[] => {
    const first = addresses.find((address) => address.ip.family === family);
    return first === undefined ? [] : [{ interface: 0, address: first }];
  });
  return { interfaces: [{ name: lo.name, mac: lo.mac, sandbox }], ips, routes: [], dns: {} };
}
