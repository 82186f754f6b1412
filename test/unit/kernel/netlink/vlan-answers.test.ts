import { expect, test } from "vitest";
import { type Message, message, parseMessages } from "../../../../src/kernel/netlink/message.ts";
import { parsePortVlans } from "../../../../src/kernel/netlink/vlan.ts";
import { vlans } from "./captured-vlans.ts";
import { hex } from "./hex.ts";

const tagged = (first: number, last = first) => ({ first, last, isPvid: false, isUntagged: false });
const pvid = (vid: number) => ({ first: vid, last: vid, isPvid: true, isUntagged: true });

test("the VLANs of a port and of the bridge itself are read from the kernel's answer", () => {
  expect(parseMessages(vlans.vlans).map(parsePortVlans)).toEqual([
    { port: 2, vlans: [pvid(100), tagged(101), tagged(200, 210)] },
    { port: 4, vlans: [pvid(1)] },
  ]);
});

/** A port with these attributes in IFLA_AF_SPEC. */
function answer(inside: Buffer): Message {
  const header = Buffer.alloc(16);
  header.writeInt32LE(9, 4);
  const specification = Buffer.from([4 + inside.length, 0, 26, 0]);
  const [parsed] = parseMessages(message(16, 0, [header, specification, inside]));
  if (parsed === undefined) throw new Error("no message");
  return parsed;
}

test("a port without VLANs has none", () => {
  expect(parsePortVlans(answer(hex``))).toEqual({ port: 9, vlans: [] });
});

test("other attributes between the VLANs are passed over", () => {
  const inside = hex`08000200 00000a00 08000300 ffffffff 08000200 00000b00`;
  expect(parsePortVlans(answer(inside)).vlans).toEqual([tagged(10), tagged(11)]);
});

const halfRange = "netlink: a range of VLANs with only one end";

test.each([
  ["a range without end", hex`08000200 08000a00`, halfRange],
  ["a range without end before another VLAN", hex`08000200 08000a00 08000200 00000b00`, halfRange],
  ["a range without begin", hex`08000200 10000a00`, halfRange],
  ["a begin in a range", hex`08000200 08000a00 08000200 08000b00 08000200 10000c00`, halfRange],
  ["a short VLAN", hex`06000200 0000 0000`, "netlink: 2 bytes are no VLAN of a bridge port"],
])("%s is refused", (_, inside, problem) => {
  expect(() => parsePortVlans(answer(inside))).toThrow(problem);
});
