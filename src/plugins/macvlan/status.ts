// Whether an ADD could work.
import { Places } from "../../kernel/places.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { statusIpam } from "../ipam.ts";
import { decodeConfig, type MacvlanConfig } from "./config.ts";
import { isolatedParent } from "./isolated-parent.ts";
import { observeParent } from "./observe.ts";
import { checkMtuOfParent, checkParent } from "./parent.ts";

/** Errors: 50 when the parent is missing or down, or IPAM has nothing to give. A parent in the container is not known yet. */
export async function status(call: StatusCall, around: Surroundings): Promise<void> {
  const config = decodeConfig(call.network, "");
  if (!config.linkInContainer) checkHost(config, call.network.name);
  if (config.ipamType !== undefined) await statusIpam(config.ipamType, call, around);
}

function checkHost(config: MacvlanConfig, network: string): void {
  using places = new Places(undefined);
  try {
    const { parent, facts } = observeParent(places, config, isolatedParent(network));
    checkParent(parent, facts, config.onParentDown ?? "fail");
    checkMtuOfParent(config, facts);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(ErrorCode.PluginNotAvailable, messageOf(error), { cause: error.cause });
  }
}
