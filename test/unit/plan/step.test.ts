import { expect, test } from "vitest";
import { inverse, type Step } from "../../../src/plan/step.ts";
import { mustCidr, mustMac } from "../net/must.ts";
import { chain, ruleSet } from "./examples.ts";

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
    { name: "leaves a MAC address", step: { do: "link.set", place, link, mac }, back: undefined },
  ],
  "port.set": [{ name: "goes with its link", step: { do: "port.set", place, link, hairpin: true }, back: undefined }],
  "address.add": [
    {
      name: "deletes the address",
      step: { do: "address.add", place, link, cidr, nodad: true, tolerate: ["EEXIST"] },
      back: { do: "address.delete", place, link, cidr, tolerate: ["ENODEV", "EADDRNOTAVAIL"] },
    },
  ],
  "address.delete": [{ name: "cannot", step: { do: "address.delete", place, link, cidr }, back: undefined }],
  "route.add": [
    { name: "goes with its link", step: { do: "route.add", place, link, dst: mustCidr("0.0.0.0/0") }, back: undefined },
  ],
  "sysctl.set": [
    {
      name: "stays, because others may rely on it",
      step: { do: "sysctl.set", place, key: "net/ipv4/ip_forward", value: "1" },
      back: undefined,
    },
  ],
  "link.await-up": [{ name: "changes nothing", step: { do: "link.await-up", place, link }, back: undefined }],
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
};

test.for(Object.values(examples).flat())("taking back $step.do $name", ({ step, back }) => {
  expect(inverse(step)).toStrictEqual(back);
});
