import { exitNow } from "../src/kernel/libc.ts";
import { check } from "../src/plugins/macvlan/check-attachment.ts";
import { gc } from "../src/plugins/macvlan/gc.ts";
import { status } from "../src/plugins/macvlan/status.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run({ check, status, gc }, invocation), exit: exitNow };
