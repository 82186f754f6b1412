import { expect, test } from "vitest";
import { tokenBucket } from "../../../src/net/token-bucket.ts";
import { inverse, type Step } from "../../../src/plan/step.ts";
import { mustCidr, mustMac } from "../net/must.ts";
import { chain, nftRules, ruleSet } from "./examples.ts";

interface Example {
  readonly name: string;
  readonly step: Step;
  readonly back: Step | undefined;
}

const cidr = mustCidr("10.1.0.1/16");
const mac = mustMac("02:00:00:00:00:01");
const place = "container";
const link = "eth0";

/** A new kind of step has to say here how it is taken back. */
const examples: Readonly<Record<Step["do"], readonly Example[]>> = {
  "link.add-bridge": [
    {
      name: "deletes the bridge",
      step: { do: "link.add-bridge", place: "host", bridge: { name: "cni0", mtu: 1400, mac }, tolerate: ["EEXIST"] },
      back: { do: "link.delete", place: "host", link: "cni0", tolerate: ["ENODEV"] },
    },
  ],
  "link.add-veth": [
    {
      name: "deletes the end on the host, and so both",
      step: { do: "link.add-veth", host: { name: "veth1" }, container: { name: "eth0" } },
      back: { do: "link.delete", place: "host", link: "veth1", tolerate: ["ENODEV"] },
    },
  ],
  "link.add-veth-here": [
    {
      name: "deletes the end, and so both",
      step: { do: "link.add-veth-here", place, end: { name: "cni0.100" }, peer: { name: "veth1" } },
      back: { do: "link.delete", place, link: "cni0.100", tolerate: ["ENODEV"] },
    },
  ],
  "link.add-ifb": [
    {
      name: "deletes it",
      step: { do: "link.add-ifb", place: "host", ifb: { name: "bwp1" } },
      back: { do: "link.delete", place: "host", link: "bwp1", tolerate: ["ENODEV"] },
    },
  ],
  "qdisc.add": [
    {
      name: "deletes the queue for what is sent",
      step: { do: "qdisc.add", place: "host", link, qdisc: { kind: "tbf", bucket: tokenBucket(80, 80) } },
      back: { do: "qdisc.delete", place: "host", link, at: "root", tolerate: ["ENODEV", "ENOENT", "EINVAL"] },
    },
    {
      name: "deletes the one for what is received",
      step: { do: "qdisc.add", place, link, qdisc: { kind: "ingress" } },
      back: { do: "qdisc.delete", place, link, at: "ingress", tolerate: ["ENODEV", "ENOENT", "EINVAL"] },
    },
  ],
  "qdisc.delete": [{ name: "cannot", step: { do: "qdisc.delete", place, link, at: "root" }, back: undefined }],
  "filter.sources": [
    { name: "goes with its qdisc", step: { do: "filter.sources", place, link, macs: [] }, back: undefined },
  ],
  "filter.redirect": [
    { name: "goes with its qdisc", step: { do: "filter.redirect", place, link, to: "bwp1" }, back: undefined },
  ],
  "link.add-macvlan": [
    {
      name: "deletes the macvlan where it is",
      step: {
        do: "link.add-macvlan",
        place,
        macvlan: { name: "eth0", mode: "bridge" },
        parent: { place: "host", link: "lan0" },
      },
      back: { do: "link.delete", place, link: "eth0", tolerate: ["ENODEV"] },
    },
  ],
  "link.add-vlan": [
    {
      name: "deletes the VLAN",
      step: { do: "link.add-vlan", place: "host", vlan: { name: "lan0.10", id: 10 }, parent: "lan0" },
      back: { do: "link.delete", place: "host", link: "lan0.10", tolerate: ["ENODEV"] },
    },
  ],
  "link.add-dummy": [
    {
      name: "deletes the dummy",
      step: { do: "link.add-dummy", place: "host", dummy: { name: "dm-0123456789ab" } },
      back: { do: "link.delete", place: "host", link: "dm-0123456789ab", tolerate: ["ENODEV"] },
    },
  ],
  "link.delete": [{ name: "cannot", step: { do: "link.delete", place, link }, back: undefined }],
  "link.set": [
    {
      name: "takes the link down",
      step: { do: "link.set", place, link, up: true },
      back: { do: "link.set", place, link, up: false, tolerate: ["ENODEV"] },
    },
    {
      name: "only takes the link down, whatever else was set",
      step: { do: "link.set", place: "host", link, up: true, mac, master: "cni0", alias: "n1/c1/eth0" },
      back: { do: "link.set", place: "host", link, up: false, tolerate: ["ENODEV"] },
    },
    { name: "does not take a link up", step: { do: "link.set", place, link, up: false }, back: undefined },
    {
      name: "sets what was set before",
      step: { do: "link.set", place, link, mtu: 1400, before: { mtu: 1500 } },
      back: { do: "link.set", place, link, mtu: 1500, tolerate: ["ENODEV"] },
    },
    { name: "leaves a MAC address", step: { do: "link.set", place, link, mac }, back: undefined },
  ],
  "port.set": [{ name: "goes with its link", step: { do: "port.set", place, link, hairpin: true }, back: undefined }],
  "vlan.add": [
    {
      name: "goes with the port",
      step: { do: "vlan.add", place, link, vlans: [{ first: 10, last: 10, isPvid: true, isUntagged: true }] },
      back: undefined,
    },
  ],
  "vlan.delete": [
    { name: "cannot", step: { do: "vlan.delete", place, link, vlans: [{ first: 1, last: 4094 }] }, back: undefined },
  ],
  "address.add": [
    {
      name: "deletes the address",
      step: { do: "address.add", place, link, cidr, nodad: true, tolerate: ["EEXIST"] },
      back: { do: "address.delete", place, link, cidr, tolerate: ["ENODEV", "EADDRNOTAVAIL"] },
    },
  ],
  "address.delete": [
    {
      name: "adds it again",
      step: { do: "address.delete", place, link, cidr },
      back: { do: "address.add", place, link, cidr, tolerate: ["ENODEV", "EEXIST"] },
    },
  ],
  "route.add": [
    { name: "goes with its link", step: { do: "route.add", place, link, dst: mustCidr("0.0.0.0/0") }, back: undefined },
  ],
  "route.delete": [{ name: "cannot", step: { do: "route.delete", place, link, dst: cidr }, back: undefined }],
  "neighbour.set": [
    { name: "goes with its link", step: { do: "neighbour.set", place, link, ip: cidr.ip, mac }, back: undefined },
  ],
  "neighbour.delete": [{ name: "cannot", step: { do: "neighbour.delete", place, link, ip: cidr.ip }, back: undefined }],
  "sysctl.set": [
    {
      name: "sets what was set before, where that is known",
      step: { do: "sysctl.set", place, key: "net/ipv4/ip_forward", value: "1", before: "0" },
      back: { do: "sysctl.set", place, key: "net/ipv4/ip_forward", value: "0" },
    },
    {
      name: "stays, because others may rely on it",
      step: { do: "sysctl.set", place, key: "net/ipv4/ip_forward", value: "1" },
      back: undefined,
    },
  ],
  "link.await-up": [{ name: "changes nothing", step: { do: "link.await-up", place, link }, back: undefined }],
  "address.announce": [
    {
      name: "cannot",
      step: { do: "address.announce", place, link, ip: cidr.ip, mac },
      back: undefined,
    },
  ],
  "address.await-dad": [{ name: "changes nothing", step: { do: "address.await-dad", place, link }, back: undefined }],
  "rules.add": [{ name: "removes the rules", step: { do: "rules.add", chain }, back: { do: "rules.remove", chain } }],
  "rules.ensure": [
    {
      name: "removes its own rules",
      step: { do: "rules.ensure", rules: ruleSet },
      back: { do: "rules.release", family: 4, rules: ruleSet.own },
    },
    { name: "leaves what stands", step: { do: "rules.ensure", rules: { ...ruleSet, own: [] } }, back: undefined },
  ],
  "rules.release": [{ name: "cannot", step: { do: "rules.release", family: 4, rules: ruleSet.own }, back: undefined }],
  "rules.remove": [{ name: "cannot", step: { do: "rules.remove", chain }, back: undefined }],
  "nft.add": [
    {
      name: "removes whatever its owner has",
      step: { do: "nft.add", rules: nftRules },
      back: { do: "nft.remove", owner: nftRules.owner },
    },
  ],
  "nft.remove": [{ name: "cannot", step: { do: "nft.remove", owner: nftRules.owner }, back: undefined }],
  "rules.await": [{ name: "changes nothing", step: { do: "rules.await" }, back: undefined }],
};

test.for(Object.values(examples).flat())("taking back $step.do $name", ({ step, back }) => {
  expect(inverse(step)).toStrictEqual(back);
});
