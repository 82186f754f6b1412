import { type Cidr, contains, parseCidr, printCidr } from "../../net/cidr.ts";
import { type Family, type Ip, parseIp, printIp } from "../../net/ip.ts";
import type { Route } from "../../net/route.ts";
import { parseCniArgs } from "../../protocol/cni-args.ts";
import { array, decode, required, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import type { Dns } from "../../protocol/result.ts";
import { cidr, dns, optionalIp, route } from "../../protocol/result-decode.ts";
import { isAtLeast, parseVersion } from "../../protocol/version.ts";

export interface StaticAddress {
  readonly address: Cidr;
  readonly gateway: Ip | undefined;
}

export interface StaticConfig {
  readonly addresses: readonly StaticAddress[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}

const fields = () =>
  struct({
    ipam: required(
      struct({ addresses: array(struct({ address: required(cidr), gateway: optionalIp })), routes: array(route), dns }),
    ),
    runtimeConfig: struct({ ips: array(cidr) }),
    args: struct({ cni: struct({ ips: array(cidr) }) }),
  });

/** One that is written twice is there twice, as in the reference. Errors: 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string): StaticConfig {
  const { ipam, runtimeConfig, args } = decode(fields(), network.document, "static");
  const inArgs = parseCniArgs(cniArgs, ["IP", "GATEWAY"]);
  const requested = [runtimeConfig?.ips, args?.cni?.ips].find((ips) => ips !== undefined && ips.length > 0);
  const addresses =
    requested === undefined ? [...(ipam.addresses ?? []), ...addressesOfArgs(inArgs)] : requested.map(withoutGateway);
  checkGateways(addresses);
  checkFamilies(addresses, network);
  return { addresses, routes: ipam.routes ?? [], dns: ipam.dns ?? {} };
}

type InArgs = Partial<Record<"IP" | "GATEWAY", string>>;

/** `IP=10.1.0.5/16,fd00::5/64;GATEWAY=10.1.0.1`: a gateway is that of the address in whose subnet it is. */
function addressesOfArgs({ IP = "", GATEWAY = "" }: InArgs): readonly StaticAddress[] {
  const addresses = listOf(IP).map(
    (text) => parseCidr(text) ?? refuseArg("IP", text, "an address with its prefix length"),
  );
  const gateways = listOf(GATEWAY).map((text) => parseIp(text) ?? refuseArg("GATEWAY", text, "an IP address"));
  return addresses.map((address) => ({ address, gateway: gateways.findLast((gateway) => contains(address, gateway)) }));
}

function listOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(",").map((item) => item.trim());
}

function refuseArg(name: string, text: string, expected: string): never {
  throw new CniError(ErrorCode.InvalidEnvironment, `CNI_ARGS: ${name} ${JSON.stringify(text)} is not ${expected}`);
}

function withoutGateway(address: Cidr): StaticAddress {
  return { address, gateway: undefined };
}

function checkGateways(addresses: readonly StaticAddress[]): void {
  for (const { address, gateway } of addresses) {
    if (gateway !== undefined && gateway.family !== address.ip.family)
      throw invalid(`${printCidr(address)} and its gateway ${printIp(gateway)} are not of one family`);
  }
}

function checkFamilies(addresses: readonly StaticAddress[], { version }: Network): void {
  if (isAtLeast(parseVersion(version) ?? [], [0, 3, 0])) return;
  const isTwice = ([4, 6] satisfies Family[]).some(
    (family) => addresses.filter(({ address }) => address.ip.family === family).length > 1,
  );
  if (isTwice) throw invalid(`CNI version ${version} does not support more than 1 address per family`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `static: ${problem}`);
}
