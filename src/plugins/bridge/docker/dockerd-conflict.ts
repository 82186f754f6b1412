import { dockerdThatOwns } from "../../../kernel/dockerd.ts";
import type { DockerConfig } from "./config.ts";

/** Why the chains are not ours to write, or undefined. */
export function dockerdConflict({ chainPrefix }: Pick<DockerConfig, "chainPrefix">): string | undefined {
  const pid = dockerdThatOwns(chainPrefix);
  if (pid === undefined) return undefined;
  return `dockerd (pid ${pid}) owns the chains ${chainPrefix}, ${chainPrefix}-FORWARD and so on, and flushes them when it starts: set chainPrefix in docker to another name than ${JSON.stringify(chainPrefix)}`;
}
