import { expect, test } from "vitest";
import { parseAcknowledgement, parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { acknowledgements } from "./captured.ts";
import { hex } from "./hex.ts";

const [ENOENT, EEXIST, ENETUNREACH] = [2, 17, 101];

const rows: {
  readonly name: keyof typeof acknowledgements;
  readonly what: string;
  readonly errno: number;
  readonly text?: string;
}[] = [
  { name: "success", what: "a request that was carried out", errno: 0 },
  { name: "withoutWords", what: "an error without words", errno: EEXIST },
  {
    name: "words",
    what: "an error with words behind the whole request",
    errno: ENETUNREACH,
    text: "Nexthop has invalid gateway",
  },
  {
    name: "cappedWords",
    what: "an error with words behind the request's header",
    errno: ENETUNREACH,
    text: "Nexthop has invalid gateway",
  },
  { name: "endOfDump", what: "the end of a dump", errno: 0 },
  {
    name: "failedDump",
    what: "the end of a dump that failed, with words",
    errno: ENOENT,
    text: "ipv4: FIB table does not exist",
  },
];

test.each(rows)("$what is read", ({ name, errno, text }) => {
  const [answer] = parseMessages(acknowledgements[name]);
  expect(answer && parseAcknowledgement(answer)).toEqual({ errno, text });
});

test("every captured acknowledgement has its row", () => {
  expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(acknowledgements).sort());
});

test("a number that is no error, which no kernel sends, is refused", () => {
  const [answer] = parseMessages(hex`14000000 0300 0000 01000000 00000000 46000000`);
  expect(() => answer && parseAcknowledgement(answer)).toThrow(/^netlink: /);
});
