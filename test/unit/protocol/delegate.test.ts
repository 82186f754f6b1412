import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finished, findPlugin, type RunProcess, runPlugin } from "../../../src/protocol/delegate.ts";
import { CniError } from "../../../src/protocol/error.ts";
import { Undo } from "../../../src/protocol/undo.ts";

describe("findPlugin", () => {
  let root = "";
  const inRoot = (...names: string[]) => join(root, ...names);

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "find-plugin-"));
    for (const directory of ["a", "b", "a/folder"]) mkdirSync(inRoot(directory));
    for (const file of ["a/first", "b/first", "b/second", "b/folder", "b/loop"]) writeFileSync(inRoot(file), "");
    chmodSync(inRoot("a/first"), 0o600);
    symlinkSync("../b/second", inRoot("a/link"));
    symlinkSync("nowhere", inRoot("a/second"));
    symlinkSync("loop", inRoot("a/loop"));
  });

  afterAll(() => rmSync(root, { recursive: true }));

  test.for([
    ["in the first directory that has it, executable or not", "first", "a/first"],
    ["in a later directory", "second", "b/second"],
    ["behind a link", "link", "a/link"],
    ["past a directory of that name", "folder", "b/folder"],
    ["past a link that leads nowhere", "second", "b/second"],
    ["past a link that leads in a circle", "loop", "b/loop"],
  ] as const)("finds a plugin %s", ([, type, file]) => {
    expect(findPlugin(type, [inRoot("a"), inRoot("b")], "ipam.type")).toBe(inRoot(file));
  });

  test.for([
    ["a directory that is not there", "c"],
    ["a directory that is a file", "a/first"],
  ] as const)("goes past %s", ([, directory]) => {
    expect(findPlugin("first", [inRoot(directory), inRoot("b")], "ipam.type")).toBe(inRoot("b/first"));
  });

  test.for([
    ["a name that no directory has", "third"],
    ["the directory itself", "."],
    ["the directory above", ".."],
    ["a name that is too long for a file", "x".repeat(300)],
  ] as const)("does not find %s", ([, type]) => {
    const path = [inRoot("a"), inRoot("b")];
    const message = `the plugin ${type}, named by ipam.type, is not in CNI_PATH ${path.join(":")}`;
    expect(() => findPlugin(type, path, "ipam.type")).toThrow(new CniError(999, message));
  });

  test.for([[""], ["a/first"], ["/bin/sh"], ["../b/first"]] as const)("refuses the type %j", ([type]) => {
    const error = new CniError(7, `ipam.type ${JSON.stringify(type)} cannot name a plugin`);
    expect(() => findPlugin(type, [root], "ipam.type")).toThrow(error);
  });
});

describe("runPlugin", () => {
  const file = "/opt/cni/bin/ipam";
  const input = Buffer.from('{"name":"n1"}');
  const env = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", HOME: "/root" };
  const success: Finished = { exitCode: 0, status: "exit status 0", stdout: "", stderr: "" };
  const failure: Finished = { exitCode: 1, status: "exit status 1", stdout: "", stderr: "" };

  /** Runs a plugin that ends so; `logged` is what it had to say on stderr. */
  async function outcomeOf(finished: Partial<Finished>, otherwise: Finished) {
    const logged: string[] = [];
    const log = (line: string) => void logged.push(line);
    const around = { env, log, checkInterrupt: async () => {}, undo: new Undo(log) };
    const run: RunProcess = async () => ({ ...otherwise, ...finished });
    const outcome = await runPlugin({ file, verb: "ADD", input }, run, around).catch((error: unknown) => error);
    return { outcome, logged };
  }

  test("gives the same stdin and environment, with the verb", async () => {
    const programs: unknown[] = [];
    const checkInterrupt = async () => {};
    const run: RunProcess = async (program, check) => {
      programs.push(program, check);
      return success;
    };
    await runPlugin({ file, verb: "DEL", input }, run, {
      env,
      log: () => {},
      checkInterrupt,
      undo: new Undo(() => {}),
    });
    expect(programs).toEqual([{ file, input, env: { ...env, CNI_COMMAND: "DEL" } }, checkInterrupt]);
  });

  test("hands on an interruption", async () => {
    const interrupted = new CniError(11, "interrupted by SIGTERM");
    const run: RunProcess = () => Promise.reject(interrupted);
    const around = { env, log: () => {}, checkInterrupt: async () => {}, undo: new Undo(() => {}) };
    await expect(runPlugin({ file, verb: "ADD", input }, run, around)).rejects.toBe(interrupted);
  });

  test("returns what the plugin printed, byte for byte", async () => {
    const stdout = ' {"ips": []}\n';
    expect(await outcomeOf({ stdout }, success)).toEqual({ outcome: stdout, logged: [] });
  });

  test("shows stderr of a plugin that succeeded", async () => {
    expect(await outcomeOf({ stderr: "a warning\nand another\n" }, success)).toEqual({
      outcome: "",
      logged: ["a warning\nand another"],
    });
  });

  const failed = `the plugin ${file} failed with`;

  test.for([
    [
      "an error object",
      { stdout: '{"code":11,"msg":"try again","details":"locked"}' },
      new CniError(11, "try again", { details: "locked" }),
    ],
    ["an error object without details", { stdout: '{"code":102,"msg":"mine"}' }, new CniError(102, "mine")],
    [
      "an error object with a version, as the specification has it",
      { stdout: '{\n  "cniVersion": "1.0.0",\n  "code": 7,\n  "msg": "bad"\n}\n' },
      new CniError(7, "bad"),
    ],
    ["an error object with keys in another case", { stdout: '{"Code":7,"MSG":"bad"}' }, new CniError(7, "bad")],
    ["an error object without a code", { stdout: '{"msg":"bad"}' }, new CniError(0, "bad")],
    ["an error object without a message", { stdout: '{"code":7}' }, new CniError(7, "")],
    [
      "an error object, whatever is on stderr",
      { stdout: '{"code":7,"msg":"bad"}', stderr: "noise" },
      new CniError(7, "bad"),
    ],
    ["no output", {}, new CniError(0, `${failed} exit status 1: it gave no error message`)],
    [
      "another exit status",
      { exitCode: 127, status: "exit status 127" },
      new CniError(0, `${failed} exit status 127: it gave no error message`),
    ],
    [
      "a signal",
      { exitCode: undefined, status: "signal 9" },
      new CniError(0, `${failed} signal 9: it gave no error message`),
    ],
    ["only stderr", { stderr: "panic: x\n" }, new CniError(0, `${failed} exit status 1: panic: x`)],
    [
      "only white space on stderr",
      { stderr: " \n" },
      new CniError(0, `${failed} exit status 1: it gave no error message`),
    ],
    [
      "text on stdout",
      { stdout: "oh no" },
      new CniError(
        0,
        `${failed} exit status 1, and its output is not JSON: Unexpected token 'o', "oh no" is not valid JSON`,
        { details: "oh no" },
      ),
    ],
    [
      "white space on stdout",
      { stdout: "\n" },
      new CniError(0, `${failed} exit status 1, and its output is not JSON: it is empty`, { details: "\n" }),
    ],
    [
      "a list on stdout",
      { stdout: "[1]" },
      new CniError(0, `${failed} exit status 1, and its error: expected an object, got [1]`, { details: "[1]" }),
    ],
    [
      "a code that is text",
      { stdout: '{"code":"7"}' },
      new CniError(0, `${failed} exit status 1, and its error: code: expected a whole number, got "7"`, {
        details: '{"code":"7"}',
      }),
    ],
  ] as const)("a plugin that fails with %s", async ([, finished, error]) => {
    const { outcome, logged } = await outcomeOf(finished, failure);
    expect(outcome).toBeInstanceOf(CniError);
    expect(outcome).toEqual(error);
    expect(logged).toEqual([]);
  });
});
