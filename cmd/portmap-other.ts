import { exitNow } from "../src/kernel/libc.ts";
import { check } from "../src/plugins/portmap/check-ports.ts";
import { gc } from "../src/plugins/portmap/gc.ts";
import { status } from "../src/plugins/portmap/status.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run({ check, status, gc }, invocation), exit: exitNow };
