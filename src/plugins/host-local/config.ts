import { type Cidr, contains, lastIpOf, networkOf, parseCidr, printCidr } from "../../net/cidr.ts";
import { addToIp, bitsOf, type Family, type Ip, parseIp, printIp } from "../../net/ip.ts";
import type { Route } from "../../net/route.ts";
import { parseCniArgs } from "../../protocol/cni-args.ts";
import { array, decode, lenient, optionalParsed, parsed, required, string, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import { route } from "../../protocol/result-decode.ts";
import { isAtLeast, parseVersion, type SpecVersion } from "../../protocol/version.ts";

/** Addresses from `start` to `end`, both included. The gateway is never given to a container. */
export interface Range {
  readonly subnet: Cidr;
  readonly start: Ip;
  readonly end: Ip;
  readonly gateway: Ip;
}

/** Alternatives: a container gets one address of each set. */
export type RangeSet = readonly Range[];

export interface HostLocalConfig {
  readonly dataDir: string;
  readonly rangeSets: readonly RangeSet[];
  readonly routes: readonly Route[];
  /** A file in the form of resolv.conf(5), for the result's `dns`. */
  readonly resolvConf: string | undefined;
  /** Addresses that the container must get. */
  readonly requestedIps: readonly Ip[];
}

const defaultDataDir = "/var/lib/cni/networks";

const optionalIp = optionalParsed(parseIp, "an IP address");
const rangeFields = {
  rangeStart: optionalIp,
  rangeEnd: optionalIp,
  gateway: optionalIp,
};
const range = struct({ subnet: required(parsed(parseCidr, "a subnet like 10.1.0.0/16")), ...rangeFields });
const rangeSets = array(array(range));
const requestedIp = parsed(
  (text) => parseCidr(text)?.ip ?? parseIp(text),
  "an IP address, with or without prefix length",
);

const fields = () =>
  struct({
    ipam: required(
      struct({
        dataDir: string,
        ranges: rangeSets,
        subnet: optionalParsed(parseCidr, "a subnet like 10.1.0.0/16"),
        ...rangeFields,
        routes: array(route),
        resolvConf: string,
      }),
    ),
    runtimeConfig: struct({ ipRanges: rangeSets, ips: array(requestedIp) }),
    args: struct({ cni: struct({ ips: array(requestedIp) }) }),
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD. Errors: 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string): HostLocalConfig {
  const { ipam, runtimeConfig, args } = decode(fields(), network.document, "host-local");
  const sets = rangeSetsOf({ ipam, runtimeConfig, args }).map((set, i) =>
    set.map((range) => completeRange(range, `range set ${i}`)),
  );
  checkRangeSets(sets, network.version);
  return {
    dataDir: dataDirOf(ipam.dataDir),
    rangeSets: sets,
    routes: ipam.routes ?? [],
    resolvConf: ipam.resolvConf === "" ? undefined : ipam.resolvConf,
    requestedIps: [...ipsOfArgs(cniArgs), ...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])],
  };
}

const location = () => struct({ ipam: lenient(struct({ dataDir: lenient(string) })) });

/** For DEL, which needs to know no more than where the addresses are kept: a range that has become invalid still gives them back. */
export function decodeDataDir(network: Network): string {
  return dataDirOf(decode(location(), network.document, "host-local").ipam?.dataDir);
}

function dataDirOf(written: string | undefined): string {
  return written === undefined || written === "" ? defaultDataDir : written;
}

/** The order decides which address comes first in the result: those of the runtime, the old single range, `ranges`. */
function rangeSetsOf({ ipam, runtimeConfig }: Fields): ReturnType<typeof rangeSets> {
  const { subnet, rangeStart, rangeEnd, gateway } = ipam;
  const single = subnet === undefined ? [] : [[{ subnet, rangeStart, rangeEnd, gateway }]];
  return [...(runtimeConfig?.ipRanges ?? []), ...single, ...(ipam.ranges ?? [])];
}

function completeRange(written: ReturnType<typeof range>, where: string): Range {
  const { subnet, rangeStart, rangeEnd } = written;
  const family = subnet.ip.family;
  if (subnet.prefix > bitsOf(family) - 2) {
    throw invalid(`${where}: subnet ${printCidr(subnet)} is too small to allocate from`);
  }
  const network = networkOf(subnet);
  if (network.ip.value !== subnet.ip.value) {
    throw invalid(`${where}: subnet ${printCidr(subnet)} has host bits set; the network is ${printCidr(network)}`);
  }
  for (const [name, ip] of [["rangeStart", rangeStart] as const, ["rangeEnd", rangeEnd] as const]) {
    if (ip !== undefined && !contains(subnet, ip)) {
      throw invalid(`${where}: ${name} ${printIp(ip)} is not in the subnet ${printCidr(subnet)}`);
    }
  }
  const start = rangeStart ?? addToIp(network.ip, 1n);
  // an IPv6 network has no broadcast address
  const end = rangeEnd ?? (family === 4 ? addToIp(lastIpOf(subnet), -1n) : lastIpOf(subnet));
  if (start.value > end.value) {
    throw invalid(`${where}: rangeStart ${printIp(start)} is behind rangeEnd ${printIp(end)}`);
  }
  return { subnet, start, end, gateway: written.gateway ?? addToIp(network.ip, 1n) };
}

function checkRangeSets(sets: readonly RangeSet[], version: SpecVersion): void {
  if (sets.length === 0) throw invalid("ipam has no ranges to allocate from: set subnet or ranges");
  sets.forEach((set, i) => {
    if (set.length === 0) throw invalid(`range set ${i} is empty`);
    if (new Set(set.map((range) => range.subnet.ip.family)).size > 1)
      throw invalid(`range set ${i} mixes IPv4 and IPv6`);
  });
  const all = sets.flatMap((set, i) => set.map((range) => ({ range, i })));
  all.forEach((a, position) => {
    const b = all.slice(position + 1).find((other) => overlap(a.range, other.range));
    if (b === undefined) return;
    const where = a.i === b.i ? `in range set ${a.i}` : `of range sets ${a.i} and ${b.i}`;
    throw invalid(`the ranges ${printRange(a.range)} and ${printRange(b.range)} ${where} overlap`);
  });
  checkFamilies(sets, version);
}

/** Results of the first versions hold one address of each family. */
function checkFamilies(sets: readonly RangeSet[], version: SpecVersion): void {
  if (isAtLeast(parseVersion(version) ?? [], [0, 3, 0])) return;
  for (const family of [4, 6] satisfies Family[]) {
    if (sets.filter((set) => set[0]?.subnet.ip.family === family).length > 1) {
      throw invalid(
        `cniVersion ${version} does not allow more than one address per family, but there are several IPv${family} range sets`,
      );
    }
  }
}

function overlap(a: Range, b: Range): boolean {
  return a.subnet.ip.family === b.subnet.ip.family && a.start.value <= b.end.value && b.start.value <= a.end.value;
}

/** `10.1.0.1-10.1.255.254` */
export function printRange(range: Range): string {
  return `${printIp(range.start)}-${printIp(range.end)}`;
}

function ipsOfArgs(cniArgs: string): Ip[] {
  const { IP } = parseCniArgs(cniArgs, ["IP"]);
  if (IP === undefined || IP === "") return [];
  const ip = parseCidr(IP)?.ip ?? parseIp(IP);
  if (ip !== undefined) return [ip];
  throw new CniError(ErrorCode.InvalidEnvironment, `CNI_ARGS: IP ${JSON.stringify(IP)} is not an IP address`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, problem);
}
