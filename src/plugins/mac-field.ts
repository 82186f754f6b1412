import { type Mac, parseMac } from "../net/mac.ts";
import { parseCniArgs } from "../protocol/cni-args.ts";
import { optionalParsed } from "../protocol/decode.ts";
import { CniError, ErrorCode } from "../protocol/error.ts";

export const mac = optionalParsed(parseMac, "an Ethernet address like 02:42:ac:11:00:02");

/** `MAC=` of CNI_ARGS. Errors: 4 for what is not one. */
export function macOfArgs(cniArgs: string): Mac | undefined {
  const { MAC } = parseCniArgs(cniArgs, ["MAC"]);
  if (MAC === undefined || MAC === "") return undefined;
  const parsed = parseMac(MAC);
  if (parsed !== undefined) return parsed;
  throw new CniError(ErrorCode.InvalidEnvironment, `CNI_ARGS: MAC ${JSON.stringify(MAC)} is not an Ethernet address`);
}
