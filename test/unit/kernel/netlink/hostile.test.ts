// What no kernel sends: the parsers read it, or throw an Error of ours. A RangeError or TypeError would mean that they had
// trusted a length.
import { describe, expect, test } from "vitest";
import { parseAddress } from "../../../../src/kernel/netlink/address.ts";
import { parseLink } from "../../../../src/kernel/netlink/link.ts";
import { type Message, parseAcknowledgement, parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { parseNeighbour } from "../../../../src/kernel/netlink/neighbour.ts";
import { parseNftRule } from "../../../../src/kernel/netlink/nftables.ts";
import { parseRoute } from "../../../../src/kernel/netlink/route.ts";
import { parseQdisc, parseRedirects } from "../../../../src/kernel/netlink/traffic-control.ts";
import { parsePortVlans } from "../../../../src/kernel/netlink/vlan.ts";
import { acknowledgements, objects } from "./captured.ts";
import { links } from "./captured-links.ts";
import { qdiscs } from "./captured-qdiscs.ts";
import { rules } from "./captured-rules.ts";
import { vlans } from "./captured-vlans.ts";

const captured = Object.entries({ ...links, ...vlans, ...objects, ...acknowledgements, ...rules, ...qdiscs });
/** By message type: RTM_NEWLINK, ... */
const parsers = new Map<number, (message: Message) => unknown>([
  [16, (message) => (message.payload[0] === AF_BRIDGE ? parsePortVlans(message) : parseLink(message))],
  [20, parseAddress],
  [24, parseRoute],
  [28, parseNeighbour],
  [36, parseQdisc],
  [44, parseRedirects],
  [(10 << 8) | 6, parseNftRule],
  [2, parseAcknowledgement],
  [3, parseAcknowledgement],
]);
const AF_BRIDGE = 7;
const ROUNDS = 20_000;

describe.each(captured)("%s", (_, datagram) => {
  test("cut off anywhere is refused, or is a datagram of fewer messages", () => {
    for (let length = 0; length < datagram.length; length++) read(datagram.subarray(0, length), `cut off at ${length}`);
    expect(() => parseMessages(datagram.subarray(0, datagram.length - 1))).toThrow(/^netlink: /);
  });

  test("with a payload cut off anywhere is read or refused", () => {
    for (const { payload, ...rest } of parseMessages(datagram)) {
      for (let length = 0; length < payload.length; length++) {
        interpret({ ...rest, payload: payload.subarray(0, length) }, `payload cut off at ${length}`);
      }
    }
    expect(parseMessages(datagram).length).toBeGreaterThan(0);
  });

  test(`with bytes changed at random is read or refused, ${ROUNDS} times`, () => {
    const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));
    const random = randomNumbers(seed);
    let readable = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = changed(datagram, random);
      readable += read(bytes, `SEED=${seed}, round ${round}: ${bytes.toString("hex")}`) ? 1 : 0;
    }
    // else the rounds would say nothing about the inner parts
    expect(readable, `SEED=${seed}`).toBeGreaterThan(ROUNDS / 20);
  });
});

test("any type is read with the parser of any other", () => {
  for (const [name, datagram] of captured) {
    for (const message of parseMessages(datagram)) {
      for (const type of parsers.keys()) interpret({ ...message, type }, `${name} as ${type}`);
    }
  }
  expect(captured.length).toBeGreaterThan(10);
});

/** Whether all of it could be read. Fails the test when an error is not one of ours. */
function read(datagram: Buffer, where: string): boolean {
  const messages = attempt(() => parseMessages(datagram), where);
  if (messages === undefined) return false;
  return messages.map((message) => interpret(message, where)).every((isReadable) => isReadable);
}

function interpret(message: Message, where: string): boolean {
  const parse = parsers.get(message.type);
  return attempt(() => ({ parsed: parse?.(message) }), where) !== undefined;
}

function attempt<T>(body: () => T, where: string): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && error.message.startsWith("netlink: "))
      return undefined;
    throw new Error(`${where}: ${String(error)}`, { cause: error });
  }
}

/** A copy with one to four bytes that are others, often small ones as lengths are. */
function changed(datagram: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(datagram);
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * (random() < 0.5 ? 256 : 16));
  }
  return bytes;
}

/** mulberry32 */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
