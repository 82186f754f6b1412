import { describe, expect, test } from "vitest";
import type { Invocation } from "../../../src/protocol/command.ts";
import { type Answer, dispatch } from "../../../src/protocol/dispatch.ts";
import { CniError } from "../../../src/protocol/error.ts";
import type { AnyCall, Plugin } from "../../../src/protocol/plugin.ts";
import { emptyResult, type Result } from "../../../src/protocol/result.ts";
import { Undo } from "../../../src/protocol/undo.ts";
import { everyVersion, type SpecVersion } from "../../../src/protocol/version.ts";
import { mustCidr } from "../net/must.ts";

const environment = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "A=1",
  CNI_PATH: "/opt/cni/bin:/usr/lib/cni",
};
const network = { cniVersion: "1.1.0", name: "n1" };
const added: Result = { ...emptyResult, ips: [{ address: mustCidr("10.1.0.5/16") }] };

interface Given {
  readonly stdin?: object | string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly versions?: readonly SpecVersion[];
  readonly plugin?: Plugin;
}

interface Outcome {
  readonly answer?: Answer;
  readonly error?: unknown;
}

/** Calls a plugin that notes what it is called with; `events` tells in which order things happened. */
async function call(verb: string, { stdin = network, env = environment, versions = everyVersion, plugin }: Given = {}) {
  const events: string[] = [];
  const calls: AnyCall[] = [];
  const note = async (received: AnyCall) => {
    events.push(received.verb);
    calls.push(received);
  };
  const recorder: Plugin = {
    add: async (received) => {
      await note(received);
      return added;
    },
    check: note,
    del: note,
    status: note,
    gc: note,
    isOwnNetns: (path) => path === "/proc/self/ns/net",
  };
  const log = (line: string) => void events.push(`log: ${line}`);
  let unread = Buffer.from(typeof stdin === "string" ? stdin : JSON.stringify(stdin));
  const invocation: Invocation = {
    command: { name: "test", versions },
    verb,
    env,
    read: (buffer) => {
      const length = unread.copy(buffer);
      unread = unread.subarray(length);
      if (length === 0) events.push("end of stdin");
      return length;
    },
    write: () => {},
    log,
    interruption: async () => undefined,
  };
  const around = { env, log, checkInterrupt: async () => {}, undo: new Undo(log) };
  const outcome: Outcome = await dispatch(plugin ?? recorder, invocation, around).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  return { ...outcome, events, call: calls[0] };
}

const unsupported = (version: string, supported: readonly string[] = everyVersion) =>
  new CniError(1, `cniVersion "${version}" is not supported`, {
    details: `the configuration is of version "${version}", the plugin supports ${JSON.stringify(supported)}`,
  });
const tooOld = (version: string, verb: string, since: string) =>
  new CniError(1, `cniVersion ${version} does not allow ${verb}, which came with ${since}`);
const noVersion = (text: string) => new CniError(6, `cniVersion "${text}" is not a version`);
const noName = new CniError(7, "the network configuration has no name");
const badName = (name: string) =>
  new CniError(7, `name "${name}" must be of letters, digits, "_", "." and "-", a letter or digit first`, {
    details: name,
  });
const noVerb = (verb: string) =>
  new CniError(4, `CNI_COMMAND is "${verb}", which is none of ADD, DEL, CHECK, GC, STATUS, VERSION`);
const notJson = (problem: string) => new CniError(6, `the network configuration on stdin is not JSON: ${problem}`);
const undecodable = (problem: string) => new CniError(6, `network configuration: ${problem}`);
const ownNetns = new CniError(8, "CNI_NETNS /proc/self/ns/net is the network namespace that the plugin itself runs in");
const own = { ...environment, CNI_NETNS: "/proc/self/ns/net" };

describe("a call that is refused", () => {
  const nothingSet = new CniError(
    4,
    "ADD needs the variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH], which are missing",
  );

  test.for([
    ["ADD", "nothing set", { env: {} }, nothingSet],
    ["FOO", "empty stdin", { stdin: "" }, notJson("it is empty")],
    ["FOO", "nothing set", { env: {} }, noVerb("FOO")],
    ["FOO", "everything good", {}, noVerb("FOO")],
    ["add", "everything good", {}, noVerb("add")],
    ["ADD", "empty stdin", { stdin: "" }, notJson("it is empty")],
    [
      "ADD",
      "text after the object",
      { stdin: "{}x" },
      notJson("Unexpected non-whitespace character after JSON at position 2 (line 1 column 3)"),
    ],
    ["ADD", "a list", { stdin: [] }, undecodable("expected an object, got []")],
    ["ADD", "name a number", { stdin: { name: 1 } }, undecodable("name: expected a string, got 1")],
    [
      "ADD",
      "cniVersion a number",
      { stdin: { name: "n1", cniVersion: 1 } },
      undecodable("cniVersion: expected a string, got 1"),
    ],
    ["ADD", "null", { stdin: "null" }, noName],
    ["ADD", "an empty object", { stdin: {} }, noName],
    ["ADD", "no name", { stdin: { cniVersion: "1.0.0" } }, noName],
    ["ADD", "an empty name", { stdin: { ...network, name: "" } }, noName],
    ["ADD", "name _x", { stdin: { ...network, name: "_x" } }, badName("_x")],
    ["ADD", "cniVersion 9.9.9", { stdin: { ...network, cniVersion: "9.9.9" } }, unsupported("9.9.9")],
    ["ADD", "cniVersion abc", { stdin: { ...network, cniVersion: "abc" } }, unsupported("abc")],
    ["ADD", "cniVersion 1.0", { stdin: { ...network, cniVersion: "1.0" } }, unsupported("1.0")],
    [
      "ADD",
      "no cniVersion, which is 0.1.0, and not in the list",
      { stdin: { name: "n1" }, versions: ["0.4.0"] },
      unsupported("0.1.0", ["0.4.0"]),
    ],
    [
      "DEL",
      "no cniVersion, which is 0.1.0, and not in the list",
      { stdin: { name: "n1" }, versions: ["0.4.0"] },
      unsupported("0.1.0", ["0.4.0"]),
    ],
    [
      "ADD",
      "a version of the specification that is not in the list",
      { stdin: { ...network, cniVersion: "1.0.0" }, versions: ["0.4.0", "1.1.0"] },
      unsupported("1.0.0", ["0.4.0", "1.1.0"]),
    ],
    ["CHECK", "cniVersion abc", { stdin: { ...network, cniVersion: "abc" } }, noVersion("abc")],
    ["CHECK", "cniVersion 1.0.0.0", { stdin: { ...network, cniVersion: "1.0.0.0" } }, noVersion("1.0.0.0")],
    ["CHECK", "cniVersion 9.9.9", { stdin: { ...network, cniVersion: "9.9.9" } }, unsupported("9.9.9")],
    ["CHECK", "cniVersion 0.4.5", { stdin: { ...network, cniVersion: "0.4.5" } }, unsupported("0.4.5")],
    ["CHECK", "cniVersion 0.3.1", { stdin: { ...network, cniVersion: "0.3.1" } }, tooOld("0.3.1", "CHECK", "0.4.0")],
    ["CHECK", "no cniVersion", { stdin: { name: "n1" } }, tooOld("0.1.0", "CHECK", "0.4.0")],
    ["GC", "cniVersion 1.0.0", { stdin: { ...network, cniVersion: "1.0.0" } }, tooOld("1.0.0", "GC", "1.1.0")],
    ["GC", "cniVersion abc", { stdin: { ...network, cniVersion: "abc" } }, noVersion("abc")],
    ["STATUS", "cniVersion 1.0.0", { stdin: { ...network, cniVersion: "1.0.0" } }, tooOld("1.0.0", "STATUS", "1.1.0")],
    ["STATUS", "cniVersion abc", { stdin: { ...network, cniVersion: "abc" } }, noVersion("abc")],
    ["ADD", "its own namespace", { env: own }, ownNetns],
    ["DEL", "its own namespace", { env: own }, ownNetns],
  ] as const satisfies readonly (readonly [string, string, Given, CniError])[])(
    "%s with %s",
    async ([verb, , given, error]) => {
      const refused = await call(verb, given);
      expect(refused).toEqual({ error, events: expect.not.arrayContaining([verb]), call: undefined });
    },
  );
});

describe("the order of evaluation", () => {
  const bad = { stdin: { name: "_x", cniVersion: "9.9.9", prevResult: [] }, env: own };

  test("variables before stdin, which is not read then", async () => {
    const { error, events } = await call("ADD", { stdin: "", env: { ...environment, CNI_PATH: "" } });
    expect(error).toEqual(new CniError(4, "ADD needs the variables [CNI_PATH], which are missing"));
    expect(events).toEqual([]);
  });

  test.for([
    ["name before verb", "FOO", bad, badName("_x")],
    ["verb before version", "FOO", { ...bad, stdin: { ...bad.stdin, name: "n1" } }, noVerb("FOO")],
    ["version before namespace", "ADD", { ...bad, stdin: { ...bad.stdin, name: "n1" } }, unsupported("9.9.9")],
    [
      "what a verb needs before what the plugin supports",
      "CHECK",
      { stdin: { ...network, cniVersion: "0.3.1" }, versions: ["1.0.0"] as const },
      tooOld("0.3.1", "CHECK", "0.4.0"),
    ],
    ["namespace before prevResult", "ADD", { env: own, stdin: { ...network, prevResult: [] } }, ownNetns],
  ] as const satisfies readonly (readonly [string, string, Given, CniError])[])(
    "%s",
    async ([, verb, given, error]) => {
      expect((await call(verb, given)).error).toEqual(error);
    },
  );

  test("stdin, then the plugin", async () => {
    expect((await call("ADD")).events).toEqual(["end of stdin", "ADD"]);
  });
});

describe("what a plugin is called with", () => {
  const attachment = { containerId: "c1", ifname: "eth0" };
  const netns = "/run/netns/c1";
  const args = "A=1";

  test.for([
    ["ADD", { ...attachment, netns, args }],
    ["CHECK", { ...attachment, netns, args }],
    ["DEL", { ...attachment, netns }],
    ["GC", { validAttachments: [] }],
    ["STATUS", {}],
  ] as const)("%s", async ([verb, fields]) => {
    const { call: received } = await call(verb);
    expect(received).toEqual({
      verb,
      ...fields,
      path: ["/opt/cni/bin", "/usr/lib/cni"],
      network: {
        name: "n1",
        version: "1.1.0",
        input: Buffer.from(JSON.stringify(network)),
        document: expect.anything(),
      },
    });
  });

  test.for([
    ["an empty namespace", ""],
    ["no namespace", undefined],
  ] as const)("DEL with %s", async ([, path]) => {
    const { call: received } = await call("DEL", { env: { ...environment, CNI_NETNS: path } });
    expect(received).toHaveProperty("netns", undefined);
  });

  test("empty directories of CNI_PATH are left out", async () => {
    const { call: received } = await call("STATUS", { env: { CNI_PATH: ":/a::/b:" } });
    expect(received?.path).toEqual(["/a", "/b"]);
  });

  test("stdin byte for byte", async () => {
    const stdin = ' {"NAME":"n1", "x":1.50, "cniVersion":"1.1.0"}\n';
    const { call: received } = await call("ADD", { stdin });
    expect(received?.network.input.toString()).toBe(stdin);
  });

  test.for([
    ["no version", { name: "n1" }],
    ["an empty version", { name: "n1", cniVersion: "" }],
    ["null for a version", { name: "n1", cniVersion: null }],
  ] as const)("%s is 0.1.0", async ([, stdin]) => {
    expect((await call("ADD", { stdin })).call?.network.version).toBe("0.1.0");
    expect((await call("DEL", { stdin })).call?.network.version).toBe("0.1.0");
  });

  test("keys in any case", async () => {
    const { call: received } = await call("ADD", { stdin: { CNIVersion: "1.0.0", Name: "n1" } });
    expect(received?.network).toMatchObject({ name: "n1", version: "1.0.0" });
  });
});

describe("the answer", () => {
  test("of ADD is its result in the version of the configuration", async () => {
    const { answer } = await call("ADD", { stdin: { ...network, cniVersion: "0.3.1" } });
    expect(answer).toEqual({ result: added, version: "0.3.1" });
  });

  test.for(["CHECK", "DEL", "GC", "STATUS"] as const)("of %s is nothing", async (verb) => {
    const { answer, events } = await call(verb);
    expect(answer).toBeUndefined();
    expect(events).toEqual(["end of stdin", verb]);
  });

  test.for(["ADD", "CHECK", "DEL", "GC", "STATUS"] as const)(
    "of %s is nothing when the plugin leaves it out",
    async (verb) => {
      expect(await call(verb, { plugin: {} })).toEqual({
        answer: undefined,
        events: ["end of stdin"],
        call: undefined,
      });
    },
  );

  test("of DEL is nothing, whatever the plugin returns", async () => {
    const { answer } = await call("DEL", { plugin: { del: async () => ["10.1.0.5"] } });
    expect(answer).toBeUndefined();
  });

  test("a verb that is left out still needs its version", async () => {
    const { error } = await call("GC", { plugin: {}, stdin: { ...network, cniVersion: "1.0.0" } });
    expect(error).toEqual(tooOld("1.0.0", "GC", "1.1.0"));
  });

  test("a failure of the plugin is handed on as it is", async () => {
    const failure = new Error("the kernel said no");
    const { error } = await call("ADD", {
      plugin: {
        add: async () => {
          throw failure;
        },
      },
    });
    expect(error).toBe(failure);
  });
});

describe("the namespace of the plugin itself", () => {
  test.for([
    ["CHECK", own],
    ["GC", own],
    ["STATUS", own],
    ["ADD", { ...own, CNI_NETNS_OVERRIDE: "1" }],
    ["ADD", { ...own, CNI_NETNS_OVERRIDE: "true" }],
    ["DEL", { ...own, CNI_NETNS_OVERRIDE: "TRUE" }],
    ["ADD", { ...own, CNI_NETNS: "/does/not/exist" }],
    ["DEL", { ...own, CNI_NETNS: "" }],
  ] as const)("is no error of %s with %j", async ([verb, env]) => {
    expect((await call(verb, { env })).events).toEqual(["end of stdin", verb]);
  });

  test.for(["0", "false", "yes", "11", ""])("is one of ADD when CNI_NETNS_OVERRIDE is %j", async (value) => {
    expect((await call("ADD", { env: { ...own, CNI_NETNS_OVERRIDE: value } })).error).toEqual(ownNetns);
  });

  test("is not asked for when the plugin does not tell", async () => {
    const { answer } = await call("ADD", { env: own, plugin: { add: async () => added } });
    expect(answer?.result).toBe(added);
  });
});

describe("prevResult", () => {
  const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.1.0.5/16" }] };
  const stdin = { ...network, prevResult };
  const foreign = { ...network, prevResult: { ...prevResult, cniVersion: "0.4.0" } };
  const problem = "prevResult has version 0.4.0, which cannot stand in a configuration of version 1.1.0";

  test.for(["ADD", "CHECK", "DEL"] as const)("is given to %s", async (verb) => {
    expect((await call(verb, { stdin })).call?.network.prevResult).toEqual(added);
  });

  test.for(["GC", "STATUS"] as const)("is not given to %s, and not read", async (verb) => {
    const { call: received, events } = await call(verb, { stdin: foreign });
    expect(received?.network.prevResult).toBeUndefined();
    expect(events).toEqual(["end of stdin", verb]);
  });

  test.for(["ADD", "CHECK", "DEL"] as const)("that is null is none for %s", async (verb) => {
    const { call: received, events } = await call(verb, { stdin: { ...network, prevResult: null } });
    expect(received?.network.prevResult).toBeUndefined();
    expect(events).toEqual(["end of stdin", verb]);
  });

  test.for(["ADD", "CHECK"] as const)("of another family fails %s", async (verb) => {
    expect((await call(verb, { stdin: foreign })).error).toEqual(new CniError(1, problem));
  });

  test.for([
    ["a list", []],
    ["a string", "x"],
  ] as const)("that is %s fails ADD", async ([, value]) => {
    const { error } = await call("ADD", { stdin: { ...network, prevResult: value } });
    expect(error).toEqual(new CniError(6, `prevResult: expected an object, got ${JSON.stringify(value)}`));
  });

  test.for([
    ["of another family", foreign, problem],
    ["that is a list", { ...network, prevResult: [] }, "prevResult: expected an object, got []"],
    ["without an address", { ...network, prevResult: { ips: [{}] } }, "prevResult: ips[0].address is missing"],
  ] as const)("%s does not keep DEL from its work", async ([, given, why]) => {
    const { call: received, events } = await call("DEL", { stdin: given });
    expect(events).toEqual(["end of stdin", `log: going on without prevResult: ${why}`, "DEL"]);
    expect(received?.network.prevResult).toBeUndefined();
  });
});

describe("the valid attachments of GC", () => {
  const one = [{ containerID: "c1", ifname: "eth0" }];
  const other = [{ containerID: "c2", ifname: "eth1" }];
  const c1 = { containerId: "c1", ifname: "eth0" };

  test.for([
    ["neither key", {}, []],
    ["an empty list", { "cni.dev/valid-attachments": [] }, []],
    ["null", { "cni.dev/valid-attachments": null }, []],
    ["null for both", { "cni.dev/valid-attachments": null, "cni.dev/attachments": null }, []],
    ["the key of the specification", { "cni.dev/valid-attachments": one }, [c1]],
    ["the key of an early text", { "cni.dev/attachments": one }, [c1]],
    ["the second key when the first is null", { "cni.dev/valid-attachments": null, "cni.dev/attachments": one }, [c1]],
    ["the first key of both", { "cni.dev/valid-attachments": one, "cni.dev/attachments": other }, [c1]],
    ["an empty list beside the other key", { "cni.dev/valid-attachments": [], "cni.dev/attachments": [] }, []],
    ["keys in another case", { "CNI.dev/Valid-Attachments": [{ ContainerID: "c1", IFNAME: "eth0" }] }, [c1]],
    ["several", { "cni.dev/valid-attachments": [...one, ...other] }, [c1, { containerId: "c2", ifname: "eth1" }]],
  ] as const)("%s", async ([, keys, validAttachments]) => {
    const { call: received } = await call("GC", { stdin: { ...network, ...keys } });
    expect(received).toMatchObject({ verb: "GC", validAttachments });
  });

  test.for([
    ["no list", {}, 6, "cni.dev/valid-attachments: expected a list, got {}"],
    ["no container id", [{ ifname: "eth0" }], 7, "cni.dev/valid-attachments[0].containerID is missing"],
    ["no interface", [...one, { containerID: "c2" }], 7, "cni.dev/valid-attachments[1].ifname is missing"],
  ] as const)("%s is refused, because it would take away what is alive", async ([, list, code, problem]) => {
    const { error, events } = await call("GC", { stdin: { ...network, "cni.dev/valid-attachments": list } });
    expect(error).toEqual(new CniError(code, `network configuration: ${problem}`));
    expect(events).toEqual(["end of stdin"]);
  });
});
