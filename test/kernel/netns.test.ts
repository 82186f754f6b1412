import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOwnNetns, NetNs, NotANamespace, openNetns, openNetnsIfAlive } from "../../src/kernel/netns.ts";
import { CniError, ErrorCode } from "../../src/protocol/error.ts";
import { openFiles } from "./child.ts";
import { leaveTheMachine, ownNetwork, sh } from "./own-network.ts";
import { Side } from "./side.ts";

let directory: string;
let side: Side;

beforeAll(async () => {
  leaveTheMachine();
  directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
  writeFileSync(join(directory, "file"), "");
  execFileSync("mkfifo", [join(directory, "fifo")]);
  side = await Side.open("ip link add only-there type bridge");
});

afterAll(async () => {
  await side[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Paths that are no namespaces, and where opening one of them must not wait for somebody to write into it. */
const others = () => [join(directory, "file"), join(directory, "fifo"), directory, "/dev/null"];
const missing = () => [join(directory, "nothing"), join(directory, "file", "below"), "/proc/4194304/ns/net"];

describe("running in a namespace", () => {
  test("acts there, and is back in its own one afterwards", () => {
    const own = ownNetwork();
    expect(side.netns.run(() => ownNetwork())).not.toBe(own);
    expect(ownNetwork()).toBe(own);
  });

  test("returns what the body returns", () => {
    expect(side.netns.run(() => 4711)).toBe(4711);
  });

  test("is back in its own one after an exception, which comes through", () => {
    const own = ownNetwork();
    const error = new Error("of the body");
    const failing = () => {
      throw error;
    };
    expect(() => side.netns.run(failing)).toThrow(error);
    expect(ownNetwork()).toBe(own);
  });

  test("takes the processes along that it starts, and no others", () => {
    expect(side.netns.run(() => sh("ip -brief link"))).toContain("only-there");
    expect(sh("ip -brief link")).not.toContain("only-there");
  });

  test("sees the settings of that namespace", () => {
    const links = () => readdirSync("/proc/sys/net/ipv4/conf");
    expect(side.netns.run(links)).toContain("only-there");
    expect(links()).not.toContain("only-there");
  });

  test("does not move the other threads of the process", () => {
    const networks = side.netns.run(() =>
      readdirSync("/proc/self/task").map((task) => sh(`readlink /proc/${process.pid}/task/${task}/ns/net`)),
    );
    expect(new Set(networks).size).toBeGreaterThan(1);
    expect(networks.filter((network) => network === sh(`readlink ${side.path}`))).toHaveLength(1);
  });

  test("is possible as long as the namespace is held open, even without a process in it", async () => {
    const gone = await Side.open("ip link add still-there type bridge");
    using netns = new NetNs(gone.path);
    await gone[Symbol.asyncDispose]();
    expect(netns.run(() => sh("ip -brief link"))).toContain("still-there");
  });
});

describe("opening a namespace", () => {
  test("closes it in the end", () => {
    const before = openFiles();
    for (let i = 0; i < 10; i++) new NetNs(side.path)[Symbol.dispose]();
    expect(openFiles()).toBe(before);
  });

  test("by what is no namespace is an error, and leaves nothing open", () => {
    const before = openFiles();
    for (const path of others()) expect(() => new NetNs(path)).toThrow(new NotANamespace(path));
    expect(openFiles()).toBe(before);
  });

  test("by a namespace of another kind is an error", () => {
    expect(() => new NetNs("/proc/self/ns/mnt")).toThrow(NotANamespace);
  });

  test("by a file of /proc that is no namespace is an error", () => {
    expect(() => new NetNs("/proc/self/status")).toThrow(NotANamespace);
  });

  test("by a path where nothing is gives the error of open(2)", () => {
    for (const path of missing()) expect(() => new NetNs(path)).toThrow(/^(ENOENT|ENOTDIR)/);
  });

  test("also works by a file that it is mounted on", () => {
    const path = join(directory, "mounted");
    writeFileSync(path, "");
    sh(`mount --bind ${side.path} ${path}`);
    const netns = new NetNs(path);
    expect(netns.run(() => sh("ip -brief link"))).toContain("only-there");
    netns[Symbol.dispose]();
    sh(`umount ${path}`);
    expect(openNetnsIfAlive(path)).toBeUndefined();
  });
});

describe("the namespace of an ADD", () => {
  test("is opened", () => {
    using netns = openNetns(side.path);
    expect(netns.run(() => sh("ip -brief link"))).toContain("only-there");
  });

  test("that does not exist is error 4, which says so", () => {
    const path = join(directory, "nothing");
    expect(failureOf(() => openNetns(path))).toMatchObject({
      code: ErrorCode.InvalidEnvironment,
      message: `CNI_NETNS: ${path} does not exist`,
    });
  });

  test("that is no namespace is error 4, which says so", () => {
    for (const path of others()) {
      expect(failureOf(() => openNetns(path))).toMatchObject({
        code: ErrorCode.InvalidEnvironment,
        message: `CNI_NETNS: ${path} exists but is not a network namespace`,
      });
    }
  });
});

describe("the namespace of a DEL", () => {
  test("is opened when it is alive", () => {
    using netns = openNetnsIfAlive(side.path);
    expect(netns?.run(() => sh("ip -brief link"))).toContain("only-there");
  });

  test("is none when none is named", () => {
    expect(openNetnsIfAlive(undefined)).toBeUndefined();
  });

  test("is none when nothing is there, or only what it was mounted on", () => {
    for (const path of [...missing(), ...others()]) expect(openNetnsIfAlive(path), path).toBeUndefined();
  });

  test("is none when its process has ended, even before its parent looks after it", async () => {
    // the shell becomes a program that never asks for its child
    const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    const [pid] = await once(parent.stdout, "data");
    const status = `/proc/${String(pid).trim()}/status`;
    while (!readFileSync(status, "utf8").includes("State:\tZ")) await sleep(20);
    expect(openNetnsIfAlive(`/proc/${String(pid).trim()}/ns/net`)).toBeUndefined();
    await end(parent);
  });
});

describe("the own namespace", () => {
  test("is known by any path that leads to it", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const paths = ["/proc/self/ns/net", "/proc/thread-self/ns/net", `/proc/${child.pid}/ns/net`];
    expect(paths.map(isOwnNetns)).toEqual([true, true, true]);
    await end(child);
  });

  test("is not another one, nor something else, nor nothing", () => {
    const paths = [side.path, `/proc/${process.ppid}/ns/net`, ...others(), ...missing()];
    expect(paths.filter(isOwnNetns)).toEqual([]);
  });
});

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function failureOf(body: () => unknown): CniError {
  try {
    body();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
