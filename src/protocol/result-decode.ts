import { type Cidr, parseCidr } from "../net/cidr.ts";
import { parseIp } from "../net/ip.ts";
import type { Route } from "../net/route.ts";
import { array, decode, integer, optionalParsed, parsed, required, string, struct } from "./decode.ts";
import type { Document } from "./document.ts";
import { CniError, ErrorCode } from "./error.ts";
import type { Result, ResultIp } from "./result.ts";
import { isSpecVersion, type SpecVersion, sameFamily } from "./version.ts";

export const cidr = parsed(parseCidr, "an address with its prefix length, like 10.1.0.5/16");
export const optionalIp = optionalParsed(parseIp, "an IP address");

export const dns = struct({
  nameservers: array(string),
  domain: string,
  search: array(string),
  options: array(string),
});

export const route = struct({
  dst: required(cidr),
  gw: optionalIp,
  mtu: integer,
  advmss: integer,
  priority: integer,
  table: integer,
  scope: integer,
});

// The results of other plugins are read in few calls, so what reads them is made when it is needed.
const versionField = () => struct({ cniVersion: string });

const result030 = () =>
  struct({
    interfaces: array(
      struct({ name: string, mac: string, mtu: integer, sandbox: string, socketPath: string, pciID: string }),
    ),
    ips: array(struct({ interface: integer, address: required(cidr), gateway: optionalIp })),
    routes: array(route),
    dns,
  });

const ip020 = () => struct({ ip: required(cidr), gateway: optionalIp, routes: array(route) });
const result020 = () => struct({ ip4: ip020(), ip6: ip020(), dns });

/** What an IPAM plugin printed: in any version; without one, it speaks that of the configuration. */
export function decodeIpamResult(document: Document, configVersion: SpecVersion, what: string): Result {
  return decodeAs(document, versionOf(document, configVersion, what), what);
}

/** `prevResult` of a configuration: in the version of the configuration, or in one whose results have the same form. */
export function decodePrevResult(document: Document, configVersion: SpecVersion): Result {
  const written = versionOf(document, configVersion, "prevResult");
  if (!sameFamily(written, configVersion)) {
    const message = `prevResult has version ${written}, which cannot stand in a configuration of version ${configVersion}`;
    throw new CniError(ErrorCode.IncompatibleVersion, message);
  }
  return decodeAs(document, written, "prevResult");
}

function versionOf(document: Document, otherwise: SpecVersion, what: string): SpecVersion {
  const written = decode(versionField(), document, what).cniVersion;
  if (written === undefined || written === "") return otherwise;
  if (isSpecVersion(written)) return written;
  throw new CniError(ErrorCode.IncompatibleVersion, `${what} has the unknown version ${JSON.stringify(written)}`);
}

function decodeAs(document: Document, written: SpecVersion, what: string): Result {
  if (written === "0.1.0" || written === "0.2.0") return from020(document, what);
  const { interfaces = [], ips = [], routes = [], dns = {} } = decode(result030(), document, what);
  return { interfaces: interfaces.map((link) => ({ ...link, name: link.name ?? "" })), ips, routes, dns };
}

function from020(document: Document, what: string): Result {
  const { ip4, ip6, dns = {} } = decode(result020(), document, what);
  const sides = [ip4, ip6].filter((side) => side !== undefined);
  return {
    interfaces: [],
    ips: sides.map((side): ResultIp => ({ address: side.ip satisfies Cidr, gateway: side.gateway })),
    routes: sides.flatMap((side): readonly Route[] => side.routes ?? []),
    dns,
  };
}
