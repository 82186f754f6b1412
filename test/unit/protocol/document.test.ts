import { describe, expect, test } from "vitest";
import { membersOf, parseDocument, printDocument } from "../../../src/protocol/document.ts";
import { CniError } from "../../../src/protocol/error.ts";

const parse = (text: string) => parseDocument(text, "the text");
const refusal = (problem: string) => new CniError(6, `the text is not JSON: ${problem}`);

describe("membersOf", () => {
  test.for([
    ["no members", "{}", []],
    ["null is an object without members, as in Go", " null\n", []],
    ["members in the order of the text", '{"b":1,"a":2}', ["b=1", "a=2"]],
    ["keys that are numbers keep the order of the text", '{"2":1,"1":2,"a":3}', ["2=1", "1=2", "a=3"]],
    ["a key in two spellings", '{"a":1,"b":2,"A":3}', ["a=1", "b=2", "A=3"]],
    ["the same key twice", '{"a":1,"b":2,"a":3}', ["a=1", "b=2", "a=3"]],
    ["the name of a prototype", '{"__proto__":1,"constructor":2}', ["__proto__=1", "constructor=2"]],
    ["an empty key", '{"":1}', ["=1"]],
    ["space around the colon", '{"a"\t\r\n :\n1}', ["a=1"]],
    ["colons in a key", '{"a:b":1,":":2,"1:x":3}', ["a:b=1", ":=2", "1:x=3"]],
    ["colons in a string", String.raw`{"a":"x\":1,","b":"\"c\":"}`, ['a="x\\":1,"', 'b="\\"c\\":"']],
    ["a string that is a colon", '{"a":":","b":":"}', ['a=":"', 'b=":"']],
    ["an escaped quote in a key", String.raw`{"a\"b":1}`, ['a"b=1']],
    ["a backslash at the end of a string", String.raw`{"a":"\\","b":"x"}`, ['a="\\\\"', 'b="x"']],
    ["a backslash at the end of a key", String.raw`{"a\\":1,"b":2}`, ["a\\=1", "b=2"]],
    ["a letter written as an escape", String.raw`{"\u006eame":"\u0041"}`, ['name="A"']],
    ["characters beyond 16 bits", '{"😀":"😀"}', ['😀="😀"']],
  ] as const)("%s: %s", ([, text, members]) => {
    const found = membersOf(parse(text)) ?? [];
    expect(found.map(([key, value]) => `${key}=${JSON.stringify(value)}`)).toEqual(members);
  });

  test("of an object inside", () => {
    const [[, inner] = []] = membersOf(parse('{"a":{"b":1,"B":{"c":2}}}')) ?? [];
    expect(membersOf(inner)?.map(([key]) => key)).toEqual(["b", "B"]);
  });

  test.for([
    ["a list", '["a"]'],
    ["a string", '"a"'],
    ["a number", "1"],
    ["true", "true"],
  ] as const)("%s has none", ([, text]) => {
    expect(membersOf(parse(text))).toBeUndefined();
  });
});

describe("what is not JSON is refused with code 6", () => {
  test.for([
    ["nothing", "", "it is empty"],
    ["white space", " \n\t", "it is empty"],
    ["a missing value", '{"a":1,"b":}', `Unexpected token '}', "{"a":1,"b":}" is not valid JSON`],
    ["three braces", "{{{", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
    ["text after the object", "{} x", "Unexpected non-whitespace character after JSON at position 3 (line 1 column 4)"],
    ["an open string", '{"a":"b', "Unterminated string in JSON at position 7 (line 1 column 8)"],
    ["an open object", '{"a":1', "Expected ',' or '}' after property value in JSON at position 6 (line 1 column 7)"],
    ["a key in a list", '["a":1]', "Expected ',' or ']' after array element in JSON at position 4 (line 1 column 5)"],
    ["a byte order mark", "\ufeff{}", "Unexpected token '\ufeff', \"\ufeff{}\" is not valid JSON"],
  ] as const)("%s", ([, text, problem]) => {
    expect(() => parse(text)).toThrow(refusal(problem));
  });

  test.for([
    ["a comment", '{"a":1} // one'],
    ["a comma at the end", '{"a":1,}'],
    ["single quotes", "{'a':1}"],
    ["a newline in a string", '{"a":"\n"}'],
    ["an unknown escape", String.raw`{"\x":1}`],
    ["a space that JSON does not know before the colon", '{"a"\u00a0:1}'],
  ] as const)("%s", ([, text]) => {
    expect(() => parse(text)).toThrow(/^the text is not JSON: ./);
  });
});

describe("a big text is read", () => {
  const MEGABYTES = 10 * 1024 * 1024;

  test.for([
    ["one string", `{"a":"${"x".repeat(MEGABYTES)}"}`],
    ["one string of escapes", `{"a":"${"\\n".repeat(MEGABYTES / 2)}"}`],
    ["one string of letters and escapes", `{"a":"${"xyz\\n".repeat(MEGABYTES / 5)}"}`],
    ["one key", `{"${"x".repeat(MEGABYTES)}":1}`],
    ["many strings", `{"a":[${'"text",'.repeat(MEGABYTES / 7)}"text"]}`],
    ["white space behind a string", `{"a"${" ".repeat(MEGABYTES)}:1}`],
  ] as const)("%s", ([, text]) => {
    expect(membersOf(parse(text))).toHaveLength(1);
  });

  test.for([
    ["lists", `{"a":${"[".repeat(500_000)}${"]".repeat(500_000)}}`],
    ["objects", `${'{"a":'.repeat(500_000)}1${"}".repeat(500_000)}`],
  ] as const)("%s in each other", ([, text]) => {
    expect(membersOf(parse(text))).toHaveLength(1);
  });

  test("many members", () => {
    const members = Array.from({ length: 700_000 }, (_, i) => `"key${i}":1`);
    expect(membersOf(parse(`{${members.join(",")}}`))).toHaveLength(700_000);
  });
});

describe("printDocument", () => {
  test.for([
    ['{"a":{"b:c":[1,"x:y",null]},"A":true}', '{"a":{"b:c":[1,"x:y",null]},"A":true}'],
    ["[]", "[]"],
    ["[null]", "[null]"],
    ['"text"', '"text"'],
    ["1.50", "1.5"],
  ] as const)("%s", ([text, printed]) => {
    expect(printDocument(parse(text))).toBe(printed);
  });

  test("nothing is called so", () => {
    expect(printDocument(undefined)).toBe("nothing");
  });

  test("120 characters are printed whole", () => {
    const text = `"${"x".repeat(118)}"`;
    expect(printDocument(parse(text))).toBe(text);
  });

  test("more are cut", () => {
    expect(printDocument(parse(`"${"x".repeat(119)}"`))).toBe(`"${"x".repeat(116)}...`);
  });

  test("lists in lists do not blow the stack", () => {
    const depth = 100_000;
    expect(printDocument(parse("[".repeat(depth) + "]".repeat(depth)))).toBe(`${"[".repeat(117)}...`);
  });
});
