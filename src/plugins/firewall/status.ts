import { needProgram } from "../../kernel/find-program.ts";
import { CniError, ErrorCode, messageOf } from "../../protocol/error.ts";
import type { StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { decodeConfig } from "./config.ts";

/** Errors: 50 when an ADD could write no rules. Which families there will be is not known before. */
export async function status({ network }: StatusCall, { env }: Surroundings): Promise<void> {
  decodeConfig(network);
  try {
    needProgram("iptables-restore", env);
  } catch (error) {
    throw new CniError(ErrorCode.PluginNotAvailable, messageOf(error));
  }
}
