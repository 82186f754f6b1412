import { isErrno, KernelError } from "../../kernel/kernel-error.ts";
import { openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import { randomMac } from "../../net/mac.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult, type Result } from "../../protocol/result.ts";
import { carryOut } from "../carry-out.ts";
import { addIpam } from "../ipam.ts";
import { mtuConflict } from "../mtu.ts";
import { randomBytes } from "../random-bytes.ts";
import { refuse } from "../refuse.ts";
import { type Addressing, noAddressing, planAddressing } from "./addressing.ts";
import { decodeConfig, type MacvlanConfig } from "./config.ts";
import { lacksAddress, routesToHost, throughHost } from "./host-access.ts";
import type { HostSide } from "./host-link.ts";
import { isolatedParent } from "./isolated-parent.ts";
import { isWireless, observeParent } from "./observe.ts";
import { checkMtuOfParent, checkParent, downSentence, type Parent, type ParentFacts } from "./parent.ts";
import { planAttachment } from "./plan.ts";
import { explainRefusal } from "./refusal.ts";
import { enter } from "./sharing.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network, call.args);
  using container = openNetns(call.netns);
  using places = new Places(container);

  const { parent, facts } = observeParent(places, config, isolatedParent(call.network.name));
  checkParent(parent, facts, config.onParentDown);
  checkMtuOfParent(config, facts);
  if (places.findLink("container", call.ifname) !== undefined)
    refuse(`the container has an interface ${call.ifname} already`);
  warn(config, parent, facts, around.log);

  const leased = config.ipamType === undefined ? emptyResult : await addIpam(config.ipamType, call, around);
  const addressing = config.ipamType === undefined ? noAddressing : planAddressing(config, leased);
  refuse(mtuConflict({ mtu: config.mtu ?? facts.parent?.mtu }, addressing));
  // the host has to know it before the container has it
  const mac = config.mac ?? (config.hostAccess ? randomMac(randomBytes(6)) : undefined);
  try {
    const accessTo = config.hostAccess ? mac : undefined;
    const host = await enter(call, { parent, addressing, accessTo }, { places, around });
    const complete = withHost(addressing, host, around.log);
    const steps = planAttachment(config, call, { network: call.network.name, parent, addressing: complete, mac });
    const applied = await carryOut(steps, { places, netns: call.netns, around });
    const link = applied.link("container", call.ifname) ?? places.findLink("container", call.ifname);
    const interfaces = [{ name: call.ifname, mac: link?.mac, sandbox: call.netns }];
    return { interfaces, ...complete, dns: config.dns ?? leased.dns };
  } catch (error) {
    throw explained(error, config, parent, facts);
  }
}

/** With the container's ways to the host, when it has access. */
function withHost(addressing: Addressing, host: HostSide | undefined, log: Surroundings["log"]): Addressing {
  if (host === undefined) return addressing;
  const problem = lacksAddress(addressing, host.addresses);
  if (problem !== undefined) log(`macvlan: hostAccess: ${problem}`);
  const { ips, routes } = throughHost(addressing, host.addresses, host.mac);
  return { ips, routes: [...routes, ...routesToHost(addressing, host.addresses, host.mac)] };
}

/** What is no error, and may be why nothing comes or goes. */
function warn({ onParentDown }: MacvlanConfig, parent: Parent, facts: ParentFacts, log: Surroundings["log"]): void {
  const link = facts.parent ?? facts.base;
  if (link === undefined) return;
  if (!link.isUp && onParentDown === undefined) log(downSentence(link));
  if (isWireless(link, parent.place))
    log(`macvlan: ${link.name} is wireless: most access points take frames from one MAC address only`);
}

function explained(error: unknown, { mode }: MacvlanConfig, parent: Parent, facts: ParentFacts): unknown {
  if (!(error instanceof KernelError)) return error;
  const link = facts.parent ?? facts.base;
  const { errno, message, detail } = error;
  const sentence = explainRefusal(
    { errno, message, isExplained: detail !== undefined },
    {
      mode,
      parent: { name: parent.name, master: link?.master },
      isWireless: link !== undefined && isWireless(link, parent.place),
    },
  );
  const code = isErrno(error, "ENODEV") ? ErrorCode.ParentMissing : ErrorCode.Internal;
  return new CniError(code, sentence, { cause: error });
}
