import { describe, expect, test } from "vitest";
import { printPlan } from "../../../../src/plan/print.ts";
import type { Step } from "../../../../src/plan/step.ts";
import {
  masqueradeOwnerOf,
  planNftGc,
  planNftMasquerade,
  prepareSpoofCheck,
  withSpoofCheck,
} from "../../../../src/plugins/bridge/nft-plan.ts";
import { mustCidr, mustMac } from "../../net/must.ts";
import { networkOf } from "../configuration.ts";
import { attachment, plainConfig } from "./examples.ts";

const mac = mustMac("02:00:00:00:00:05");
const call = { ...attachment, network: { ...networkOf({}), name: "unit-test" } };

describe("prepareSpoofCheck", () => {
  test("leaves a network without it as it is, whatever the interface is called", () => {
    expect(prepareSpoofCheck(plainConfig, { ...attachment, ifname: "é" })).toEqual(plainConfig);
  });

  test("keeps the address that was asked for", () => {
    const config = { ...plainConfig, macspoofchk: true, mac };
    expect(prepareSpoofCheck(config, attachment)).toEqual(config);
  });

  test("gives an address where none was asked for, each time another one", () => {
    const config = { ...plainConfig, macspoofchk: true };
    const [one, two] = [prepareSpoofCheck(config, attachment).mac, prepareSpoofCheck(config, attachment).mac];
    expect(one).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    expect(two).not.toBe(one);
  });

  test("refuses an interface that cannot be in the name of a chain", () => {
    const config = { ...plainConfig, macspoofchk: true };
    expect(() => prepareSpoofCheck(config, { ...attachment, ifname: "e@0" })).toThrow('macspoofchk: "e@0" cannot be');
  });
});

describe("withSpoofCheck", () => {
  const checked = { ...plainConfig, macspoofchk: true, mac };
  const veth: Step = { do: "link.add-veth", host: { name: "veth1" }, container: { name: "eth0" } };
  const hostUp: Step = { do: "link.set", place: "host", link: "veth1", up: true };
  const containerUp: Step = { do: "link.set", place: "container", link: "eth0", up: true };
  const kinds = (steps: readonly Step[]) => steps.map((step) => step.do);

  test("is nothing in a network without it", () => {
    expect(withSpoofCheck(plainConfig, attachment, "veth1", [veth, containerUp])).toEqual([veth, containerUp]);
  });

  test("starts first, and is in force before the container's interface goes up", () => {
    const steps = withSpoofCheck(checked, attachment, "veth1", [veth, hostUp, containerUp]);
    expect(kinds(steps)).toEqual(["nft.add", "link.add-veth", "link.set", "rules.await", "link.set"]);
    expect(printPlan(steps)).toContain('iifname "veth1" jump cni-br-iface-c1-eth0 ');
    expect(printPlan(steps)).toContain("ether saddr 02:00:00:00:00:05 return");
  });

  test("waits for nothing when the interface stays down", () => {
    expect(kinds(withSpoofCheck(checked, attachment, "veth1", [veth]))).toEqual(["nft.add", "link.add-veth"]);
  });
});

describe("planNftMasquerade", () => {
  test("is nothing without addresses", () => {
    expect(planNftMasquerade(call, { ips: [], routes: [], gateways: [] })).toEqual([]);
  });

  test("is one step, whatever the number of addresses", () => {
    const ips = ["10.1.0.5/16", "10.2.0.5/16", "2001:db8::5/64"].map((text) => ({
      interface: 2,
      address: mustCidr(text),
    }));
    const steps = planNftMasquerade(call, { ips, routes: [], gateways: [] });
    expect(steps).toHaveLength(1);
    expect(printPlan(steps)).toMatch(/10\.1\.0\.5 .*\n.*10\.2\.0\.5 .*\n.*2001:db8::5 .*/);
    expect(printPlan(steps)).toContain(", net: unit-test, if: eth0, id: c1");
  });
});

test("GC spares whoever the runtime knows, and other networks", () => {
  const step = planNftGc({ verb: "GC", network: call.network, path: [], validAttachments: [attachment] });
  const { comment } = masqueradeOwnerOf(call);
  if (!("startsWith" in comment)) throw new Error("not a prefix");
  expect(step).toMatchObject({
    do: "nft.remove",
    owner: { shared: ["masq_checks"], comment: { startsWith: "6fd94d501e58f0aa", except: [comment.startsWith] } },
  });
});
