import { describe, expect, test } from "vitest";
import { parseMessages } from "../../../../src/kernel/netlink/message.ts";
import {
  addQdisc,
  addRedirect,
  deleteQdisc,
  findQdisc,
  listRedirects,
  parseQdisc,
  parseRedirects,
  setSources,
} from "../../../../src/kernel/netlink/traffic-control.ts";
import { type Mac, parseMac } from "../../../../src/net/mac.ts";
import { tokenBucket } from "../../../../src/net/token-bucket.ts";
import { qdiscs } from "./captured-qdiscs.ts";
import { asSent, requestOf } from "./requests.ts";

const link = { index: 2, name: "d1" };
const bucket = tokenBucket(8_000_000, 800_000);

describe("what is sent is what the Go plugin sends:", () => {
  test.each([
    [
      "a token bucket",
      addQdisc(link, { kind: "tbf", bucket }),
      "58000000240005060400000000000000000000000200000000000100ffffffff0000000008000100746266002c00020028000100000000000000000040420f0000000000000000000000000048e8010084d7170000000000",
    ],
    [
      "the queue for what comes in",
      addQdisc(link, { kind: "ingress" }),
      "34000000240005060b0000000000000000000000020000000000fffff1ffffff000000000c000100696e67726573730004000200",
    ],
  ])("%s", (_, ours, theirs) => {
    expect(asSent(ours, theirs)).toBe(theirs);
  });

  test("the filter, but for its second action, which is never reached", () => {
    const theirs =
      "c80000002c0005060c000000000000000000000002000000000000000000ffff0003010008000100753332009c00020024000500010001000000000000000000000000000000000000000000000000000000000008000100010001006c000700340001000b0001006d69727265640000240002002000020000000000000000000400000000000000000000000100000003000000340002000b0001006d69727265640000240002002000020000000000000000000000000000000000000000000100000003000000";
    const ours = addRedirect(link, { index: 3, name: "bwp1" });
    const lengths: readonly (readonly [string, string])[] = [
      ["c80000002c", "940000002c"],
      ["9c0002002400", "680002002400"],
      ["6c0007003400", "380007003400"],
    ];
    const first = theirs.slice(0, -0x34 * 2);
    const expected = lengths.reduce((text, [long, short]) => text.replace(long, short), first);
    expect(asSent(ours, theirs)).toBe(expected);
  });
});

test("the filter of sources is what tc sends for the same bytecode", () => {
  const { bytes } = setSources(link, [parseMac("02:00:03:02:01:00") as Mac]);
  expect(bytes.subarray(16).toString("hex")).toBe(
    "0000000002000000010000000000ffff00030100" +
      "080001006270660048000200" +
      "06000400060000003400050020000000080000001500000300010203280000000600000015000001000200000600000000000000060000000200000008000800" +
      "01000000",
  );
});

test("to delete a queue, its kind and handle need not be told, as tc does", () => {
  const { bytes } = deleteQdisc({ index: 3, name: "d0" }, "ingress");
  expect(bytes.subarray(16).toString("hex")).toBe("000000000300000000000000f1ffffff00000000");
});

test("a rate of more than 32 bits has an attribute of its own", () => {
  const { bytes } = addQdisc(link, { kind: "tbf", bucket: tokenBucket(40_000_000_000, 80_000_000) });
  expect(bytes.toString("hex")).toContain("0c00040000f2052a01000000");
});

describe("what the kernel answers is read:", () => {
  test("queues", () => {
    const { burst: _, ...settings } = bucket;
    expect(parseMessages(qdiscs.tbfAndIngress).map(parseQdisc)).toEqual([
      { kind: "tbf", handle: 0x1_0000, bucket: settings },
      { kind: "ingress", handle: 0xffff_0000, bucket: undefined },
    ]);
  });

  test("filters: two of the three are tables", () => {
    expect(parseMessages(qdiscs.filters).map(parseRedirects)).toEqual([[], [], [4]]);
  });
});

test("what is asked for is one queue, and the filters of one link", () => {
  const one = requestOf((socket) => findQdisc(socket, link, "root"));
  expect(one.bytes.subarray(16).toString("hex")).toBe("000000000200000000000000ffffffff00000000");
  const filters = requestOf((socket) => listRedirects(socket, link));
  expect(filters.bytes.subarray(16).toString("hex")).toBe("0000000002000000000000000000ffff00000000");
});
