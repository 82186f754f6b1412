import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FileLock, takeLock } from "../../src/kernel/lock.ts";
import { Child } from "../../src/kernel/process.ts";
import { CniError, ErrorCode } from "../../src/protocol/error.ts";
import { openFiles } from "./child.ts";
import { leaveTheMachine, sh } from "./own-network.ts";

let directory: string;
let path: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
  path = join(directory, "lock");
});

afterEach(async () => {
  vi.useRealTimers();
  for (const child of started.splice(0)) await end(child);
  rmSync(directory, { recursive: true });
});

const never = async () => {};
const options = { kind: "exclusive", mode: 0o600, checkInterrupt: never } as const;

/** Another process that takes the lock and holds it until it is ended. */
async function holder(kind: "shared" | "exclusive", file = path): Promise<ChildProcess> {
  const child = spawn("flock", [`--${kind}`, "--no-fork", file, "sh", "-c", "echo taken; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  started.push(child);
  await once(child.stdout, "data");
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

describe("between two processes", () => {
  test.each([
    { held: "shared", wanted: "shared", isFree: true },
    { held: "shared", wanted: "exclusive", isFree: false },
    { held: "exclusive", wanted: "shared", isFree: false },
    { held: "exclusive", wanted: "exclusive", isFree: false },
  ] as const)("one that is held $held can be taken $wanted: $isFree", async ({ held, wanted, isFree }) => {
    await holder(held);
    using lock = new FileLock(path, 0o600);
    expect(lock.tryTake(wanted)).toBe(isFree);
  });

  test.each(["shared", "exclusive"] as const)("one that we hold %s is taken as that by the other", async (kind) => {
    using lock = new FileLock(path, 0o600);
    expect(lock.tryTake(kind)).toBe(true);
    const isFree = (other: string) => sh(`flock --nonblock --${other} ${path} echo free || echo held`);
    expect([isFree("shared"), isFree("exclusive")]).toEqual([kind === "shared" ? "free" : "held", "held"]);
  });

  test("is free again when the other has ended", async () => {
    const child = await holder("exclusive");
    using lock = new FileLock(path, 0o600);
    expect(lock.tryTake("exclusive")).toBe(false);
    await end(child);
    expect(lock.tryTake("exclusive")).toBe(true);
  });

  test("is free again for the other when we let it go, although a child of ours still runs", () => {
    const lock = new FileLock(path, 0o600);
    lock.tryTake("exclusive");
    const child = new Child({ file: "/bin/sleep", args: ["60"], env: {}, input: Buffer.alloc(0) });
    lock[Symbol.dispose]();
    expect(sh(`flock --nonblock ${path} echo free`)).toBe("free");
    child.end();
    child.finished();
  });
});

describe("the file", () => {
  test("is made with its directories and the mode it is given", () => {
    using _ = new FileLock(join(directory, "a", "b", "lock"), 0o600);
    expect(statSync(join(directory, "a", "b", "lock")).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "a", "b")).mode & 0o777).toBe(0o755);
  });

  test("keeps what is in it", () => {
    writeFileSync(path, "of another program");
    using lock = new FileLock(path, 0o600);
    expect(lock.tryTake("exclusive")).toBe(true);
    expect(statSync(path).size).toBe(18);
  });
});

describe("the holder", () => {
  test("is named with its pid and command", async () => {
    const child = await holder("exclusive");
    using lock = new FileLock(path, 0o600);
    expect(lock.holder()).toBe(`pid ${child.pid} (sleep)`);
  });

  test("is not one who only waits", async () => {
    const child = await holder("exclusive");
    const waiting = spawn("flock", [path, "true"]);
    started.push(waiting);
    await vi.waitUntil(() => sh("cat /proc/locks").includes(`FLOCK  ADVISORY  WRITE ${waiting.pid}`));
    using lock = new FileLock(path, 0o600);
    expect(lock.holder()).toBe(`pid ${child.pid} (sleep)`);
  });

  test("is unknown when nobody holds it", () => {
    using lock = new FileLock(path, 0o600);
    expect(lock.holder()).toBe("an unknown process");
  });

  test("is not one who holds a file with the same number on another file system", async () => {
    leaveTheMachine();
    using mounts = new DisposableStack();
    const files = ["one", "two"].map((name) => {
      const mount = join(directory, name);
      mkdirSync(mount);
      sh(`mount -t tmpfs test ${mount}`);
      // lazily, because a holder may still run when the test has failed
      mounts.defer(() => sh(`umount --lazy ${mount}`));
      writeFileSync(join(mount, "lock"), "");
      return join(mount, "lock");
    });
    const [one = "", two = ""] = files;
    expect(statSync(one).ino).toBe(statSync(two).ino);
    const ofTwo = await holder("exclusive", two);
    const ofOne = await holder("exclusive", one);
    expect([one, two].map(holderOf)).toEqual([`pid ${ofOne.pid} (sleep)`, `pid ${ofTwo.pid} (sleep)`]);
    await Promise.all([end(ofOne), end(ofTwo)]);
    expect([one, two].map(holderOf)).toEqual(["an unknown process", "an unknown process"]);
  });
});

describe("waiting for a lock", () => {
  test("that is free does not wait", async () => {
    using lock = await takeLock(path, options);
    expect(lock).toBeInstanceOf(FileLock);
    expect(sh(`flock --nonblock ${path} echo free || echo held`)).toBe("held");
  });

  test("ends soon after it is let go", async () => {
    const child = await holder("exclusive");
    const taken = takeLock(path, options);
    setTimeout(() => child.kill("SIGKILL"), 200);
    using _ = await taken;
    expect(sh(`flock --nonblock ${path} echo free || echo held`)).toBe("held");
  });

  test("ends with error 11 after 30 s, which names the file and the holder", async () => {
    const child = await holder("exclusive");
    const before = openFiles();
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = Date.now();
    let asked = 0;
    const checkInterrupt = async () => {
      asked++;
      vi.setSystemTime(start + asked * 10_000);
    };
    const error = await takeLock(path, { ...options, checkInterrupt }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CniError);
    expect(error).toMatchObject({
      code: ErrorCode.TryAgainLater,
      message: `${path} has been locked for 30 s by pid ${child.pid} (sleep)`,
    });
    // after 10, 20, 30 and 40 s
    expect(asked).toBe(4);
    expect(openFiles()).toBe(before);
  });

  test("ends when we are interrupted, and leaves nothing open", async () => {
    await holder("exclusive");
    const before = openFiles();
    const error = new Error("interrupted");
    const checkInterrupt = () => Promise.reject(error);
    await expect(takeLock(path, { ...options, checkInterrupt })).rejects.toBe(error);
    expect(openFiles()).toBe(before);
  });

  test("is done by several at the same time, one after the other", async () => {
    let inside = 0;
    const worker = async () => {
      using _ = await takeLock(path, options);
      inside++;
      expect(inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    expect(inside).toBe(0);
  });
});

function holderOf(file: string): string {
  using lock = new FileLock(file, 0o600);
  return lock.holder();
}
