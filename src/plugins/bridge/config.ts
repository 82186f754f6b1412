import { interfaceNameProblem } from "../../net/interface-name.ts";
import type { Mac } from "../../net/mac.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import { boolean, decode, integer, lenient, string, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import type { Dns } from "../../protocol/result.ts";
import { dns } from "../../protocol/result-decode.ts";
import { type Backend, parseBackend } from "../firewall-backend.ts";
import { mac, macOfArgs } from "../mac-field.ts";
import { checkMtu } from "../mtu.ts";
import { checkPortMappings, type OnConflict, portConflict, portMappings } from "../port-mappings.ts";
import { completeDocker, type DockerConfig, docker } from "./docker/config.ts";
import { referenceFieldsOf, refuseDisagreement } from "./docker/reference-fields.ts";
import { checkVlanGateway } from "./vlan-gateway.ts";
import { checkVlans, type Vlans, vlanTrunk } from "./vlans.ts";

export interface BridgeConfig {
  readonly bridge: string;
  /** The bridge gets the gateway's address, and the host forwards. */
  readonly isGateway: boolean;
  /** The container gets a default route in each family that it has an address of. */
  readonly isDefaultGateway: boolean;
  readonly ipMasq: boolean;
  readonly ipMasqBackend: Backend | undefined;
  /** The container can send with its own MAC address only. */
  readonly macspoofchk: boolean;
  /** Of the bridge when it is created, and of both ends of the veth. */
  readonly mtu: number | undefined;
  readonly hairpinMode: boolean;
  /** Of the bridge; nobody switches it off again. */
  readonly promiscMode: boolean;
  /** Addresses of the bridge that are in the way of the gateway's are taken from it. */
  readonly forceAddress: boolean;
  /** No frames go between the ports of this network. */
  readonly portIsolation: boolean;
  /** Duplicate address detection in the container. */
  readonly enableDad: boolean;
  /** The container's interface stays down. */
  readonly disableContainerInterface: boolean;
  /** Undefined when the bridge need not filter VLANs. */
  readonly vlans: Vlans | undefined;
  /** The container's; without one the kernel makes one up. */
  readonly mac: Mac | undefined;
  /** Undefined in layer 2 mode: no addresses, no routes. */
  readonly ipamType: string | undefined;
  /** Replaces that of IPAM when any of its fields is given. */
  readonly dns: Dns | undefined;
  /** Undefined in the layout of the reference. */
  readonly docker: DockerConfig | undefined;
  /** To be published; only with `docker`. */
  readonly ports: readonly PortMapping[];
  /** What becomes of an ADD whose port somebody else has. */
  readonly onConflict: OnConflict;
}

const defaultBridge = "cni0";
const fields = () =>
  struct({
    bridge: string,
    isGateway: boolean,
    isDefaultGateway: boolean,
    ipMasq: boolean,
    ipMasqBackend: string,
    mtu: integer,
    hairpinMode: boolean,
    ipam: struct({ type: string }),
    dns: dns,
    runtimeConfig: struct({ mac, portMappings: portMappings() }),
    args: struct({ cni: struct({ mac }) }),
    forceAddress: boolean,
    promiscMode: boolean,
    vlan: integer,
    vlanTrunk,
    preserveDefaultVlan: boolean,
    macspoofchk: boolean,
    enabledad: boolean,
    portIsolation: boolean,
    disableContainerInterface: boolean,
    docker: docker(),
    portConflict,
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD and CHECK. Errors: 2 for a field that is not supported, 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string): BridgeConfig {
  const written = decode(fields(), network.document, "bridge");
  refuseContradictions(written);
  const macInArgs = macOfArgs(cniArgs);
  const isDefaultGateway = isSet(written.isDefaultGateway);
  const config = checkVlanGateway({
    bridge: checkBridgeName(written.bridge ?? defaultBridge),
    isGateway: isDefaultGateway || isSet(written.isGateway),
    isDefaultGateway,
    ipMasq: isSet(written.ipMasq),
    ipMasqBackend: parseBackend(written.ipMasqBackend, "bridge: ipMasqBackend"),
    macspoofchk: isSet(written.macspoofchk),
    mtu: checkMtu(written.mtu ?? 0, "bridge"),
    hairpinMode: isSet(written.hairpinMode),
    promiscMode: isSet(written.promiscMode),
    forceAddress: isSet(written.forceAddress),
    portIsolation: isSet(written.portIsolation),
    enableDad: isSet(written.enabledad),
    disableContainerInterface: isSet(written.disableContainerInterface),
    vlans: checkVlans(written),
    mac: written.runtimeConfig?.mac ?? written.args?.cni?.mac ?? macInArgs,
    ipamType: typeOf(written.ipam),
    dns: written.dns !== undefined && Object.keys(written.dns).length > 0 ? written.dns : undefined,
    docker: undefined,
    ports: checkPortMappings(written.runtimeConfig?.portMappings, "bridge"),
    onConflict: written.portConflict ?? "error",
  });
  return written.docker === undefined ? withoutPorts(config, written) : inDocker(config, written, written.docker);
}

function dockerRemains(
  { docker: own, runtimeConfig }: ReturnType<ReturnType<typeof remains>>,
  bridge: string,
): Pick<BridgeRemains, "docker" | "ports"> {
  try {
    const complete = own === undefined ? undefined : completeDocker(own, bridge);
    return { docker: complete, ports: checkPortMappings(runtimeConfig?.portMappings, "bridge") };
  } catch {
    return { docker: undefined, ports: [] };
  }
}

/** What the fields of the reference are about is decided by `docker`. */
function inDocker(config: BridgeConfig, written: Fields, own: ReturnType<ReturnType<typeof docker>>): BridgeConfig {
  const complete = completeDocker(own, config.bridge);
  const { promiscMode, macspoofchk, enabledad, portIsolation, disableContainerInterface } = written;
  const foreign = { promiscMode, macspoofchk, enabledad, portIsolation, disableContainerInterface };
  const { ipMasqBackend, vlans, ipamType } = config;
  const nftables = ipMasqBackend === "nftables" ? ipMasqBackend : undefined;
  refuseDisagreement(complete, written, { ...foreign, "ipMasqBackend nftables": nftables, "a VLAN": vlans });
  if (ipamType === undefined) throw new CniError(ErrorCode.InvalidConfig, "bridge: a network with docker needs ipam");
  return { ...config, ...referenceFieldsOf(complete), ipMasq: false, docker: complete };
}

function withoutPorts(config: BridgeConfig, { portConflict: written }: Fields): BridgeConfig {
  if (config.ports.length === 0 && written === undefined) return config;
  const name = written === undefined ? "runtimeConfig.portMappings" : "portConflict";
  const message = `bridge: ${name} is not supported without docker: the plugin portmap publishes ports then`;
  throw new CniError(ErrorCode.UnsupportedField, message);
}

/** What DEL needs. */
export interface BridgeRemains {
  readonly ipMasq: boolean;
  readonly ipMasqBackend: Backend | undefined;
  readonly macspoofchk: boolean;
  readonly ipamType: string | undefined;
  readonly bridge: string;
  /** Undefined also when it cannot be read. */
  readonly docker: DockerConfig | undefined;
  readonly ports: readonly PortMapping[];
}

const remains = () =>
  struct({
    bridge: lenient(string),
    docker: lenient(docker()),
    runtimeConfig: lenient(struct({ portMappings: lenient(portMappings()) })),
    ipMasq: lenient(boolean),
    ipMasqBackend: lenient(string),
    macspoofchk: lenient(boolean),
    ipam: lenient(struct({ type: lenient(string) })),
  });

/** For DEL and GC: what cannot be read was never attached either. */
export function decodeRemains(network: Network): BridgeRemains {
  const written = decode(remains(), network.document, "bridge");
  const { ipMasq, ipMasqBackend, macspoofchk, ipam, bridge = defaultBridge } = written;
  return {
    bridge,
    ...dockerRemains(written, bridge),
    ipMasq: ipMasq ?? false,
    ipMasqBackend: ipMasqBackend === "iptables" || ipMasqBackend === "nftables" ? ipMasqBackend : undefined,
    macspoofchk: macspoofchk ?? false,
    ipamType: typeOf(ipam),
  };
}

function refuseContradictions({ hairpinMode, promiscMode, disableContainerInterface, ipam }: Fields): void {
  if (hairpinMode === true && promiscMode === true) {
    throw new CniError(ErrorCode.InvalidConfig, "bridge: hairpinMode and promiscMode cannot both be set");
  }
  const type = typeOf(ipam);
  if (disableContainerInterface !== true || type === undefined) return;
  const message = `bridge: disableContainerInterface is set, so ipam ${type} could not give the interface an address`;
  throw new CniError(ErrorCode.InvalidConfig, message);
}

function isSet(flag: boolean | undefined): boolean {
  return flag === true;
}

function checkBridgeName(name: string): string {
  const problem = interfaceNameProblem(name);
  if (problem === undefined) return name;
  throw new CniError(
    ErrorCode.InvalidConfig,
    `bridge: ${JSON.stringify(name)} cannot name a network interface: ${problem}`,
  );
}

function typeOf(ipam: { readonly type?: string | undefined } | undefined): string | undefined {
  return ipam?.type === "" ? undefined : ipam?.type;
}
