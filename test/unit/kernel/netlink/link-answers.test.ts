import { expect, test } from "vitest";
import { parseLink } from "../../../../src/kernel/netlink/link.ts";
import { parseMessages } from "../../../../src/kernel/netlink/message.ts";
import type { Link } from "../../../../src/plan/facts.ts";
import { mac } from "../../../values.ts";
import { links } from "./captured-links.ts";
import { vlans } from "./captured-vlans.ts";

const ethernet = {
  mtu: 1500,
  isUp: true,
  isOperational: true,
  master: undefined,
  alias: undefined,
  hairpin: false,
  isPromiscuous: false,
  isAllMulticast: false,
  txqlen: 1000,
  isIsolated: false,
};

const rows: { readonly name: keyof typeof links; readonly link: Link }[] = [
  {
    name: "loopback",
    link: {
      ...ethernet,
      index: 1,
      name: "lo",
      kind: undefined,
      mac: mac("00:00:00:00:00:00"),
      mtu: 65536,
      isUp: false,
      isOperational: false,
      peer: undefined,
    },
  },
  {
    name: "bridge",
    link: {
      ...ethernet,
      index: 4,
      name: "b0",
      kind: "bridge",
      vlanFiltering: false,
      mac: mac("02:00:00:00:00:03"),
      peer: undefined,
    },
  },
  {
    name: "port",
    link: {
      ...ethernet,
      index: 2,
      name: "d1",
      kind: "veth",
      mac: mac("02:00:00:00:00:02"),
      master: 4,
      peer: 3,
      alias: "net/c1/eth0",
      hairpin: true,
      isPromiscuous: false,
      isIsolated: false,
    },
  },
  {
    name: "veth",
    link: { ...ethernet, index: 3, name: "d0", kind: "veth", mac: mac("02:00:00:00:00:01"), peer: 2 },
  },
  {
    name: "macvlan",
    link: {
      ...ethernet,
      index: 5,
      name: "m0",
      kind: "macvlan",
      mac: mac("02:00:00:00:00:04"),
      isUp: false,
      isOperational: false,
      peer: 3,
      macvlan: { mode: "bridge", queueLength: 1000 },
    },
  },
];

test.each(rows)("a $name is read from the kernel's answer", ({ name, link }) => {
  const [answer] = parseMessages(links[name]);
  expect(answer && parseLink(answer)).toEqual(link);
});

test("a bridge that filters VLANs is read from the kernel's answer", () => {
  const [answer] = parseMessages(vlans.filteringBridge);
  expect(answer && parseLink(answer)).toMatchObject({ name: "b0", kind: "bridge", vlanFiltering: true });
});

test("every captured link has its row", () => {
  expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(links).sort());
});
