import { expect, test } from "vitest";
import { addAddress, deleteAddress, listAddresses } from "../../../../src/kernel/netlink/address.ts";
import { cidr } from "../../../values.ts";
import { decode } from "./decoder.ts";
import { asSent, byCommand, DUMP_FLAGS, network, type Row, requestOf } from "./requests.ts";

const IFA_FLAGS = 8;
const at = { link: network.d0, linkName: "d0" };

const same: (Row & { readonly flags?: number })[] = [
  {
    command: "ip address add 10.2.0.5/24 brd + dev d0",
    theirs: "30000000140005067c93016b000000000218000003000000080002000a020005080001000a020005080004000a0200ff",
    ours: addAddress({ ...at, cidr: cidr("10.2.0.5/24") }),
  },
  {
    command: "ip address add 10.2.0.5/30 brd + dev d0",
    theirs: "30000000140005067c93016b00000000021e000003000000080002000a020005080001000a020005080004000a020007",
    ours: addAddress({ ...at, cidr: cidr("10.2.0.5/30") }),
  },
  {
    command: "ip address add 10.2.0.4/31 brd + dev d0",
    theirs: "28000000140005067c93016b00000000021f000003000000080002000a020004080001000a020004",
    ours: addAddress({ ...at, cidr: cidr("10.2.0.4/31") }),
  },
  {
    command: "ip address add 10.2.0.4/32 brd + dev d0",
    theirs: "28000000140005067c93016b000000000220000003000000080002000a020004080001000a020004",
    ours: addAddress({ ...at, cidr: cidr("10.2.0.4/32") }),
  },
  {
    command: "ip address add 2001:db8::5/64 dev d0",
    theirs:
      "40000000140005067c93016b000000000a400000030000001400020020010db80000000000000000000000051400010020010db8000000000000000000000005",
    ours: addAddress({ ...at, cidr: cidr("2001:db8::5/64") }),
  },
  {
    command: "ip address delete 10.1.0.5/24 dev d0",
    theirs: "28000000150005007c93016b000000000218000003000000080002000a010005080001000a010005",
    ours: deleteAddress({ ...at, cidr: cidr("10.1.0.5/24") }),
  },
  {
    command: "ip address delete fd00::5/64 dev d0",
    theirs:
      "40000000150005007c93016b000000000a4000000300000014000200fd00000000000000000000000000000514000100fd000000000000000000000000000005",
    ours: deleteAddress({ ...at, cidr: cidr("fd00::5/64") }),
  },
  {
    command: "ip address show dev d0 # the dump of addresses",
    theirs: "18000000160001037d93016b000000000000000003000000",
    ours: requestOf((socket) => listAddresses(socket, { index: network.d0, name: "d0" })),
    flags: DUMP_FLAGS,
  },
];

test.each(byCommand(same))("%s is byte for byte what iproute2 sends", (_, { ours, theirs, flags }) => {
  expect(asSent(ours, theirs, flags)).toBe(theirs);
});

// iproute2 writes the flags where the first version of the interface had them, and IFA_FLAGS only for those that need it
test.each(
  byCommand<Row>([
    {
      command: "ip address add 2001:db8::5/64 dev d0 nodad",
      theirs:
        "40000000140005067c93016b000000000a400200030000001400020020010db80000000000000000000000051400010020010db8000000000000000000000005",
      ours: addAddress({ ...at, cidr: cidr("2001:db8::5/64"), nodad: true }),
    },
  ]),
)("%s has the structure that iproute2 sends, but the flags in their attribute", (_, { ours, theirs }) => {
  const expected = decode(Buffer.from(theirs, "hex"), { fixed: 8 });
  expect(expected.fixed.slice(4, 6)).toBe("02");
  expect(decode(Buffer.from(asSent(ours, theirs), "hex"), { fixed: 8 })).toEqual({
    ...expected,
    fixed: `${expected.fixed.slice(0, 4)}00${expected.fixed.slice(6)}`,
    attributes: { ...expected.attributes, [IFA_FLAGS]: "02000000" },
  });
});
