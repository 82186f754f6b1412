import { expect, test } from "vitest";
import { printJson } from "../../../src/protocol/json.ts";

test("four spaces a level, one element a line, no newline at the end", () => {
  expect(printJson({ a: { b: ["x", 1] }, c: [], d: {} })).toBe(`{
    "a": {
        "b": [
            "x",
            1
        ]
    },
    "c": [],
    "d": {}
}`);
});

test.for([
  ["<", String.raw`\u003c`],
  [">", String.raw`\u003e`],
  ["&", String.raw`\u0026`],
  ["\u2028", String.raw`\u2028`],
  ["\u2029", String.raw`\u2029`],
  ["\u0001", String.raw`\u0001`],
  ["\n", String.raw`\n`],
  ['"', String.raw`\"`],
  ["\\", String.raw`\\`],
  ["\\u003c", String.raw`\\u003c`],
  ["é/'", "é/'"],
] as const)("%j is printed as %s, in a value and in a key", ([text, printed]) => {
  expect(printJson({ [text]: text })).toBe(`{\n    "${printed}": "${printed}"\n}`);
});

test("what is undefined is left out", () => {
  expect(printJson({ a: undefined, b: 1 })).toBe('{\n    "b": 1\n}');
});
