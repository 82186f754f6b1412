import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FileLock } from "../../src/kernel/lock.ts";
import { NetlinkSocket } from "../../src/kernel/netlink/socket.ts";
import { NetNs } from "../../src/kernel/netns.ts";
import { Child } from "../../src/kernel/process.ts";
import { env, openFiles, shell } from "./child.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe("a child", () => {
  test("gets its input and gives back both its outputs", () => {
    expect(shell("cat; echo to stderr >&2", "to stdin\n").finished()).toEqual({
      exitCode: 0,
      status: "exit status 0",
      stdout: "to stdin\n",
      stderr: "to stderr\n",
    });
  });

  test("without input finds the end of it at once", () => {
    expect(shell("wc -c").finished().stdout.trim()).toBe("0");
  });

  test("gets its arguments as they are", () => {
    const args = ["a b", "", "*", "$HOME", "'\"", "ü", "-n"];
    const child = new Child({ file: "/usr/bin/printf", args: ["%s\\n", ...args], env, input: Buffer.alloc(0) });
    expect(child.finished().stdout).toBe(args.map((arg) => `${arg}\n`).join(""));
  });

  test("gets the variables that have a value, and no others", () => {
    const variables = { CNI_COMMAND: "ADD", EMPTY: "", NONE: undefined, "WITH=": "=", TEXT: "a\nü b" };
    const child = new Child({ file: "/usr/bin/env", args: ["-0"], env: variables, input: Buffer.alloc(0) });
    expect(child.finished().stdout.split("\0").sort()).toEqual([
      "",
      "CNI_COMMAND=ADD",
      "EMPTY=",
      "TEXT=a\nü b",
      "WITH===",
    ]);
  });

  test("gets many arguments and variables", () => {
    const args = Array.from({ length: 2000 }, (_, i) => `argument-${i}`);
    const variables = Object.fromEntries(args.map((arg) => [arg.replace("-", "_"), arg]));
    const child = new Child({
      file: "/bin/sh",
      args: ["-c", "echo $#; env | wc -l", ...args],
      env: { ...env, ...variables },
      input: Buffer.alloc(0),
    });
    const [count, lines] = child.finished().stdout.trim().split(/\s+/);
    expect(count).toBe("1999");
    expect(Number(lines)).toBeGreaterThanOrEqual(2001);
  });

  test.each([0, 1, 2, 127, 255])("that exits with %i says so", (code) => {
    expect(shell(`exit ${code}`).finished()).toMatchObject({ exitCode: code, status: `exit status ${code}` });
  });

  test.each([6, 9, 15])("that dies by signal %i says so, and what it has written until then", (signal) => {
    expect(shell(`ulimit -c 0; echo before; kill -${signal} $$`).finished()).toEqual({
      exitCode: undefined,
      status: `signal ${signal}`,
      stdout: "before\n",
      stderr: "",
    });
  });

  test("may read and write more than a pipe holds", () => {
    const input = Buffer.alloc(20_000_000, "0123456789abcdef\n");
    const { stdout, stderr } = shell("tee /dev/fd/2", input).finished();
    expect([stdout.length, stderr.length]).toEqual([input.length, input.length]);
    expect([stdout === input.toString(), stderr === input.toString()]).toEqual([true, true]);
  });

  test("may leave its input unread", () => {
    expect(shell("echo done", Buffer.alloc(1_000_000)).finished().stdout).toBe("done\n");
  });

  test("may open its outputs by name without losing what it has written", () => {
    const script = "echo one >&2; echo two > /dev/stderr; echo three >&2; echo one; echo two > /dev/stdout; echo three";
    expect(shell(script).finished()).toMatchObject({ stdout: "one\ntwo\nthree\n", stderr: "one\ntwo\nthree\n" });
  });

  test("that leaves a process behind is not waited for longer than itself", () => {
    const start = performance.now();
    const { stdout } = shell("sleep 60 & echo $!").finished();
    expect(performance.now() - start).toBeLessThan(30_000);
    process.kill(Number(stdout), "SIGKILL");
  });

  test("does not ignore SIGPIPE, as we do", () => {
    const ignored = (status: string) => BigInt(`0x${/SigIgn:\s*(\w+)/.exec(status)?.[1]}`) & (1n << 12n);
    expect(ignored(readFileSync("/proc/self/status", "utf8"))).not.toBe(0n);
    expect(ignored(shell("exec cat /proc/self/status").finished().stdout)).toBe(0n);
    expect(shell("kill -PIPE $$; echo survived").finished()).toMatchObject({ status: "signal 13", stdout: "" });
  });

  test("has its three descriptors and none of ours", () => {
    const list = () => shell("exec ls /proc/self/fd").finished().stdout;
    // whoever started this test may have left it more, which it cannot help
    const before = list();
    expect(before).toMatch(/^0\n1\n/);
    using _netns = new NetNs("/proc/self/ns/net");
    using _socket = new NetlinkSocket();
    using _lock = new FileLock(join(directory, "lock"), 0o600);
    const other = shell("exec sleep 60");
    expect(list()).toBe(before);
    other.end();
    other.finished();
  });

  test("leaves nothing open", () => {
    shell("true").finished();
    const before = openFiles();
    for (let i = 0; i < 10; i++) {
      const child = shell("true");
      child.hasFinished(1_000);
      child.finished();
    }
    expect(openFiles()).toBe(before);
  });

  test("is no zombie when it has finished", () => {
    const { stdout } = shell("echo $$").finished();
    expect(existsSync(`/proc/${stdout.trim()}`)).toBe(false);
  });
});

describe("a program that cannot be started", () => {
  const programs = () => {
    writeFileSync(join(directory, "not-executable"), "#!/bin/sh\n", { mode: 0o644 });
    writeFileSync(join(directory, "no-format"), "nothing that can run", { mode: 0o755 });
    writeFileSync(join(directory, "no-interpreter"), "#!/no/such/program\n", { mode: 0o755 });
    return [
      { name: "nothing", errno: "ENOENT" },
      { name: "not-executable", errno: "EACCES" },
      { name: "no-format", errno: "ENOEXEC" },
      { name: "no-interpreter", errno: "ENOENT" },
      { name: ".", errno: "EACCES" },
    ];
  };

  test("is an error with its name and the reason", () => {
    for (const { name, errno } of programs()) {
      const file = join(directory, name);
      expect(() => new Child({ file, env, input: Buffer.alloc(0) })).toThrow(`start ${file}: ${errno}: `);
    }
  });

  test("leaves nothing open", () => {
    const before = openFiles();
    for (const { name } of programs()) {
      expect(() => new Child({ file: join(directory, name), env, input: Buffer.alloc(0) })).toThrow("start ");
    }
    expect(openFiles()).toBe(before);
  });
});
