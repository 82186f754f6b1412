// The fields of the reference beside the key `docker`, which decides what they are about: they may say the same, and nothing else.
import { CniError, ErrorCode } from "../../../protocol/error.ts";
import type { DockerConfig } from "./config.ts";
import { hasBridgeAddress } from "./config.ts";

/** As they are written; undefined when they are not. */
export interface ReferenceFields {
  readonly isGateway: boolean | undefined;
  readonly isDefaultGateway: boolean | undefined;
  readonly ipMasq: boolean | undefined;
  readonly hairpinMode: boolean | undefined;
  readonly forceAddress: boolean | undefined;
}

/** Of these Docker has no counterpart. */
export type ForeignFields = Readonly<Record<string, unknown>>;

/** What the fields are in a network of Docker. */
export function referenceFieldsOf(docker: DockerConfig): Record<keyof ReferenceFields, boolean> {
  return {
    isGateway: hasBridgeAddress(docker, 4) || hasBridgeAddress(docker, 6),
    isDefaultGateway: !docker.internal,
    ipMasq: docker.masquerade && !docker.internal,
    hairpinMode: true,
    forceAddress: true,
  };
}

/** Errors: 7 for a field that says something else, 2 for one that Docker has nothing for. */
export function refuseDisagreement(docker: DockerConfig, written: ReferenceFields, foreign: ForeignFields): void {
  for (const [name, value] of Object.entries(referenceFieldsOf(docker))) {
    const said = written[name as keyof ReferenceFields];
    if (said === undefined || said === value) continue;
    const message = `bridge: ${name} is ${said}, but docker as it is written here means ${value}: leave ${name} out`;
    throw new CniError(ErrorCode.InvalidConfig, message);
  }
  const name = Object.keys(foreign).find((each) => foreign[each] !== undefined && foreign[each] !== false);
  if (name !== undefined)
    throw new CniError(ErrorCode.UnsupportedField, `bridge: ${name} is not supported together with docker`);
}
