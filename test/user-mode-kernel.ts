// Tests that the machine's kernel has not what they need for, on one that has it: Debian's user-mode Linux, a kernel that is an ordinary
// process. It takes some 3 minutes.
import { existsSync, rmSync } from "node:fs";
import { execa } from "execa";

/** What the names of the tests that need it begin with; also how vitest finds them. The option of the kernel follows. */
export const ELSEWHERE = "on a kernel with CONFIG_";
/** Of all of them it takes a quarter. */
const TIMEOUT = 15 * 60_000;
const started = (report: string) => `${report}.started`;

/** Leaves what vitest reports in the file. Returns why there can be no such kernel here, or undefined when it ran. */
export async function testOnUserModeKernel(report: string): Promise<string | undefined> {
  for (const file of [report, started(report)]) rmSync(file, { force: true });
  if (process.arch !== "x64") return `Debian has no user-mode Linux for ${process.arch}`;
  if (!(await isInstalled())) return "Debian's package user-mode-linux cannot be installed";
  const variables = [`DIRECTORY=${process.cwd()}`, `REPORT=${report}`, `PATTERN="${ELSEWHERE}"`];
  const kernel = ["mem=2G", "rootfstype=hostfs", "rw", `init=${process.cwd()}/test/user-mode-init.sh`];
  const consoles = ["con=null", "con0=null,fd:1", "quiet"];
  console.log("> on a user-mode kernel, since this one lacks what some tests need: test/user-mode-init.sh");
  const { exitCode } = await execa("linux.uml", [...kernel, ...consoles, ...variables], {
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
    timeout: TIMEOUT,
    forceKillAfterDelay: 5_000,
  });
  return existsSync(started(report)) ? undefined : `user-mode Linux does not start here (exit code ${exitCode})`;
}

async function isInstalled(): Promise<boolean> {
  if (existsSync("/usr/bin/linux.uml") && existsSync("/sbin/modprobe")) return true;
  console.log("> apt-get install user-mode-linux kmod: this kernel lacks what some tests need");
  const args = ["install", "-y", "-qq", "--no-install-recommends", "user-mode-linux", "kmod"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await execa("apt-get", ["update", "-qq"], { stdio: "inherit", reject: false });
  const { exitCode } = await execa("apt-get", args, { stdio: "inherit", reject: false, env });
  return exitCode === 0;
}
