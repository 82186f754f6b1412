import { apply } from "../../kernel/apply.ts";
import { sha512 } from "../../kernel/libc.ts";
import { openNetns, openNetnsIfAlive } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import { ifbNames } from "../../net/hashed-name.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, Attachment, DelCall, Network, Surroundings } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { aliasOf } from "../alias.ts";
import { carryOut } from "../carry-out.ts";
import { resultBefore } from "../result-before.ts";
import { type BandwidthConfig, decodeConfig, decodeRemains } from "./config.ts";
import { type IfbNames, observeIfb, observeShaped } from "./observe.ts";
import { planAdd, planRemoval, type Shaped, shapedResult, shapingProblem, warnings } from "./plan.ts";

export async function add(call: AddCall, around: Surroundings): Promise<Result> {
  const config = decodeConfig(call.network);
  const result = resultBefore(call.network, "bandwidth");
  if (!hasLimits(config)) return result;
  using container = openNetns(call.netns);
  using places = new Places(container);
  const names = namesOf(call);
  const shaped = needShaped(observeShaped(places, call.ifname), call.ifname, result);
  const ifb = observeIfb(places, names);
  const problem = shapingProblem(config, shaped, ifb);
  if (problem !== undefined) throw new CniError(ErrorCode.Internal, `bandwidth: ${problem}`);
  for (const line of warnings(config, shaped)) around.log(line);
  const steps = planAdd(config, { shaped, ifb, alias: names.alias });
  const applied = await carryOut(steps, { places, netns: call.netns, around });
  return shapedResult(result, config.egress === undefined ? undefined : applied.link("host", ifb.name));
}

/** The device is found by its name; the queues of the host's end go with it, unless it stays. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  using container = hasLimits(decodeRemains(call.network)) ? openNetnsIfAlive(call.netns) : undefined;
  using places = new Places(container);
  const shaped = container === undefined ? undefined : observeShaped(places, call.ifname);
  await apply(planRemoval(shaped, observeIfb(places, namesOf(call))), { ...around, places, record: () => {} });
}

export function hasLimits({ ingress, egress }: BandwidthConfig): boolean {
  return ingress !== undefined || egress !== undefined;
}

export function namesOf({ network, containerId, ifname }: Attachment & { readonly network: Network }): IfbNames {
  const whose = { network: network.name, containerId, ifname };
  return { ...ifbNames(sha512, whose), alias: aliasOf(network.name, whose) };
}

/** Errors: 999 when there is nothing that could be limited; as in the reference, the plugin before must have named it. */
export function needShaped(shaped: Shaped | undefined, ifname: string, { interfaces }: Result): Shaped {
  if (shaped === undefined)
    throw new CniError(
      ErrorCode.Internal,
      `bandwidth: ${ifname} of the container is no veth whose other end is on the host`,
    );
  const { name } = shaped.host;
  if (interfaces.some((each) => each.name === name && (each.sandbox ?? "") === "")) return shaped;
  throw new CniError(
    ErrorCode.Internal,
    `bandwidth: the other end of ${ifname}, ${name}, is not among the interfaces of prevResult`,
  );
}
