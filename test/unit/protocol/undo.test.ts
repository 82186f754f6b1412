import { expect, test } from "vitest";
import { Undo } from "../../../src/protocol/undo.ts";

async function scope(body: (undo: Undo, done: string[]) => void | Promise<void>): Promise<string[]> {
  const done: string[] = [];
  {
    await using undo = new Undo((line) => done.push(`log: ${line}`));
    await body(undo, done);
  }
  return done;
}

test("the end of the scope runs the actions, newest first", async () => {
  const done = await scope((undo, done) => {
    undo.defer("a", () => void done.push("a"));
    undo.defer("b", () => void done.push("b"));
    done.push("work");
  });
  expect(done).toEqual(["work", "b", "a"]);
});

test("an action is waited for before the next one", async () => {
  const done = await scope((undo, done) => {
    undo.defer("a", () => void done.push("a"));
    undo.defer("b", async () => {
      done.push("b starts");
      await Promise.resolve();
      done.push("b ends");
    });
  });
  expect(done).toEqual(["b starts", "b ends", "a"]);
});

test("what is kept is not undone", async () => {
  const done = await scope((undo, done) => {
    undo.defer("a", () => void done.push("a"));
    undo.keep();
  });
  expect(done).toEqual([]);
});

test("what comes after keep is", async () => {
  const done = await scope((undo, done) => {
    undo.defer("a", () => void done.push("a"));
    undo.keep();
    undo.defer("b", () => void done.push("b"));
  });
  expect(done).toEqual(["b"]);
});

test("an action that fails is reported, and the others run", async () => {
  const done = await scope((undo, done) => {
    undo.defer("remove a", () => void done.push("a"));
    undo.defer("remove b", () => {
      throw new Error("busy");
    });
    undo.defer("remove c", async () => {
      throw new Error("gone");
    });
  });
  expect(done).toEqual(["log: could not remove c: gone", "log: could not remove b: busy", "a"]);
});

test("an action may defer another", async () => {
  const done = await scope((undo, done) => {
    undo.defer("a", () => void done.push("a"));
    undo.defer("b", () => undo.defer("c", () => void done.push("c")));
  });
  expect(done).toEqual(["c", "a"]);
});

test("a failure of the scope goes on after the actions", async () => {
  const done: string[] = [];
  const failing = scope((undo) => {
    undo.defer("a", () => void done.push("a"));
    throw new Error("work failed");
  });
  await expect(failing).rejects.toThrow(new Error("work failed"));
  expect(done).toEqual(["a"]);
});
