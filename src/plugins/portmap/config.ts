import type { Family } from "../../net/ip.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import type { Publishing } from "../../plan/portmap/iptables-rules.ts";
import { array, boolean, decode, integer, lenient, string, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import { docker } from "../bridge/docker/config.ts";
import { type Backend, chooseBackend, type Programs, parseBackend } from "../firewall-backend.ts";
import { checkPortMappings, type OnConflict, portConflict, portMappings } from "../port-mappings.ts";

export interface PortmapConfig {
  readonly backend: Backend;
  readonly publishing: Readonly<Record<Family, Publishing>>;
  readonly ports: readonly PortMapping[];
  readonly onConflict: OnConflict;
  /** As it is written; undefined in the layout of the reference. */
  readonly docker: ReturnType<ReturnType<typeof docker>> | undefined;
}

const DEFAULT_BIT = 13;
const HIGHEST_BIT = 31;

const fields = () =>
  struct({
    backend: string,
    snat: boolean,
    masqAll: boolean,
    markMasqBit: integer,
    externalSetMarkChain: string,
    conditionsV4: array(string),
    conditionsV6: array(string),
    runtimeConfig: struct({ portMappings: portMappings() }),
    portConflict,
    docker: docker(),
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD and CHECK. Errors: 6 and 7 for the configuration. */
export function decodeConfig(network: Network, programs: Programs): PortmapConfig {
  const written = decode(fields(), network.document, "portmap");
  const { snat = true, masqAll = false, externalSetMarkChain } = written;
  const markMasqBit = checkBit(written);
  const of = (conditions: readonly string[] | undefined): Publishing => ({
    snat,
    masqAll,
    markMasqBit,
    externalSetMarkChain,
    conditions: isNeutral(conditions) ? [] : (conditions ?? []),
  });
  return {
    backend: backendOf(written, programs),
    publishing: { 4: of(written.conditionsV4), 6: of(written.conditionsV6) },
    ports: checkPortMappings(written.runtimeConfig?.portMappings, "portmap"),
    onConflict: written.portConflict ?? "error",
    docker: refuseBeside(written),
  };
}

/** For DEL: what cannot be read was never published either. */
export function decodeRemains(network: Network): Pick<PortmapConfig, "ports" | "docker"> {
  const remains = struct({
    runtimeConfig: lenient(struct({ portMappings: lenient(portMappings()) })),
    docker: lenient(docker()),
  });
  const written = decode(remains, network.document, "portmap");
  try {
    return { ports: checkPortMappings(written.runtimeConfig?.portMappings, "portmap"), docker: written.docker };
  } catch {
    return { ports: [], docker: written.docker };
  }
}

function checkBit({ markMasqBit, externalSetMarkChain }: Fields): number {
  if (markMasqBit === undefined) return DEFAULT_BIT;
  if (markMasqBit < 0 || markMasqBit > HIGHEST_BIT)
    throw invalid(`markMasqBit ${markMasqBit} is not between 0 and ${HIGHEST_BIT}`);
  if (externalSetMarkChain !== undefined) throw invalid("markMasqBit and externalSetMarkChain cannot both be set");
  return markMasqBit;
}

/** What is written for one of them decides, where it is left open; it cannot be for both. */
function backendOf(written: Fields, programs: Programs): Backend {
  const configured = parseBackend(written.backend, "portmap: backend");
  const forIptables = [
    ...(written.externalSetMarkChain === undefined ? [] : ["externalSetMarkChain"]),
    ...conditionsOf(written, "iptables"),
  ];
  const forNftables = conditionsOf(written, "nftables");
  const backend = configured ?? (forNftables.length > 0 ? "nftables" : undefined);
  const chosen = forIptables.length > 0 ? (backend ?? "iptables") : chooseBackend(backend, programs);
  const [other, wrong] = chosen === "iptables" ? ["nftables", forNftables] : ["iptables", forIptables];
  if (wrong.length > 0) throw invalid(`the backend is ${chosen}, and ${wrong.join(", ")} is for ${other}`);
  return chosen;
}

/** The fields whose conditions are written as this backend has them: arguments of iptables begin with - or !. */
function conditionsOf(written: Fields, backend: Backend): string[] {
  return (["conditionsV4", "conditionsV6"] as const).filter((name) => {
    const first = written[name]?.[0];
    if (first === undefined || first === "") return false;
    return /^[-!]/.test(first) === (backend === "iptables");
  });
}

/** As in the reference, no conditions. Errors: 7 when there are some behind an empty one. */
function isNeutral(conditions: readonly string[] | undefined): boolean {
  if (conditions === undefined || conditions.length === 0) return true;
  if (conditions[0] !== "") return false;
  if (conditions.length === 1) return true;
  throw invalid(`the conditions ${JSON.stringify(conditions)} begin with an empty one`);
}

/** Docker's layout has its own way for each of these. */
function refuseBeside(written: Fields): PortmapConfig["docker"] {
  if (written.docker === undefined) return undefined;
  const { snat, masqAll, markMasqBit, externalSetMarkChain, conditionsV4, conditionsV6, backend } = written;
  const nftables = backend === "nftables" ? backend : undefined;
  const others = { snat, masqAll, markMasqBit, externalSetMarkChain, conditionsV4, conditionsV6, backend: nftables };
  const name = Object.keys(others).find((each) => others[each as keyof typeof others] !== undefined);
  if (name === undefined) return written.docker;
  throw new CniError(ErrorCode.UnsupportedField, `portmap: ${name} is not supported together with docker`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `portmap: ${problem}`);
}
