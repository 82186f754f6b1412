import { describe, expect, test } from "vitest";
import { CniError, messageOf, reportError } from "../../../src/protocol/error.ts";

function suppressed(cleanUp: unknown, block: unknown): SuppressedError {
  return new SuppressedError(cleanUp, block, "two failures");
}

describe("reportError", () => {
  const broken = new Error("broken");
  const deep = new Error("outer", { cause: new Error("inner", { cause: new Error("innermost") }) });

  test.for([
    ["a CniError", new CniError(7, "bad"), { code: 7, msg: "bad" }],
    ["a CniError with details", new CniError(7, "bad", { details: "why" }), { code: 7, msg: "bad", details: "why" }],
    ["empty details are left out", new CniError(7, "bad", { details: "" }), { code: 7, msg: "bad" }],
    ["code 0", new CniError(0, "unknown"), { code: 0, msg: "unknown" }],
    ["a CniError with a cause", new CniError(7, "bad", { cause: broken }), { code: 7, msg: "bad", details: "broken" }],
    [
      "details beat causes",
      new CniError(7, "bad", { details: "why", cause: broken }),
      { code: 7, msg: "bad", details: "why" },
    ],
    ["a cause that is no error", new CniError(7, "bad", { cause: "text" }), { code: 7, msg: "bad", details: "text" }],
    ["another error", broken, { code: 999, msg: "broken" }],
    ["its causes", deep, { code: 999, msg: "outer", details: "inner: innermost" }],
    ["a thrown string", "text", { code: 999, msg: "text" }],
    ["thrown undefined", undefined, { code: 999, msg: "undefined" }],
    ["the block fails before its clean-up", suppressed(broken, new CniError(7, "bad")), { code: 7, msg: "bad" }],
    [
      "two clean-ups fail after the block",
      suppressed(new Error("second"), suppressed(broken, new CniError(7, "bad"))),
      { code: 7, msg: "bad" },
    ],
  ] as const)("%s", ([, thrown, report]) => {
    expect(reportError(thrown)).toStrictEqual(report);
  });

  test("tells the failure of a using block, not of its clean-up", () => {
    function work(): void {
      using _resource = {
        [Symbol.dispose]: () => {
          throw new Error("clean-up");
        },
      };
      throw new CniError(11, "work");
    }
    let thrown: unknown;
    try {
      work();
    } catch (error) {
      thrown = error;
    }
    expect(reportError(thrown)).toEqual({ code: 11, msg: "work" });
  });
});

test("messageOf", () => {
  expect([new Error("a"), "b", 3].map(messageOf)).toEqual(["a", "b", "3"]);
});
