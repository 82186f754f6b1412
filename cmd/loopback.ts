import { exitNow } from "../src/kernel/libc.ts";
import { loopback } from "../src/plugins/loopback/plugin.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run(loopback, invocation), exit: exitNow };
