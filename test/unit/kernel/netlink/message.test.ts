import { describe, expect, test } from "vitest";
import { parseAddress } from "../../../../src/kernel/netlink/address.ts";
import {
  attribute,
  fixedPart,
  message,
  nested,
  parseAcknowledgement,
  parseAttributes,
  parseMessages,
  readNested,
  readText,
  readU8,
  readU32,
  setSequence,
  text,
  u8,
  u16,
  u32,
} from "../../../../src/kernel/netlink/message.ts";
import { acknowledgements, objects } from "./captured.ts";
import { hex } from "./hex.ts";

describe("a message", () => {
  test("has its length, type, flags and body, and a place for its sequence number", () => {
    const bytes = message(0x1210, 0x605, [hex`01020304`, hex`05060708`]);
    setSequence(bytes, 0x0a0b0c0d);
    expect(bytes).toEqual(hex`18000000 1012 0506 0d0c0b0a 00000000 01020304 05060708`);
  });

  test("comes back as it was", () => {
    const bytes = message(24, 0x400, [hex`01020304`]);
    setSequence(bytes, 7);
    expect(parseMessages(bytes)).toEqual([{ type: 24, flags: 0x400, sequence: 7, payload: hex`01020304` }]);
  });
});

describe("a datagram", () => {
  test("may have several messages, each with its own payload", () => {
    expect(parseMessages(objects.ipv4Routes).map(({ payload }) => payload.length)).toEqual([36, 44, 44, 64]);
    expect(parseMessages(objects.ipv4Neighbours).map(({ type }) => type)).toEqual([28, 28, 28, 3]);
  });

  test("may have objects and what ends them behind each other", () => {
    const messages = parseMessages(Buffer.concat([objects.addresses, acknowledgements.endOfDump]));
    expect(messages.map(({ type }) => type)).toEqual([20, 20, 20, 20, 3]);
    expect(messages.slice(0, 4).map((each) => parseAddress(each).cidr.prefix)).toEqual([24, 32, 64, 64]);
  });

  test("has padding between messages of odd lengths, and may lack it behind the last", () => {
    const odd = hex`11000000 0200 0000 00000000 00000000 aa`;
    const messages = parseMessages(Buffer.concat([odd, hex`000000`, odd]));
    expect(messages.map(({ payload }) => payload)).toEqual([hex`aa`, hex`aa`]);
  });

  test("without bytes has no messages", () => {
    expect(parseMessages(Buffer.alloc(0))).toEqual([]);
  });

  test.each([
    ["shorter than a header", hex`10000000 0200 0000 00000000 000000`],
    ["with a message shorter than its header", hex`0f000000 0200 0000 00000000 00000000`],
    ["with a message of no length", hex`00000000 0200 0000 00000000 00000000`],
    ["with a message that ends outside", hex`14000000 0200 0000 00000000 00000000`],
    ["with a message of 4 GiB", hex`ffffffff 0200 0000 00000000 00000000`],
    ["with three bytes behind the last message", hex`10000000 0200 0000 00000000 00000000 000000`],
  ])("%s is refused", (_, datagram) => {
    expect(() => parseMessages(datagram)).toThrow(/^netlink: /);
  });
});

describe("an attribute", () => {
  test.each([
    ["one byte", u8(4, 1), hex`0500 0400 01000000`],
    ["two bytes", u16(4, 0x1234), hex`0600 0400 34120000`],
    ["four bytes", u32(4, 0xfedcba98), hex`0800 0400 98badcfe`],
    ["a text", text(3, "b0"), hex`0700 0300 62300000`],
    ["a text of three letters", text(3, "eth"), hex`0800 0300 65746800`],
    ["a text beyond ASCII", text(3, "ü"), hex`0700 0300 c3bc0000`],
    ["nothing", attribute(3, Buffer.alloc(0)), hex`0400 0300`],
    ["other attributes", nested(18, [u8(4, 1)]), hex`0c00 1280 0500 0400 01000000`],
  ])("of %s is written with its length and padded", (_, bytes, expected) => {
    expect(bytes).toEqual(expected);
  });

  test("comes back as it was", () => {
    const attributes = parseAttributes(
      Buffer.concat([u8(1, 255), u16(2, 0xffff), u32(3, 0xffffffff), text(4, "väth"), nested(5, [text(1, "inner")])]),
    );
    expect(readU8(attributes, 1)).toBe(255);
    expect(attributes.get(2)).toEqual(hex`ffff`);
    expect(readU32(attributes, 3)).toBe(0xffffffff);
    expect(readText(attributes, 4)).toBe("väth");
    expect(readText(readNested(attributes, 5), 1)).toBe("inner");
  });

  test("that is not there is undefined", () => {
    const none = parseAttributes(Buffer.alloc(0));
    expect([readU8(none, 1), readU32(none, 1), readText(none, 1), readNested(none, 1).size]).toEqual([
      undefined,
      undefined,
      undefined,
      0,
    ]);
  });

  test("shorter than the number it should be is undefined", () => {
    const short = parseAttributes(Buffer.concat([attribute(1, Buffer.alloc(0)), attribute(2, hex`010203`)]));
    expect([readU8(short, 1), readU32(short, 2)]).toEqual([undefined, undefined]);
  });

  test("counts once, and then the later one, as in the kernel", () => {
    expect(readU32(parseAttributes(Buffer.concat([u32(7, 1), u32(7, 2)])), 7)).toBe(2);
  });

  test("is known by its type without the flags for nesting and byte order", () => {
    expect([...parseAttributes(hex`0800 07c0 01000000`).keys()]).toEqual([7]);
  });

  test("may lack its padding when it is the last", () => {
    expect(readU8(parseAttributes(hex`0500 0400 01`), 4)).toBe(1);
  });

  test("of a text without a closing zero is the whole text", () => {
    expect(readText(parseAttributes(hex`0600 0300 62300000`), 3)).toBe("b0");
  });

  test.each([
    ["shorter than its header", hex`0300 0400 01000000`],
    ["of no length", hex`0000 0400 01000000`],
    ["that ends outside", hex`0900 0400 01000000`],
  ])("%s is refused", (_, bytes) => {
    expect(() => parseAttributes(bytes)).toThrow(/^netlink: /);
  });
});

test("a payload shorter than its fixed part is refused", () => {
  expect(() => fixedPart(Buffer.alloc(15), 16)).toThrow("netlink: 15 bytes where 16 are the least");
});

test.each([
  ["without an error number", { flags: 0, payload: hex`000000` }],
  ["that says it has words but not even the request's header", { flags: 0x200, payload: hex`ffffffff 10000000` }],
])("an acknowledgement %s is refused", (_, broken) => {
  expect(() => parseAcknowledgement({ type: 2, sequence: 1, ...broken })).toThrow(/^netlink: /);
});
