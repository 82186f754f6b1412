import { CniError, ErrorCode } from "../protocol/error.ts";
import type { Network } from "../protocol/plugin.ts";
import type { Result } from "../protocol/result.ts";

/** What a chained plugin works on, and passes on. Errors: 7 when there is none. */
export function resultBefore({ prevResult }: Network, plugin: string): Result {
  if (prevResult !== undefined) return prevResult;
  throw new CniError(
    ErrorCode.InvalidConfig,
    `${plugin}: there is no prevResult: it comes behind the plugin that attaches the container`,
  );
}
