import { describe, expect, test } from "vitest";
import {
  anything,
  array,
  boolean,
  type Decoder,
  decode,
  integer,
  lenient,
  mapOf,
  optionalParsed,
  parsed,
  required,
  string,
  struct,
} from "../../../src/protocol/decode.ts";
import { parseDocument } from "../../../src/protocol/document.ts";
import { CniError } from "../../../src/protocol/error.ts";

const even = (text: string) => (Number(text) % 2 === 0 ? Number(text) : undefined);
const evenNumber = parsed(even, "an even number");
const optionalEven = optionalParsed(even, "an even number");

function read<T>(decoder: Decoder<T>, text: string): T {
  return decode(decoder, parseDocument(text, "the text"), "thing");
}

describe("a value that fits", () => {
  test.for([
    ["string", string, '"a"', "a"],
    ["an empty string", string, '""', ""],
    ["boolean", boolean, "false", false],
    ["integer", integer, "-5", -5],
    ["integer with a fraction of zero", integer, "5.0", 5],
    ["the largest integer", integer, "9007199254740991", 9007199254740991],
    ["anything", anything, "[1]", [1]],
    ["parsed", evenNumber, '"4"', 4],
    ["parsed to a value that is false", evenNumber, '"0"', 0],
    ["optionalParsed", optionalEven, '"4"', 4],
    ["optionalParsed of an empty text", optionalEven, '""', undefined],
    ["array", array(string), '["a","b"]', ["a", "b"]],
    ["array of nothing", array(string), "[]", []],
    ["required", required(string), '"a"', "a"],
    ["lenient", lenient(string), '"a"', "a"],
    ["lenient with a wrong value", lenient(string), "1", undefined],
    ["lenient with a wrong value inside", lenient(struct({ a: array(string) })), '{"a":["x",1]}', undefined],
  ] as const satisfies readonly (readonly [string, Decoder<unknown>, string, unknown])[])(
    "%s",
    ([, decoder, text, value]) => {
      expect(read<unknown>(decoder, text)).toEqual(value);
    },
  );
});

describe("a value of the wrong type is code 6, an impossible one code 7", () => {
  test.for([
    ["string", string, "1", 6, "expected a string, got 1"],
    ["boolean", boolean, '"true"', 6, 'expected true or false, got "true"'],
    ["integer", integer, '"1"', 6, 'expected a whole number, got "1"'],
    ["integer with a fraction", integer, "1.5", 6, "expected a whole number, got 1.5"],
    ["integer beyond 2^53", integer, "9007199254740993", 6, "9007199254740992 is too large"],
    ["integer of 2^63", integer, "9223372036854775808", 6, "9223372036854776000 is too large"],
    ["integer below -2^53", integer, "-9007199254740993", 6, "-9007199254740992 is too small"],
    ["parsed from a number", evenNumber, "4", 6, "expected a string, got 4"],
    ["parsed from a bad text", evenNumber, '"3"', 7, 'expected an even number, got "3"'],
    ["optionalParsed from a number", optionalEven, "4", 6, "expected a string, got 4"],
    ["optionalParsed from a bad text", optionalEven, '"3"', 7, 'expected an even number, got "3"'],
    ["array", array(string), '{"a":1}', 6, 'expected a list, got {"a":1}'],
    ["struct from a list", struct({}), "[1]", 6, "expected an object, got [1]"],
    ["struct from a string", struct({}), '"a"', 6, 'expected an object, got "a"'],
    ["required", required(evenNumber), '"3"', 7, 'expected an even number, got "3"'],
  ] as const satisfies readonly (readonly [string, Decoder<unknown>, string, number, string])[])(
    "%s",
    ([, decoder, text, code, problem]) => {
      expect(() => read<unknown>(decoder, text)).toThrow(new CniError(code, `thing: ${problem}`));
    },
  );
});

test("mapOf reads every member, and names the one that is wrong", () => {
  expect(read(mapOf(integer), '{"a":1,"A":2}')).toEqual(
    new Map([
      ["a", 1],
      ["A", 2],
    ]),
  );
  expect(() => read(mapOf(integer), '{"a":1,"b":"x"}')).toThrow(
    new CniError(6, 'thing: b: expected a whole number, got "x"'),
  );
  expect(() => read(mapOf(integer), "[]")).toThrow(new CniError(6, "thing: expected an object, got []"));
});

describe("objects in objects", () => {
  const nested = struct({
    ipam: struct({ type: string, ranges: array(string) }),
    list: array(struct({ name: string })),
  });

  test.for([
    [
      "of two spellings are read over each other",
      '{"ipam":{"type":"a"},"IPAM":{"ranges":["x"]}}',
      { ipam: { type: "a", ranges: ["x"] } },
    ],
    ["of two spellings, the later field wins", '{"ipam":{"type":"a"},"IPAM":{"TYPE":"b"}}', { ipam: { type: "b" } }],
    ["that are null are empty", '{"list":[null,{"name":"a"}]}', { list: [{}, { name: "a" }] }],
  ] as const)("%s", ([, text, value]) => {
    expect(read(nested, text)).toEqual(value);
  });
});

describe("struct", () => {
  const pair = struct({ name: string, count: integer });

  test.for([
    ["all fields", '{"name":"a","count":1}', { name: "a", count: 1 }],
    ["no fields", "{}", {}],
    ["null", "null", {}],
    ["keys in another case", '{"NAME":"a","Count":1}', { name: "a", count: 1 }],
    ["unknown keys", '{"nam":"x","name2":"y","name":"a"}', { name: "a" }],
    ["the later of two spellings, lower case last", '{"NAME":"a","name":"b"}', { name: "b" }],
    ["the later of two spellings, upper case last", '{"name":"a","NAME":"b"}', { name: "b" }],
    ["the later of two equal keys", '{"name":"a","name":"b"}', { name: "b" }],
    ["null is no value", '{"name":null}', {}],
    ["null does not take back a value", '{"name":"a","NAME":null}', { name: "a" }],
    ["a wrong value that a later one replaces", '{"count":"x","COUNT":1}', { count: 1 }],
  ] as const)("%s: %s", ([, text, value]) => {
    expect(read(pair, text)).toEqual(value);
  });

  test("a field that is not there is not in the object either", () => {
    expect(Object.keys(read(pair, '{"count":1,"name":null}'))).toEqual(["count"]);
  });

  test("field names are matched in any case, whatever the case they are declared in", () => {
    expect(read(struct({ "cni.dev/Attachments": string }), '{"CNI.dev/attachments":"a"}')).toEqual({
      "cni.dev/Attachments": "a",
    });
  });

  test.for([
    ["absent", "{}"],
    ["null", '{"name":null}'],
  ] as const)("a required field that is %s is code 7", ([, text]) => {
    expect(() => read(struct({ name: required(string) }), text)).toThrow(new CniError(7, "thing: name is missing"));
  });
});

describe("problems", () => {
  const deep = struct({
    ipam: struct({
      ranges: array(array(struct({ subnet: required(evenNumber), tags: array(string) }))),
    }),
    mtu: integer,
  });

  test.for([
    ["in a field", '{"mtu":"x"}', 6, 'mtu: expected a whole number, got "x"'],
    ["in a field of a field", '{"ipam":{"ranges":1}}', 6, "ipam.ranges: expected a list, got 1"],
    ["under the declared name, not the written one", '{"IPAM":{"Ranges":1}}', 6, "ipam.ranges: expected a list, got 1"],
    [
      "in lists of lists",
      '{"ipam":{"ranges":[[],[{"subnet":"2"},{"subnet":"3"}]]}}',
      7,
      'ipam.ranges[1][1].subnet: expected an even number, got "3"',
    ],
    ["of null in a list", '{"ipam":{"ranges":[null]}}', 6, "ipam.ranges[0]: expected a list, got null"],
    ["of a missing field", '{"ipam":{"ranges":[[{}]]}}', 7, "ipam.ranges[0][0].subnet is missing"],
  ] as const)("are named by their path: %s", ([, text, code, problem]) => {
    expect(() => read(deep, text)).toThrow(new CniError(code, `thing: ${problem}`));
  });

  test("are named by their path when the document is a list", () => {
    expect(() => read(array(string), '["a",1]')).toThrow(new CniError(6, "thing: [1]: expected a string, got 1"));
  });

  test("are all named", () => {
    const text = '{"mtu":"x","ipam":{"ranges":[[{"tags":[1,"a",2]}],[{"subnet":"3"}]]}}';
    const problems = [
      "ipam.ranges[0][0].subnet is missing",
      "ipam.ranges[0][0].tags[0]: expected a string, got 1",
      "ipam.ranges[0][0].tags[2]: expected a string, got 2",
      'ipam.ranges[1][0].subnet: expected an even number, got "3"',
      'mtu: expected a whole number, got "x"',
    ];
    expect(() => read(deep, text)).toThrow(new CniError(6, `thing: ${problems.join("; ")}`));
  });

  test("are code 7 when no type is wrong", () => {
    const text = '{"ipam":{"ranges":[[{}],[{"subnet":"3"}]]}}';
    const problems = 'ipam.ranges[0][0].subnet is missing; ipam.ranges[1][0].subnet: expected an even number, got "3"';
    expect(() => read(deep, text)).toThrow(new CniError(7, `thing: ${problems}`));
  });

  test("in a lenient field are not named", () => {
    const decoder = struct({ a: lenient(struct({ b: required(string) })), c: lenient(string), d: string });
    expect(read(decoder, '{"a":{},"c":1,"d":"x"}')).toEqual({ a: undefined, c: undefined, d: "x" });
  });

  test("beside a lenient field are", () => {
    const decoder = struct({ a: lenient(string), b: string });
    expect(() => read(decoder, '{"a":1,"b":2}')).toThrow(new CniError(6, "thing: b: expected a string, got 2"));
  });

  test("print an object as it was written, and cut", () => {
    const text = `{"mtu":{"a:b":"${"x".repeat(200)}"}}`;
    const message = `thing: mtu: expected a whole number, got {"a:b":"${"x".repeat(109)}...`;
    expect(() => read(deep, text)).toThrow(new CniError(6, message));
  });

  test("in a very deep value do not blow the stack", () => {
    const value = "[".repeat(100_000) + "]".repeat(100_000);
    const message = `thing: mtu: expected a whole number, got ${"[".repeat(117)}...`;
    expect(() => read(deep, `{"mtu":${value}}`)).toThrow(new CniError(6, message));
  });
});
