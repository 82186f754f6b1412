import { needProgram } from "../../kernel/find-program.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { programsIn } from "../firewall-backend.ts";
import { decodeConfig } from "./config.ts";

/** Errors: 50 when an ADD could publish nothing. */
export async function status({ network }: StatusCall, { env }: Surroundings): Promise<void> {
  const { backend, docker } = decodeConfig(network, programsIn(env));
  try {
    needProgram(backend === "iptables" || docker !== undefined ? "iptables-restore" : "nft", env);
  } catch (error) {
    throw new CniError(ErrorCode.PluginNotAvailable, messageOf(error));
  }
}
