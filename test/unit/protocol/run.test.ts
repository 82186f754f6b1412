import { describe, expect, test } from "vitest";
import type { Invocation } from "../../../src/protocol/command.ts";
import { CniError } from "../../../src/protocol/error.ts";
import type { Plugin, Surroundings } from "../../../src/protocol/plugin.ts";
import { emptyResult, type Result } from "../../../src/protocol/result.ts";
import { run } from "../../../src/protocol/run.ts";
import { everyVersion } from "../../../src/protocol/version.ts";
import { mustCidr } from "../net/must.ts";

const env = { CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/c1", CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" };
const added: Result = { ...emptyResult, ips: [{ address: mustCidr("10.1.0.5/16") }] };
const printed =
  '{\n    "cniVersion": "1.1.0",\n    "ips": [\n        {\n            "address": "10.1.0.5/16"\n        }\n    ]\n}';

/** Runs a plugin; `events` tells what it, its undoing, stdout and stderr did, in order. */
async function outcomeOf(
  verb: string,
  plugin: Plugin,
  given: Partial<Invocation> & { readonly version?: string } = {},
) {
  const events: string[] = [];
  let unread = Buffer.from(JSON.stringify({ cniVersion: given.version ?? "1.1.0", name: "n1" }));
  const invocation: Invocation = {
    command: { name: "test", versions: everyVersion },
    verb,
    env,
    read: (buffer) => {
      const length = unread.copy(buffer);
      unread = unread.subarray(length);
      return length;
    },
    write: (text) => void events.push(text),
    log: (line) => void events.push(`log: ${line}`),
    interruption: async () => undefined,
    ...given,
  };
  const exitCode = await run(plugin, invocation);
  return { exitCode, events };
}

const errorText = (code: number, msg: string) => `{\n    "code": ${code},\n    "msg": "${msg}"\n}`;

describe("what is printed", () => {
  test("the result of ADD, with exit code 0", async () => {
    expect(await outcomeOf("ADD", { add: async () => added })).toEqual({ exitCode: 0, events: [printed] });
  });

  test.for(["CHECK", "DEL", "GC", "STATUS"] as const)("nothing by %s, with exit code 0", async (verb) => {
    const nothing = async () => {};
    const plugin = { check: nothing, del: nothing, gc: nothing, status: nothing };
    expect(await outcomeOf(verb, plugin)).toEqual({ exitCode: 0, events: [] });
  });

  test("nothing by an ADD that the plugin leaves out", async () => {
    expect(await outcomeOf("ADD", {})).toEqual({ exitCode: 0, events: [] });
  });

  test.for([
    ["code and message", new CniError(7, "no"), errorText(7, "no")],
    [
      "details when there are any",
      new CniError(7, "no", { details: "because" }),
      '{\n    "code": 7,\n    "msg": "no",\n    "details": "because"\n}',
    ],
    ["code 999 for any other error", new Error("broken"), errorText(999, "broken")],
    ["escapes", new Error('<a> & "b"'), errorText(999, String.raw`\u003ca\u003e \u0026 \"b\"`)],
  ] as const)("an error with %s, and exit code 1", async ([, error, text]) => {
    const fail = async () => {
      throw error;
    };
    const events = [text];
    expect(await outcomeOf("ADD", { add: fail })).toEqual({ exitCode: 1, events });
    expect(await outcomeOf("DEL", { del: fail })).toEqual({ exitCode: 1, events });
  });

  test("an error before the plugin is called", async () => {
    expect(await outcomeOf("FOO", {})).toEqual({
      exitCode: 1,
      events: [errorText(4, String.raw`CNI_COMMAND is \"FOO\", which is none of ADD, DEL, CHECK, GC, STATUS, VERSION`)],
    });
  });

  test("an error of reading stdin", async () => {
    const read = () => {
      throw new Error("EIO: i/o error, read");
    };
    expect(await outcomeOf("ADD", {}, { read })).toEqual({
      exitCode: 1,
      events: [errorText(5, "cannot read the network configuration on stdin: EIO: i/o error, read")],
    });
  });
});

describe("what an ADD has done", () => {
  /** Its undoing is an event. */
  const adding = (finish: () => Result): Plugin => ({
    add: async (_call, { undo, log }: Surroundings) => {
      undo.defer("take back a", () => log("a is taken back"));
      undo.defer("take back b", () => log("b is taken back"));
      return finish();
    },
  });
  const succeeding = adding(() => added);
  const takenBack = ["log: b is taken back", "log: a is taken back"];

  test("stays when it succeeded", async () => {
    expect(await outcomeOf("ADD", succeeding)).toEqual({ exitCode: 0, events: [printed] });
  });

  test("is taken back, newest first, when it fails, and then the error is printed", async () => {
    const failing = adding(() => {
      throw new CniError(999, "no");
    });
    expect(await outcomeOf("ADD", failing)).toEqual({ exitCode: 1, events: [...takenBack, errorText(999, "no")] });
  });

  test("is taken back when its result cannot be printed", async () => {
    const text = errorText(1, "cannot convert the result to version 0.2.0: no valid IP addresses");
    const failing = adding(() => emptyResult);
    expect(await outcomeOf("ADD", failing, { version: "0.2.0" })).toEqual({
      exitCode: 1,
      events: [...takenBack, text],
    });
  });

  test("is taken back when it is interrupted before the result is printed", async () => {
    const interruption = async () => "SIGTERM";
    expect(await outcomeOf("ADD", succeeding, { interruption })).toEqual({
      exitCode: 1,
      events: [...takenBack, errorText(11, "interrupted by SIGTERM")],
    });
  });

  test("is taken back when stdout is closed, and the error goes to stderr", async () => {
    const write = () => {
      throw new Error("EPIPE: broken pipe, write");
    };
    const text = errorText(5, "cannot write the result to stdout: EPIPE: broken pipe, write");
    expect(await outcomeOf("ADD", succeeding, { write })).toEqual({
      exitCode: 1,
      events: [...takenBack, `log: ${text}`],
    });
  });

  test("is taken back when the plugin finds itself interrupted", async () => {
    const waiting: Plugin = {
      add: async (_call, { undo, log, checkInterrupt }) => {
        undo.defer("take back a", () => log("a is taken back"));
        await checkInterrupt();
        return added;
      },
    };
    expect(await outcomeOf("ADD", waiting, { interruption: async () => "SIGINT" })).toEqual({
      exitCode: 1,
      events: ["log: a is taken back", errorText(11, "interrupted by SIGINT")],
    });
  });

  test("is taken back as far as that works, and the first failure is told", async () => {
    const failing: Plugin = {
      add: async (_call, { undo }) => {
        undo.defer("take back a", () => {
          throw new Error("busy");
        });
        throw new CniError(999, "no");
      },
    };
    expect(await outcomeOf("ADD", failing)).toEqual({
      exitCode: 1,
      events: ["log: could not take back a: busy", errorText(999, "no")],
    });
  });
});

test("a plugin sees the environment, and its log lines go to stderr", async () => {
  const seen: unknown[] = [];
  const plugin: Plugin = {
    del: async (_call, around) => {
      seen.push(around.env);
      around.log("hello");
    },
  };
  expect(await outcomeOf("DEL", plugin)).toEqual({ exitCode: 0, events: ["log: hello"] });
  expect(seen).toEqual([env]);
});
