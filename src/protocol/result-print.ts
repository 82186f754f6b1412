import { printCidr } from "../net/cidr.ts";
import { type Ip, printIp } from "../net/ip.ts";
import type { Route } from "../net/route.ts";
import { CniError, ErrorCode } from "./error.ts";
import { printJson } from "./json.ts";
import type { Dns, Result, ResultInterface, ResultIp } from "./result.ts";
import type { SpecVersion } from "./version.ts";

/** As the library prints it: four spaces a level, no newline at the end, its order of keys in each version. */
export function printResult(result: Result, version: SpecVersion): string {
  return printJson(formOf(result, version));
}

function formOf(result: Result, version: SpecVersion): object {
  switch (version) {
    case "0.1.0":
    case "0.2.0":
      return form020(result, version);
    case "0.3.0":
    case "0.3.1":
    case "0.4.0":
      return form040(result, version);
    case "1.0.0":
    case "1.1.0":
      return form100(result, version);
    default:
      return version satisfies never;
  }
}

/** Keys in alphabetical order at every level. */
function form100(result: Result, version: string): object {
  return {
    cniVersion: version,
    dns: filled({
      domain: text(result.dns.domain),
      nameservers: list(result.dns.nameservers),
      ...optionsThenSearch(result.dns),
    }),
    interfaces: list(result.interfaces.map(interface100)),
    ips: list(
      result.ips.map((ip) => ({
        address: printCidr(ip.address),
        gateway: maybeIp(ip.gateway),
        interface: ip.interface,
      })),
    ),
    routes: list(result.routes.map(route100)),
  };
}

function interface100(link: ResultInterface): object {
  const { name, sandbox, socketPath, pciID } = link;
  return {
    mac: text(link.mac),
    mtu: number(link.mtu),
    name,
    pciID: text(pciID),
    sandbox: text(sandbox),
    socketPath: text(socketPath),
  };
}

function route100(route: Route): object {
  const { dst, gw, scope, table } = route;
  const [mtu, advmss, priority] = [number(route.mtu), number(route.advmss), number(route.priority)];
  return { advmss, dst: printCidr(dst), gw: maybeIp(gw), mtu, priority, scope, table };
}

function form040(result: Result, version: string): object {
  return {
    cniVersion: version,
    interfaces: list(
      result.interfaces.map(({ name, mac, sandbox }) => ({ name, mac: text(mac), sandbox: text(sandbox) })),
    ),
    ips: list(result.ips.map(ip040)),
    routes: list(result.routes.map(route040)),
    dns: dns040(result.dns),
  };
}

function ip040({ interface: index, address, gateway }: ResultIp): object {
  return {
    version: String(address.ip.family),
    interface: index,
    address: printCidr(address),
    gateway: maybeIp(gateway),
  };
}

function route040(route: Route): object {
  const { dst, gw, scope, table } = route;
  const [mtu, advmss, priority] = [number(route.mtu), number(route.advmss), number(route.priority)];
  return { dst: printCidr(dst), gw: maybeIp(gw), mtu, advmss, priority, table, scope };
}

function dns040(dns: Dns): object {
  return {
    nameservers: list(dns.nameservers),
    domain: text(dns.domain),
    search: list(dns.search),
    options: list(dns.options),
  };
}

/** One address of each family, and the routes of that family with it. */
function form020(result: Result, version: string): object {
  const [ip4, ip6] = ([4, 6] as const).map((family) => {
    const first = result.ips.find((ip) => ip.address.ip.family === family);
    if (first === undefined) return undefined;
    const routes = result.routes.filter((route) => route.dst.ip.family === family);
    return {
      ip: printCidr(first.address),
      gateway: maybeIp(first.gateway),
      routes: list(routes.map((route) => ({ dst: printCidr(route.dst), gw: maybeIp(route.gw) }))),
    };
  });
  if (ip4 === undefined && ip6 === undefined) {
    const message = `cannot convert the result to version ${version}: no valid IP addresses`;
    throw new CniError(ErrorCode.IncompatibleVersion, message);
  }
  return { cniVersion: version, ip4, ip6, dns: dns040(result.dns) };
}

function optionsThenSearch(dns: Dns): object {
  return { options: list(dns.options), search: list(dns.search) };
}

function maybeIp(ip: Ip | undefined): string | undefined {
  return ip === undefined ? undefined : printIp(ip);
}

function text(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function number(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

function list<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values;
}

function filled(value: object): object | undefined {
  return Object.values(value).every((member) => member === undefined) ? undefined : value;
}
