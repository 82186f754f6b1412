import { exitNow } from "../src/kernel/libc.ts";
import { hostLocal } from "../src/plugins/host-local/plugin.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run(hostLocal, invocation), exit: exitNow };
