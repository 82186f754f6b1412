// The key `docker`: the network is wired as Docker Engine 29 does it. Each field is named after Docker's option.
import { interfaceNameProblem } from "../../../net/interface-name.ts";
import { type Family, type Ip, isLoopback, isUnicast, parseIp } from "../../../net/ip.ts";
import { chainPrefixProblem } from "../../../plan/docker/chain-names.ts";
import type { GatewayMode } from "../../../plan/docker/network.ts";
import { ruleInterfaceProblem } from "../../../plan/rule-interface.ts";
import {
  array,
  boolean,
  closedStruct,
  type Decoder,
  optionalParsed,
  parsed,
  string,
} from "../../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../../protocol/error.ts";

export interface DockerConfig {
  /** Containers of the network may talk to each other: enable_icc. */
  readonly icc: boolean;
  /** No way in or out: --internal. */
  readonly internal: boolean;
  /** gateway_mode_ipv4 and gateway_mode_ipv6 */
  readonly gatewayMode: Readonly<Record<Family, GatewayMode>>;
  /** enable_ip_masquerade */
  readonly masquerade: boolean;
  /** host_ipv4 and host_ipv6: containers go out with this address instead of the one of the way they take. */
  readonly hostIp: Readonly<Record<Family, Ip | undefined>>;
  /** host_binding_ipv4: ports are published on this address unless a mapping has its own. */
  readonly hostBinding: Ip | undefined;
  /** trusted_host_interfaces: what comes in there may go to a container's own address. */
  readonly trustedHostInterfaces: readonly string[];
  /** inhibit_ipv4: the bridge gets no IPv4 address. */
  readonly inhibitIPv4: boolean;
  /** --allow-direct-routing: whatever comes in may go to a container's own address. */
  readonly allowDirectRouting: boolean;
  /** The MAC address of a container is 02:42 and its IPv4 address, as before Docker 28. */
  readonly macFromIP: boolean;
  /** What the names of all chains begin with. */
  readonly chainPrefix: string;
}

const modes = ["nat", "nat-unprotected", "routed", "isolated"] as const satisfies GatewayMode[];

const gatewayMode = parsed(
  (text) => modes.find((mode) => mode === text),
  modes.map((mode) => JSON.stringify(mode)).join(" or "),
);

export const docker = () =>
  closedStruct({
    icc: boolean,
    internal: boolean,
    gatewayModeIPv4: gatewayMode,
    gatewayModeIPv6: gatewayMode,
    masquerade: boolean,
    hostIPv4: ipOf(4),
    hostIPv6: ipOf(6),
    hostBindingIPv4: optionalParsed(parseIp, "an IP address"),
    trustedHostInterfaces: array(string),
    inhibitIPv4: boolean,
    allowDirectRouting: boolean,
    macFromIP: boolean,
    chainPrefix: string,
  });

type Written = ReturnType<ReturnType<typeof docker>>;

/** Errors: 7 for what cannot be, or contradicts itself. */
export function completeDocker(written: Written, bridge: string): DockerConfig {
  const { chainPrefix = "DOCKER", trustedHostInterfaces = [], ...fields } = written;
  const prefixProblem = chainPrefixProblem(chainPrefix);
  if (prefixProblem !== undefined) throw invalid(`chainPrefix ${JSON.stringify(chainPrefix)} ${prefixProblem}`);
  refuseName("bridge", bridge, ruleInterfaceProblem(bridge));
  for (const name of trustedHostInterfaces) {
    refuseName("trustedHostInterfaces", name, interfaceNameProblem(name) ?? ruleInterfaceProblem(name));
  }
  return refuseContradictions({
    icc: fields.icc ?? true,
    internal: fields.internal ?? false,
    gatewayMode: { 4: fields.gatewayModeIPv4 ?? "nat", 6: fields.gatewayModeIPv6 ?? "nat" },
    masquerade: fields.masquerade ?? true,
    hostIp: { 4: fields.hostIPv4, 6: fields.hostIPv6 },
    hostBinding: fields.hostBindingIPv4,
    ...switchesOf(fields),
    trustedHostInterfaces: [...new Set(trustedHostInterfaces)],
    chainPrefix,
  });
}

/** Whether the bridge gets the gateway's address of the family. */
export function hasBridgeAddress({ gatewayMode, inhibitIPv4 }: DockerConfig, family: Family): boolean {
  return gatewayMode[family] !== "isolated" && !(family === 4 && inhibitIPv4);
}

function switchesOf({ inhibitIPv4 = false, allowDirectRouting = false, macFromIP = false }: Partial<Written>) {
  return { inhibitIPv4, allowDirectRouting, macFromIP };
}

function refuseContradictions(config: DockerConfig): DockerConfig {
  const { internal, gatewayMode: mode } = config;
  if (!internal && (mode[4] === "isolated" || mode[6] === "isolated"))
    throw invalid("the gateway mode isolated is for internal networks only: set internal");
  return config;
}

function refuseName(field: string, name: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalid(`${field} ${JSON.stringify(name)}: ${problem}`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `bridge: docker: ${problem}`);
}

/** That a packet may come from. */
function ipOf(family: Family): Decoder<Ip | undefined> {
  const parse = (text: string) => {
    const ip = parseIp(text);
    return ip?.family === family && isUnicast(ip) && !isLoopback(ip) ? ip : undefined;
  };
  return optionalParsed(parse, `an IPv${family} address of the host`);
}
