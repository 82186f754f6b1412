import { type Cidr, contains, hostCidr, parseCidr, printCidr } from "../../net/cidr.ts";
import { type Ip, parseIp, sameIp } from "../../net/ip.ts";
import type { Route } from "../../net/route.ts";
import { parseCniArgs } from "../../protocol/cni-args.ts";
import { array, decode, lenient, optionalParsed, parsed, required, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import { route } from "../../protocol/result-decode.ts";
import { checkRangeSets, completeRange, type RangeSet } from "./ranges.ts";

/** Which free address a container gets: the one after the last that was given, or the lowest, as Docker has it. */
export type Allocation = "round-robin" | "lowest";

export interface HostLocalConfig {
  readonly dataDir: string;
  readonly rangeSets: readonly RangeSet[];
  readonly allocation: Allocation;
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
const path = parsed((text) => (text.includes("\0") ? undefined : text), "a path");
const excluded = parsed(parseAddresses, "an IP address, or several like 10.1.0.64/26");
const allocation = parsed(parseAllocation, '"round-robin" or "lowest"');

const fields = () =>
  struct({
    ipam: required(
      struct({
        dataDir: path,
        ranges: rangeSets,
        subnet: optionalParsed(parseCidr, "a subnet like 10.1.0.0/16"),
        ...rangeFields,
        exclude: array(excluded),
        allocation,
        routes: array(route),
        resolvConf: path,
      }),
    ),
    runtimeConfig: struct({ ipRanges: rangeSets, ips: array(requestedIp) }),
    args: struct({ cni: struct({ ips: array(requestedIp) }) }),
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD, CHECK and STATUS. Errors: 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string): HostLocalConfig {
  const { ipam, runtimeConfig, args } = decode(fields(), network.document, "host-local");
  const exclude = ipam.exclude ?? [];
  const sets = rangeSetsOf({ ipam, runtimeConfig, args }).map((set, i) =>
    set.map((each) => completeRange(each, exclude, `range set ${i}`)),
  );
  checkRangeSets(sets, network.version);
  checkExcluded(exclude, sets);
  return {
    dataDir: dataDirOf(ipam.dataDir),
    rangeSets: sets,
    allocation: ipam.allocation ?? "round-robin",
    routes: ipam.routes ?? [],
    resolvConf: ipam.resolvConf === "" ? undefined : ipam.resolvConf,
    requestedIps: unique([...ipsOfArgs(cniArgs), ...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])]),
  };
}

const location = () => struct({ ipam: lenient(struct({ dataDir: lenient(path) })) });

/** For DEL and GC, which need to know no more than where the addresses are kept: a range that has become invalid still gives them back. */
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

/** One that excludes nothing is a mistake, as for Docker. */
function checkExcluded(exclude: readonly Cidr[], sets: readonly RangeSet[]): void {
  const subnets = sets.flat().map((each) => each.subnet);
  const outside = exclude.find(
    (cidr) => !subnets.some((subnet) => contains(subnet, cidr.ip) && cidr.prefix >= subnet.prefix),
  );
  if (outside === undefined) return;
  throw new CniError(ErrorCode.InvalidConfig, `ipam.exclude: ${printCidr(outside)} is in none of the subnets`);
}

/** A runtime may ask for the same address in more than one way. */
function unique(ips: readonly Ip[]): Ip[] {
  return ips.filter((ip, i) => ips.findIndex((other) => sameIp(other, ip)) === i);
}

function parseAddresses(text: string): Cidr | undefined {
  const ip = parseIp(text);
  return ip === undefined ? parseCidr(text) : hostCidr(ip);
}

function parseAllocation(text: string): Allocation | undefined {
  return text === "round-robin" || text === "lowest" ? text : undefined;
}

function ipsOfArgs(cniArgs: string): Ip[] {
  const { IP } = parseCniArgs(cniArgs, ["IP"]);
  if (IP === undefined || IP === "") return [];
  const ip = parseCidr(IP)?.ip ?? parseIp(IP);
  if (ip !== undefined) return [ip];
  throw new CniError(ErrorCode.InvalidEnvironment, `CNI_ARGS: IP ${JSON.stringify(IP)} is not an IP address`);
}
