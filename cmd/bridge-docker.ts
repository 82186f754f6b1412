import { exitNow } from "../src/kernel/libc.ts";
import { isOwnNetns } from "../src/kernel/netns.ts";
import { addInAnyLayout } from "../src/plugins/bridge/docker/add.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

/** The ADD of a network with `docker`, or with what may be that. */
export const program: Program = {
  run: (invocation) => run({ add: addInAnyLayout, isOwnNetns }, invocation),
  exit: exitNow,
};
