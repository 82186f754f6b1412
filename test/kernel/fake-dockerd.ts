import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

export interface Daemon {
  readonly pid: number;
  readonly end: () => Promise<void>;
}

/** A shell under another name, which does nothing until its input ends; what is given behind its script are its arguments. */
export async function startDaemon(file: string, args: readonly string[]): Promise<Daemon> {
  const given = file === "unshare" ? args : ["-c", "read -r line", file, ...args];
  const child = spawn(file, given, { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} was not started`);
  // unshare becomes the shell a moment later
  while (readFileSync(`/proc/${pid}/comm`, "utf8") === "unshare\n") await setTimeout(5);
  return {
    pid,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
