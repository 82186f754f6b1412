// Whether an ADD could work, and whether those that did still do.
import { needProgram } from "../../kernel/find-program.ts";
import { listAddresses } from "../../kernel/netlink/address.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { Places } from "../../kernel/places.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import type { Link } from "../../plan/facts.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { chooseBackend, programsIn } from "../firewall-backend.ts";
import { statusIpam } from "../ipam.ts";
import { type BridgeConfig, decodeConfig } from "./config.ts";
import { checkDockerStatus } from "./docker/status.ts";

/** RT_SCOPE_UNIVERSE: not a link-local address, which the kernel gives by itself. */
const GLOBAL = 0;
const forwarding = [
  [4, "net/ipv4/ip_forward"],
  [6, "net/ipv6/conf/all/forwarding"],
] as const;

/** Errors: 50 when an ADD would fail, 51 when attached containers cannot reach what they should either. */
export async function status(call: StatusCall, around: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, "");
  using places = new Places(undefined);
  const bridge = places.findLink("host", config.bridge);
  if (bridge !== undefined) checkBridge(config, bridge, places);
  for (const program of programsFor(config, around.env)) check(program, around.env);
  const { docker } = config;
  if (docker !== undefined) checkDockerStatus(config, docker, { call, env: around.env, places });
  if (config.ipamType !== undefined) await statusIpam(config.ipamType, call, around);
}

function checkBridge({ bridge: name, isGateway }: BridgeConfig, bridge: Link, places: Places): void {
  if (bridge.kind !== "bridge") {
    throw new CniError(ErrorCode.PluginNotAvailable, `${name} exists but is not a bridge`);
  }
  const { socket } = places.at("host");
  if (!listLinks(socket).some((link) => link.master === bridge.index)) return;
  if (!bridge.isUp) throw limited(`the bridge ${name} is down`);
  if (!isGateway) return;
  const families = listAddresses(socket, bridge).map(({ cidr, scope }) => (scope === GLOBAL ? cidr.ip.family : 0));
  for (const [family, key] of forwarding) {
    if (families.includes(family) && readSysctl(key) === "0") throw limited(`the host does not forward: ${key} is 0`);
  }
}

function programsFor(config: BridgeConfig, env: Surroundings["env"]): string[] {
  if (config.docker !== undefined) return ["iptables-restore", "iptables-save"];
  const backend = config.ipMasq ? chooseBackend(config.ipMasqBackend, programsIn(env)) : undefined;
  return [
    ...(backend === "iptables" ? ["iptables-restore"] : []),
    ...(backend === "nftables" || config.macspoofchk ? ["nft"] : []),
  ];
}

function check(program: string, env: Surroundings["env"]): void {
  try {
    needProgram(program, env);
  } catch (error) {
    throw new CniError(ErrorCode.PluginNotAvailable, messageOf(error));
  }
}

function limited(problem: string): CniError {
  return new CniError(ErrorCode.LimitedConnectivity, problem);
}
