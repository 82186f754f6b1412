// `runtimeConfig.portMappings`, as every plugin that publishes ports reads it.
import { type Ip, isUnicast, parseIp } from "../net/ip.ts";
import { type PortMapping, parseProtocol } from "../net/port-mapping.ts";
import { array, integer, optionalParsed, required, struct } from "../protocol/decode.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";

const HIGHEST_PORT = 65535;

/** A runtime that leaves the protocol open means tcp. */
export const portMappings = () =>
  array(
    struct({
      hostPort: required(integer),
      containerPort: required(integer),
      protocol: optionalParsed(parseProtocol, "tcp, udp or sctp"),
      hostIP: optionalParsed(parseHostIp, "an IP address that a host can have"),
    }),
  );

/** `portConflict`: what becomes of an ADD whose port somebody else has. */
export type OnConflict = "error" | "warn" | "off";

const choices = ["error", "warn", "off"] as const satisfies OnConflict[];

export const portConflict = optionalParsed((text) => choices.find((each) => each === text), '"error", "warn" or "off"');

/** `0.0.0.0` and `::` are all addresses of the family. */
function parseHostIp(text: string): Ip | undefined {
  const ip = parseIp(text);
  return ip === undefined || ip.value === 0n || isUnicast(ip) ? ip : undefined;
}

type Written = ReturnType<ReturnType<typeof portMappings>>;

/** Errors: 7 for a port that cannot be. */
export function checkPortMappings(written: Written | undefined, plugin: string): readonly PortMapping[] {
  const mappings = (written ?? []).map(({ hostPort, containerPort, protocol, hostIP }): PortMapping => {
    for (const [name, port] of Object.entries({ hostPort, containerPort })) {
      if (port >= 1 && port <= HIGHEST_PORT) continue;
      const message = `${plugin}: runtimeConfig.portMappings: ${name} ${port} is not between 1 and ${HIGHEST_PORT}`;
      throw new CniError(ErrorCode.InvalidConfig, message);
    }
    return { hostPort, containerPort, protocol: protocol ?? "tcp", hostIp: hostIP };
  });
  refuseAmbiguous(mappings, plugin);
  return mappings;
}

/** One port of the host leads to one of the container: of two the second would never get a packet. */
function refuseAmbiguous(mappings: readonly PortMapping[], plugin: string): void {
  const first = new Map<string, PortMapping>();
  for (const mapping of mappings) {
    const { protocol, hostPort, hostIp } = mapping;
    const key = `${protocol} ${hostPort} ${hostIp === undefined ? "" : `${hostIp.family} ${hostIp.value}`}`;
    const other = first.get(key) ?? mapping;
    first.set(key, other);
    if (other.containerPort === mapping.containerPort) continue;
    const message = `${plugin}: runtimeConfig.portMappings: hostPort ${hostPort}/${protocol} leads to ${other.containerPort} and to ${mapping.containerPort}`;
    throw new CniError(ErrorCode.InvalidConfig, message);
  }
}
