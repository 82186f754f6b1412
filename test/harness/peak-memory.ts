import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";
import { type Call, startPlugin } from "./plugin.ts";

/**
 * The most memory that a call has had at a time, in MB. The kernel's own account (ru_maxrss) begins with what the process that
 * started it had, so the call is stopped for a moment at its end, and asked.
 */
export async function peakMemory(host: Host, call: Call): Promise<number> {
  const file = join(host.directory, "pid");
  const stopped = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=exit_group:delay_enter=500000"];
  const running = startPlugin(host, { ...call, under: [...stopped, "sh", "-c", `echo $$ > ${file}; exec "$0"`] });
  let peak = 0;
  const ticks = setInterval(() => {
    peak = Math.max(peak, highWaterMark(file) ?? 0);
  }, 20);
  const { exitCode, stdout } = await running.finished;
  clearInterval(ticks);
  if (exitCode !== 0) throw new Error(`${call.verb} failed: ${stdout}`);
  return peak;
}

/** `VmHWM` of the process whose number is in a file, or undefined when there is none. */
function highWaterMark(file: string): number | undefined {
  try {
    const status = readFileSync(`/proc/${readFileSync(file, "utf8").trim()}/status`, "utf8");
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}
