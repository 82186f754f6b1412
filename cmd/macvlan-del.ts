import { exitNow } from "../src/kernel/libc.ts";
import { isOwnNetns } from "../src/kernel/netns.ts";
import { del } from "../src/plugins/macvlan/del.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

export const program: Program = { run: (invocation) => run({ del, isOwnNetns }, invocation), exit: exitNow };
