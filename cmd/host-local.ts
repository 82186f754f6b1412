import { exitNow } from "../src/kernel/libc.ts";
import { add, check, del, gc, status } from "../src/plugins/host-local/plugin.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = {
  run: (invocation) => run({ add, check, del, status, gc }, invocation),
  exit: exitNow,
};
