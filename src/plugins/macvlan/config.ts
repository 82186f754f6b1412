import { interfaceNameProblem } from "../../net/interface-name.ts";
import type { Mac } from "../../net/mac.ts";
import type { MacvlanMode } from "../../plan/facts.ts";
import {
  anything,
  array,
  boolean,
  decode,
  integer,
  lenient,
  optionalParsed,
  string,
  struct,
} from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import type { Dns } from "../../protocol/result.ts";
import { dns } from "../../protocol/result-decode.ts";
import { mac, macOfArgs } from "../mac-field.ts";
import { checkMtu } from "../mtu.ts";

export interface MacvlanConfig {
  /** The parent. Left out, it is that of the default route, or an isolated one when the network is internal. */
  readonly master: string | undefined;
  /** The parent is in the container. */
  readonly linkInContainer: boolean;
  readonly mode: MacvlanMode;
  readonly mtu: number | undefined;
  /** The container's; without one the kernel makes one up. */
  readonly mac: Mac | undefined;
  /** Multicast packets that may wait to be received. */
  readonly queueLength: number | undefined;
  /** No gateway and no default route. */
  readonly internal: boolean;
  /** The host and the container reach each other. */
  readonly hostAccess: boolean;
  /** Undefined: an ADD goes on, and says so; STATUS calls it an error. */
  readonly onParentDown: "fail" | "ignore" | undefined;
  /** Duplicate address detection in the container. */
  readonly enableDad: boolean;
  /** Undefined in layer 2 mode: no addresses, no routes. */
  readonly ipamType: string | undefined;
  /** Replaces that of IPAM when any of its fields is given. */
  readonly dns: Dns | undefined;
}

const modes = ["bridge", "private", "vepa", "passthru"] as const satisfies MacvlanMode[];
const whenDown = ["fail", "ignore"] as const;
const U32_MAX = 0xffffffff;

const fields = () =>
  struct({
    master: string,
    linkInContainer: boolean,
    mode: string,
    mtu: integer,
    mac,
    bcqueuelen: integer,
    internal: boolean,
    hostAccess: boolean,
    onParentDown: optionalParsed((text) => whenDown.find((each) => each === text), '"fail" or "ignore"'),
    enabledad: boolean,
    ipam: struct({ type: string }),
    dns,
    runtimeConfig: struct({ mac, portMappings: array(anything) }),
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD, CHECK and STATUS. Errors: 2 for a field that is not supported, 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string): MacvlanConfig {
  const written = decode(fields(), network.document, "macvlan");
  refusePorts(written);
  const inArgs = macOfArgs(cniArgs);
  const config: MacvlanConfig = {
    master: checkMaster(written.master ?? ""),
    linkInContainer: written.linkInContainer === true,
    mode: checkMode(written.mode ?? ""),
    mtu: checkMtu(written.mtu ?? 0, "macvlan"),
    mac: written.runtimeConfig?.mac ?? inArgs ?? written.mac,
    queueLength: checkQueueLength(written.bcqueuelen ?? 0),
    internal: written.internal === true,
    hostAccess: written.hostAccess === true,
    onParentDown: written.onParentDown,
    enableDad: written.enabledad === true,
    ipamType: typeOf(written.ipam),
    dns: written.dns !== undefined && Object.keys(written.dns).length > 0 ? written.dns : undefined,
  };
  refuseContradictions(config);
  return config;
}

/** For DEL and GC: what cannot be read was never attached either. */
export function decodeRemains(network: Network): Pick<MacvlanConfig, "ipamType"> {
  const remains = struct({ ipam: lenient(struct({ type: lenient(string) })) });
  return { ipamType: typeOf(decode(remains, network.document, "macvlan").ipam) };
}

function refusePorts({ runtimeConfig }: Fields): void {
  if (runtimeConfig?.portMappings === undefined || runtimeConfig.portMappings.length === 0) return;
  throw unsupported("runtimeConfig.portMappings", "a container of macvlan has an address of its own on the link");
}

function checkMaster(name: string): string | undefined {
  if (name === "") return undefined;
  const problem = name === "lo" ? "nothing else is on its link" : interfaceNameProblem(name);
  if (problem === undefined) return name;
  throw invalid(`master ${JSON.stringify(name)} cannot be the parent of a macvlan: ${problem}`);
}

function checkMode(name: string): MacvlanMode {
  const mode = modes.find((each) => each === (name === "" ? "bridge" : name));
  if (mode !== undefined) return mode;
  const choice = `it can be ${modes.slice(0, -1).join(", ")} or ${modes.at(-1)}`;
  if (name === "source") throw unsupported("mode source", choice);
  throw invalid(`mode ${JSON.stringify(name)} does not exist: ${choice}`);
}

/** As in the reference, a number that is no `uint32` cannot be decoded, and 0 is the kernel's choice. */
function checkQueueLength(length: number): number | undefined {
  if (length >= 0 && length <= U32_MAX) return length === 0 ? undefined : length;
  throw new CniError(ErrorCode.DecodingFailure, `macvlan: bcqueuelen ${length} is not between 0 and ${U32_MAX}`);
}

function refuseContradictions({ hostAccess, mode, linkInContainer, ipamType, internal, master }: MacvlanConfig): void {
  if (internal && linkInContainer && master === undefined)
    throw invalid("an isolated parent is made on the host, so linkInContainer needs a master");
  if (!hostAccess) return;
  if (mode !== "bridge")
    throw invalid(`hostAccess is for mode bridge: in mode ${mode} the host is not on the same link`);
  if (linkInContainer)
    throw invalid("hostAccess is not for linkInContainer: the host is not on the link of that parent");
  if (ipamType === undefined) throw invalid("hostAccess needs ipam: the host has a route to each address");
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `macvlan: ${problem}`);
}

function unsupported(what: string, why: string): CniError {
  return new CniError(ErrorCode.UnsupportedField, `macvlan: ${what} is not supported: ${why}`);
}

function typeOf(ipam: Pick<NonNullable<Fields["ipam"]>, "type"> | undefined): string | undefined {
  return ipam?.type === "" ? undefined : ipam?.type;
}
