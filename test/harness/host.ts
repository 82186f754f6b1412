// A machine of its own for a test: network and mount namespaces that nothing outside sees, with an empty /run and /var/lib/cni.
// They live as long as one process in them, which this file starts and, by its pid, ends.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly finished: Promise<Ran>;
  /** When it has written to stdout. */
  readonly firstOutput: Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** As far as we use what execa returns. */
interface Child extends PromiseLike<unknown> {
  readonly kill: (signal: NodeJS.Signals) => unknown;
}

interface Options {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a machine has of its own. */
export interface Kind {
  /** More options of unshare(1) and nsenter(1). With --pid, --fork and --kill-child the machine's processes end with it, all of them. */
  readonly unshare: readonly string[];
  readonly enter: readonly string[];
  /** Shell commands in it, after the common ones; `$1` is `Host.directory`. */
  readonly prepare: string;
}

const networkOnly: Kind = { unshare: [], enter: [], prepare: "" };

/** A mount of /run also hides the machine's sockets, and xtables.lock. */
const prepared = (kind: Kind) => `set -e
mount -t tmpfs run /run
mkdir -p /run/netns /run/lock /var/lib/cni
mount -t tmpfs cni /var/lib/cni
mount -t sysfs sys /sys
ip link set lo up
${kind.prepare}
echo ready
exec cat`;

export class Host {
  readonly #holder: Child;
  /** Of a process on the host: `/proc/<pid>/ns/net` is its network. */
  readonly pid: number;
  readonly #running = new Set<Running>();
  /** A directory of the machine, for files of the test; it goes with the host. */
  readonly directory: string;
  readonly #kind: Kind;

  private constructor(holder: Child, pid: number, directory: string, kind: Kind) {
    this.#holder = holder;
    this.pid = pid;
    this.directory = directory;
    this.#kind = kind;
  }

  static async start(kind: Kind = networkOnly): Promise<Host> {
    const directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
    const options = ["--net", "--mount", "--propagation", "private", ...kind.unshare];
    const holder = execa("unshare", [...options, "sh", "-c", prepared(kind), "sh", directory], {
      buffer: false,
      reject: false,
    });
    const ready = new Promise<boolean>((resolve) => {
      holder.stdout?.once("data", () => resolve(true));
      holder.stdout?.once("end", () => resolve(false));
    });
    if ((await ready) && holder.pid !== undefined) return new Host(holder, firstProcess(holder.pid), directory, kind);
    throw new Error(
      "the namespaces of a test could not be made: is this root, and are iproute2 and util-linux installed?",
    );
  }

  /** Runs a program on the host to its end, whatever its exit code. */
  run(file: string, args: readonly string[] = [], options: Options = {}): Promise<Ran> {
    return this.start(file, args, options).finished;
  }

  /** A command line for the shell; throws when it fails. Returns its output without white space around it. */
  async sh(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run("sh", ["-ec", command]);
    if (exitCode !== 0) throw new Error(`${command}\nexit code ${exitCode}: ${stderr}${stdout}`);
    return stdout.trim();
  }

  /** Starts a program that goes on while the test does something else; it ends with the host at the latest. */
  start(file: string, args: readonly string[] = [], { input = "", env = {} }: Options = {}): Running {
    const variables = Object.entries({ PATH: process.env["PATH"], ...env }).map(([name, value]) => `${name}=${value}`);
    const child = execa("nsenter", this.#enter("env", ["-i", ...variables, file, ...args]), {
      input,
      reject: false,
      stripFinalNewline: false,
    });
    const finish = async (): Promise<Ran> => {
      const { exitCode = -1, stdout, stderr } = await child;
      this.#running.delete(running);
      return { exitCode, stdout, stderr };
    };
    const running: Running = {
      finished: finish(),
      firstOutput: new Promise((resolve) => child.stdout?.once("data", () => resolve())),
      kill: (signal) => child.kill(signal),
    };
    this.#running.add(running);
    return running;
  }

  /** An empty network namespace, as a runtime makes it for a container. Returns its path. */
  async container(name: string): Promise<string> {
    await this.sh(`ip netns add ${name}`);
    return `/run/netns/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of [...this.#running]) {
      running.kill("SIGKILL");
      await running.finished;
    }
    this.#holder.kill("SIGKILL");
    await this.#holder;
    // with processes of its own the first of them is gone when all are
    while (existsSync(`/proc/${this.pid}`)) await setTimeout(5);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #enter(file: string, args: readonly string[]): string[] {
    return ["--target", String(this.pid), "--net", "--mount", ...this.#kind.enter, "--", file, ...args];
  }
}

/** Of the machine: with --fork that is a child of the process that we started. */
function firstProcess(started: number): number {
  const children = readFileSync(`/proc/${started}/task/${started}/children`, "utf8").trim();
  return children === "" ? started : Number(children);
}
