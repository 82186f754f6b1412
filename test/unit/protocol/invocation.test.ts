import { describe, expect, test } from "vitest";
import { CniError } from "../../../src/protocol/error.ts";
import { isName, readVariables, type Verb } from "../../../src/protocol/invocation.ts";

const good = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};
type Name = keyof typeof good;

const missing = (verb: string, names: string) =>
  new CniError(4, `${verb} needs the variables [${names}], which are missing`);
const badId = (id: string) =>
  new CniError(
    4,
    `CNI_CONTAINERID ${JSON.stringify(id)} must be of letters, digits, "_", "." and "-", a letter or digit first`,
    { details: id },
  );
const badIfname = (name: string, problem: string) =>
  new CniError(4, `CNI_IFNAME ${JSON.stringify(name)} cannot name a network interface: ${problem}`);

const requiredBy: Readonly<Record<Verb, readonly Name[]>> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
  GC: ["CNI_PATH"],
  STATUS: ["CNI_PATH"],
  VERSION: [],
};
const verbs = Object.keys(requiredBy) as Verb[];
const names = Object.keys(good) as Name[];

describe.for(verbs)("%s", (verb) => {
  const isRequired = (name: Name) => requiredBy[verb].includes(name);

  test("takes good variables", () => {
    const variables = { containerId: "c1", netns: "/run/netns/c1", ifname: "eth0", args: "A=1", path: "/opt/cni/bin" };
    expect(readVariables(verb, { ...good, CNI_ARGS: "A=1" })).toEqual(variables);
  });

  test.for(names.filter(isRequired))("needs %s", (name) => {
    expect(() => readVariables(verb, { ...good, [name]: undefined })).toThrow(missing(verb, name));
    expect(() => readVariables(verb, { ...good, [name]: "" })).toThrow(missing(verb, name));
  });

  test.for(names.filter((name) => !isRequired(name)))("does without %s", (name) => {
    const expected = readVariables(verb, { ...good, [name]: "" });
    expect(Object.values(expected).filter((value) => value === "")).toHaveLength(2);
    expect(readVariables(verb, { ...good, [name]: undefined })).toEqual(expected);
  });

  const bad = [
    ["CNI_CONTAINERID", "_x", badId("_x")],
    ["CNI_IFNAME", "a/b", badIfname("a/b", "it contains / or :")],
  ] as const;

  test.for(bad.filter(([name]) => isRequired(name)))("refuses a bad %s", ([name, value, error]) => {
    expect(() => readVariables(verb, { ...good, [name]: value })).toThrow(error);
  });

  test.for(bad.filter(([name]) => !isRequired(name)))("does not look at a bad %s", ([name, value]) => {
    expect(Object.values(readVariables(verb, { ...good, [name]: value }))).toContain(value);
  });

  test.for([["CNI_NETNS"], ["CNI_PATH"]] as const)("takes any %s", ([name]) => {
    expect(Object.values(readVariables(verb, { ...good, [name]: " :nonsense" }))).toContain(" :nonsense");
  });
});

test.for([
  ["ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"],
  ["DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"],
  ["CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"],
  ["GC", "CNI_PATH"],
  ["STATUS", "CNI_PATH"],
] as const)("%s with nothing set names what is missing, in the order of the library", ([verb, list]) => {
  expect(() => readVariables(verb, {})).toThrow(missing(verb, list));
});

test.for([["FOO"], ["add"], ["VERSION"]] as const)("%s needs nothing here", ([verb]) => {
  expect(readVariables(verb, {})).toEqual({ containerId: "", netns: "", ifname: "", args: "", path: "" });
});

test.for([
  ["a bad container id before a missing path", { CNI_CONTAINERID: "_x", CNI_PATH: "" }, badId("_x")],
  [
    "a bad interface before a missing id",
    { CNI_CONTAINERID: "", CNI_IFNAME: ".." },
    badIfname("..", "it is a directory name"),
  ],
  ["a bad container id before a bad interface", { CNI_CONTAINERID: "_x", CNI_IFNAME: ".." }, badId("_x")],
] as const)("tells %s", ([, env, error]) => {
  expect(() => readVariables("ADD", { ...good, ...env })).toThrow(error);
});

describe("isName", () => {
  test.for([["a"], ["0"], ["A_b.c-d"], ["1--"], ["a".repeat(1000)]] as const)("%s is one", ([text]) => {
    expect(isName(text)).toBe(true);
  });

  test.for([[""], ["_a"], [".a"], ["-a"], ["a b"], ["a/b"], ["é"], ["a\n"], [" a"], ["a:b"]] as const)(
    "%j is none",
    ([text]) => {
      expect(isName(text)).toBe(false);
    },
  );
});
