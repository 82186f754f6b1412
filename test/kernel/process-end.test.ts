import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Child, run } from "../../src/kernel/process.ts";
import { env, openFiles, shell } from "./child.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

const never = async () => {};

describe("waiting for a child", () => {
  test("ends when it has finished", () => {
    const child = shell("sleep 0.2");
    expect(child.hasFinished(0)).toBe(false);
    const start = performance.now();
    // the end of its output comes before its own
    while (!child.hasFinished(20_000));
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(child.hasFinished(0)).toBe(true);
    child.finished();
  });

  test("ends when the time is over", () => {
    const child = shell("exec sleep 60");
    const start = performance.now();
    expect(child.hasFinished(200)).toBe(false);
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
    child.end();
    expect(child.finished()).toMatchObject({ status: "signal 15" });
  });

  test("ends early when a signal comes to us", async () => {
    await withSignalHandler(() => {
      const child = shell("sleep 0.2; kill -USR2 $PPID; exec sleep 60");
      const start = performance.now();
      expect(child.hasFinished(30_000)).toBe(false);
      expect(performance.now() - start).toBeLessThan(20_000);
      child.end();
      child.finished();
    });
  });

  test("for its outputs goes on when a signal comes to us", async () => {
    const signals = await withSignalHandler(() => {
      expect(shell("sleep 0.1; kill -USR2 $PPID; sleep 0.1; echo done").finished()).toMatchObject({ stdout: "done\n" });
    });
    expect(signals).toBe(1);
  });
});

describe("ending a child", () => {
  test("asks it, and lets it finish", () => {
    const child = shellWithTrap("sleep 0.3; echo cleaned; exit 7");
    child.end();
    expect(child.finished()).toMatchObject({ exitCode: 7, stdout: "cleaned\n" });
  });

  test("makes it when it does not do so within 5 s", () => {
    const child = shellWithTrap("");
    const start = performance.now();
    child.end();
    expect(child.finished()).toMatchObject({ status: "signal 9" });
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(4_900);
    expect(took).toBeLessThan(10_000);
  });

  test("lets it finish also when a signal comes to us meanwhile", async () => {
    await withSignalHandler(() => {
      const child = shellWithTrap("kill -USR2 $PPID; sleep 0.3; echo cleaned; exit 7");
      child.end();
      expect(child.finished()).toMatchObject({ exitCode: 7, stdout: "cleaned\n" });
    });
  });

  test("that has ended by itself does nothing", () => {
    const child = shell("exit 3");
    while (!child.hasFinished(20_000));
    child.end();
    expect(child.finished()).toMatchObject({ exitCode: 3 });
  });
});

describe("running a program", () => {
  test("returns its outcome", async () => {
    const program = { file: "/bin/cat", env, input: Buffer.from("text") };
    expect(await run(program, never)).toEqual({ exitCode: 0, status: "exit status 0", stdout: "text", stderr: "" });
  });

  test("looks again and again whether we are asked to end", async () => {
    let asked = 0;
    const checkInterrupt = async () => {
      asked++;
    };
    await run({ file: "/bin/sleep", args: ["0.55"], env, input: Buffer.alloc(0) }, checkInterrupt);
    expect(asked).toBeGreaterThanOrEqual(4);
    expect(asked).toBeLessThanOrEqual(6);
  });

  test("that is interrupted ends the child, and throws what interrupted it", async () => {
    const pidFile = join(directory, "pid");
    const script = `echo $$ > ${pidFile}; exec sleep 60`;
    const error = new Error("interrupted");
    const checkInterrupt = async () => {
      if (existsSync(pidFile)) throw error;
    };
    const before = openFiles();
    const running = run({ file: "/bin/sh", args: ["-c", script], env, input: Buffer.alloc(0) }, checkInterrupt);
    await expect(running).rejects.toBe(error);
    expect(existsSync(`/proc/${readFileSync(pidFile, "utf8").trim()}`)).toBe(false);
    expect(openFiles()).toBe(before);
  });

  test("that cannot be started rejects", async () => {
    const file = join(directory, "nothing");
    await expect(run({ file, env, input: Buffer.alloc(0) }, never)).rejects.toThrow(`start ${file}: ENOENT`);
  });
});

/** Returns how many signals came. */
async function withSignalHandler(body: () => void): Promise<number> {
  let count = 0;
  const handler = () => {
    count++;
  };
  process.on("SIGUSR2", handler);
  try {
    body();
    // handlers run when we have nothing else to do
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    process.off("SIGUSR2", handler);
  }
  return count;
}

/** A shell that runs forever, and what is given here when it is asked to end. Returns when it is ready for that. */
function shellWithTrap(script: string): Child {
  const ready = join(directory, "ready");
  rmSync(ready, { force: true });
  const child = shell(`trap '${script}' TERM; echo > ${ready}; while :; do sleep 0.02; done`);
  for (const deadline = Date.now() + 20_000; !existsSync(ready); child.hasFinished(10)) {
    if (Date.now() > deadline) throw new Error("the shell does not get ready");
  }
  return child;
}
