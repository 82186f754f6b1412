import { exitNow } from "../src/kernel/libc.ts";
import { bridge } from "../src/plugins/bridge/plugin.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run(bridge, invocation), exit: exitNow };
