import { exitNow } from "../src/kernel/libc.ts";
import { check, gc, status } from "../src/plugins/bandwidth/other-verbs.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run({ check, status, gc }, invocation), exit: exitNow };
