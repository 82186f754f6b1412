import { exitNow } from "../src/kernel/libc.ts";
import { add, check, status } from "../src/plugins/static/plugin.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

/** DEL and GC have nothing to do. */
export const program: Program = { run: (invocation) => run({ add, check, status }, invocation), exit: exitNow };
