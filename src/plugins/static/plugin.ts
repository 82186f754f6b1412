// Addresses that are written down. Nothing is kept of them, so there is nothing to give back.
import { printCidr } from "../../net/cidr.ts";
import { printIp, sameIp } from "../../net/ip.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, CheckCall, StatusCall } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig, type StaticAddress } from "./config.ts";

export async function add({ network, args }: AddCall): Promise<Result> {
  const { addresses, routes, dns } = decodeConfig(network, args);
  return { interfaces: [], ips: addresses, routes, dns };
}

/** Errors: 999 when the container did not get what is written. */
export async function check({ network, args }: CheckCall): Promise<void> {
  const { ips } = resultBefore(network, "static");
  const problem = decodeConfig(network, args)
    .addresses.map((each) => problemOf(each, ips))
    .find(Boolean);
  if (problem !== undefined) throw new CniError(ErrorCode.Internal, `static: ${problem}`);
}

/** Errors: those of the configuration. */
export async function status({ network }: StatusCall): Promise<void> {
  decodeConfig(network, "");
}

function problemOf({ address, gateway }: StaticAddress, ips: Result["ips"]): string | undefined {
  const others = ips.filter((ip) => sameIp(ip.address.ip, address.ip));
  const [other] = others;
  if (other === undefined) return `prevResult has no address ${printIp(address.ip)}`;
  const given = others.filter((ip) => ip.address.prefix === address.prefix);
  const [first] = given;
  if (first === undefined) return `prevResult has ${printCidr(other.address)} instead of ${printCidr(address)}`;
  if (gateway === undefined || given.some((ip) => ip.gateway !== undefined && sameIp(ip.gateway, gateway)))
    return undefined;
  const found = first.gateway === undefined ? "no gateway" : `the gateway ${printIp(first.gateway)}`;
  return `${printIp(address.ip)} has ${found} in prevResult instead of ${printIp(gateway)}`;
}
