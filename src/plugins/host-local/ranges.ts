import { type Cidr, contains, lastIpOf, networkOf, printCidr } from "../../net/cidr.ts";
import { addToIp, bitsOf, type Family, type Ip, printIp } from "../../net/ip.ts";
import { isWithin, overlap, type Span, sizeOf, withoutHoles } from "../../net/span.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import { isAtLeast, parseVersion, type SpecVersion } from "../../protocol/version.ts";

/** Addresses of one subnet, from `start` to `end`. */
export interface Range extends Span {
  readonly subnet: Cidr;
  readonly gateway: Ip;
  /** Those that a container may get: neither the gateway nor what is excluded. */
  readonly spans: readonly Span[];
}

/** Alternatives: a container gets one address of each set. */
export type RangeSet = readonly Range[];

/** As the configuration has it. */
export interface WrittenRange {
  readonly subnet: Cidr;
  readonly rangeStart?: Ip | undefined;
  readonly rangeEnd?: Ip | undefined;
  readonly gateway?: Ip | undefined;
}

/** `where` says in an error which set it is of. Errors: 7. */
export function completeRange(written: WrittenRange, excluded: readonly Cidr[], where: string): Range {
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
  const gateway = written.gateway ?? addToIp(network.ip, 1n);
  const holes = excluded.map((cidr) => ({ start: networkOf(cidr).ip, end: lastIpOf(cidr) }));
  return {
    subnet,
    start,
    end,
    gateway,
    spans: withoutHoles({ start, end }, [{ start: gateway, end: gateway }, ...holes]),
  };
}

/** Errors: 7. */
export function checkRangeSets(sets: readonly RangeSet[], version: SpecVersion): void {
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

/** The range of the set that holds the address. */
export function rangeOf(set: RangeSet, ip: Ip): Range | undefined {
  return set.find((range) => isWithin(range, ip));
}

/** Whether a container may get the address. */
export function gives(set: RangeSet, ip: Ip): boolean {
  return set.some((range) => range.spans.some((span) => isWithin(span, ip)));
}

/** How many containers can have an address of it. */
export function capacityOf(set: RangeSet): bigint {
  return set.flatMap((range) => range.spans).reduce((sum, span) => sum + sizeOf(span), 0n);
}

/** `10.1.0.1-10.1.255.254` */
export function printRange(range: Range): string {
  return `${printIp(range.start)}-${printIp(range.end)}`;
}

export function printSet(set: RangeSet): string {
  return set.map(printRange).join(",");
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

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, problem);
}
