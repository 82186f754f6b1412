import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostLocalIndex } from "../../../src/state/host-local-index.ts";
import type { IndexLine } from "../../../src/state/reservation.ts";

let directory: string;
let addresses: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dockbridge-index-"));
  addresses = join(directory, "n1");
  path = join(directory, ".dockbridge", "n1");
  mkdirSync(addresses);
});
afterEach(() => rmSync(directory, { recursive: true }));

const line = (name: string, containerId = "c1"): IndexLine => ({
  name,
  owner: { containerId, ifname: "eth0" },
  file: "1:2",
  netns: undefined,
});
const logged: string[] = [];
const open = () => new HostLocalIndex(path, addresses, (text) => logged.push(text));

function made(...lines: readonly IndexLine[]): HostLocalIndex {
  const index = open();
  index.replace(lines);
  index.stamp();
  return index;
}

describe("an index", () => {
  test("that is not there is not current, and empty", () => {
    expect(open().isCurrent()).toBe(false);
    expect(open().lines()).toEqual([]);
  });

  test("has the lines that were put there, also for the next who opens it", () => {
    const index = made(line("10.1.2.3"), line("10.1.2.4", "c2"));
    index.add(line("10.1.2.5", "c2"));
    for (const each of [index, open()]) {
      expect(each.lines()).toEqual([line("10.1.2.3"), line("10.1.2.4", "c2"), line("10.1.2.5", "c2")]);
      expect(each.ofName("10.1.2.4")).toEqual(line("10.1.2.4", "c2"));
      expect(each.ofContainer("c2")).toEqual([line("10.1.2.4", "c2"), line("10.1.2.5", "c2")]);
    }
  });

  test.for([["10.1.2.30"], ["0.1.2.3"], ["10.1.2."], ["c1"]] as const)(
    "does not take %s for an address of its lines",
    ([ip]) => {
      expect(made(line("10.1.2.3")).ofName(ip)).toBeUndefined();
    },
  );

  test.for([["eth0"], ["c"], ["10.1.2.3"], ["c1c"]] as const)(
    "does not take %s for a container of its lines",
    ([container]) => {
      expect(made(line("10.1.2.3")).ofContainer(container)).toEqual([]);
    },
  );

  test("removes every line of an address", () => {
    const index = made(line("10.1.2.3"), line("10.1.2.4"), line("10.1.2.3", "c2"));
    index.remove("10.1.2.3");
    for (const each of [index, open()]) expect(each.lines()).toEqual([line("10.1.2.4")]);
  });

  test("does not grow while addresses come and go", () => {
    const index = made(line("10.1.2.3"), line("10.1.2.4"));
    const { size } = statSync(path);
    for (let round = 0; round < 50; round++) {
      index.remove(round % 2 === 0 ? "10.1.2.3" : "10.1.2.4");
      index.add(line(round % 2 === 0 ? "10.1.2.3" : "10.1.2.4"));
    }
    expect(statSync(path).size).toBe(size);
    expect(open().lines()).toHaveLength(2);
  });

  test("puts a longer line where it has room, and not over its neighbour", () => {
    const index = made(line("10.1.2.3"), line("10.1.2.4"));
    index.remove("10.1.2.3");
    index.add(line("10.1.2.5", "c".repeat(60)));
    index.add(line("10.1.2.6", "c"));
    expect(open().lines()).toEqual([line("10.1.2.6", "c"), line("10.1.2.4"), line("10.1.2.5", "c".repeat(60))]);
  });

  test("with names of several bytes for a letter is found and removed", () => {
    const owner = { containerId: "c1", ifname: "сеть0" };
    const index = made({ ...line("10.1.2.3"), owner }, line("10.1.2.4", "c2"));
    expect(index.ofContainer("c1")).toEqual([{ ...line("10.1.2.3"), owner }]);
    index.remove("10.1.2.3");
    expect(open().lines()).toEqual([line("10.1.2.4", "c2")]);
  });

  test("goes on behind a line that was left half-written", () => {
    made(line("10.1.2.3"));
    appendFileSync(path, '\n["10.1.2.4","c');
    const index = open();
    index.add(line("10.1.2.5"));
    expect(open().lines()).toEqual([line("10.1.2.3"), line("10.1.2.5")]);
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(4);
  });

  test("that is damaged has the lines that can be read", () => {
    made(line("10.1.2.3"), line("10.1.2.4", "c2"));
    const bytes = readFileSync(path);
    bytes.fill(0, bytes.indexOf("10.1.2.3") - 3, bytes.indexOf("10.1.2.3") + 5);
    writeFileSync(path, bytes);
    expect(open().lines()).toEqual([line("10.1.2.4", "c2")]);
  });

  test.each([
    { what: "whose directory is a file", prepare: () => writeFileSync(join(directory, ".dockbridge"), "") },
    { what: "that is a directory", prepare: () => mkdirSync(path, { recursive: true }) },
  ])("$what does without it, and says so once", ({ prepare }) => {
    prepare();
    logged.length = 0;
    const index = made(line("10.1.2.3"));
    index.add(line("10.1.2.4", "c2"));
    index.remove("10.1.2.3");
    index.stamp();
    expect(index.lines()).toEqual([line("10.1.2.4", "c2")]);
    expect(logged).toEqual([expect.stringContaining(`going on without ${path}: `)]);
  });
});

describe("an index is current", () => {
  test("after it was stamped", () => {
    expect(made().isCurrent()).toBe(true);
    expect(open().isCurrent()).toBe(true);
  });

  const changes: readonly (readonly [string, () => void])[] = [
    ["a file is made", () => writeFileSync(join(addresses, "10.1.2.3"), "c1\r\neth0")],
    ["a file is made in the same second", () => writeFileSync(join(addresses, "10.1.2.3"), "")],
    ["a directory is made", () => mkdirSync(join(addresses, "more"))],
    ["the index is longer", () => appendFileSync(path, "x")],
    ["the index is shorter", () => truncateSync(path, statSync(path).size - 1)],
    [
      "there are zeros in it, as after a power failure",
      () => {
        const bytes = readFileSync(path);
        bytes.fill(0, bytes.length - 4);
        writeFileSync(path, bytes);
      },
    ],
    ["the index is gone", () => rmSync(path)],
    [
      "the directory is another one with the same time",
      () => {
        const { atimeMs, mtimeMs } = statSync(addresses);
        renameSync(addresses, `${addresses}-before`);
        mkdirSync(addresses);
        utimesSync(addresses, atimeMs / 1000, mtimeMs / 1000);
      },
    ],
    [
      "there was a boot since",
      () => writeFileSync(path, readFileSync(path, "utf8").replace(/[0-9a-f]{8}-/, "00000000-")),
    ],
  ];

  test("not the index of another directory", () => {
    made(line("10.1.2.3"));
    const other = join(directory, "n2");
    mkdirSync(other);
    const index = new HostLocalIndex(join(directory, ".dockbridge", "n2"), other, () => {});
    index.replace([]);
    index.stamp();
    copyFileSync(path, join(directory, ".dockbridge", "n2"));
    expect(new HostLocalIndex(join(directory, ".dockbridge", "n2"), other, () => {}).isCurrent()).toBe(false);
  });

  test.for(changes)("no longer when %s", ([, change]) => {
    made(line("10.1.2.3"));
    change();
    expect(open().isCurrent()).toBe(false);
  });
});
