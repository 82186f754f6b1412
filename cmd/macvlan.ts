import { exitNow } from "../src/kernel/libc.ts";
import { isOwnNetns } from "../src/kernel/netns.ts";
import { add } from "../src/plugins/macvlan/add.ts";
import type { Program } from "../src/protocol/command.ts";
import { run } from "../src/protocol/run.ts";

/** For ADD, and for what is no verb. */
export const program: Program = { run: (invocation) => run({ add, isOwnNetns }, invocation), exit: exitNow };
