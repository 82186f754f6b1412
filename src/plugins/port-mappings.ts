// `runtimeConfig.portMappings`, as every plugin that publishes ports reads it.
import { parseIp } from "../net/ip.ts";
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
      hostIP: optionalParsed(parseIp, "an IP address"),
    }),
  );

/** `portConflict`: what becomes of an ADD whose port somebody else has. */
export type OnConflict = "error" | "warn" | "off";

const choices = ["error", "warn", "off"] as const satisfies OnConflict[];

export const portConflict = optionalParsed((text) => choices.find((each) => each === text), '"error", "warn" or "off"');

type Written = ReturnType<ReturnType<typeof portMappings>>;

/** Errors: 7 for a port that cannot be. */
export function checkPortMappings(written: Written | undefined, plugin: string): readonly PortMapping[] {
  return (written ?? []).map(({ hostPort, containerPort, protocol, hostIP }) => {
    for (const [name, port] of Object.entries({ hostPort, containerPort })) {
      if (port >= 1 && port <= HIGHEST_PORT) continue;
      const message = `${plugin}: runtimeConfig.portMappings: ${name} ${port} is not between 1 and ${HIGHEST_PORT}`;
      throw new CniError(ErrorCode.InvalidConfig, message);
    }
    return { hostPort, containerPort, protocol: protocol ?? "tcp", hostIp: hostIP };
  });
}
