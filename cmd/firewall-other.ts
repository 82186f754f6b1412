import { exitNow } from "../src/kernel/libc.ts";
import { check } from "../src/plugins/firewall/check-rules.ts";
import { gc } from "../src/plugins/firewall/gc.ts";
import { status } from "../src/plugins/firewall/status.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run({ check, status, gc }, invocation), exit: exitNow };
