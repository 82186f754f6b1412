import { describe, expect, test } from "vitest";
import { printPlan } from "../../../../src/plan/print.ts";
import { inverse } from "../../../../src/plan/step.ts";
import type { TuningConfig } from "../../../../src/plugins/tuning/config.ts";
import { beforeOf, planAdd, planRestore, tunedResult } from "../../../../src/plugins/tuning/plan.ts";
import { emptyResult } from "../../../../src/protocol/result.ts";
import { mac } from "../../../values.ts";
import { containerLink as link } from "../bridge/examples.ts";

const config: TuningConfig = {
  dataDir: "/run/cni/tuning",
  sysctls: [
    { name: "net.ipv4.x", key: "net/ipv4/x", value: "1" },
    { name: "net.ipv4.y", key: "net/ipv4/y", value: "2" },
  ],
  link: { mac: mac("02:00:00:00:00:99"), mtu: 1400, promisc: true },
};
const facts = {
  link: { ...link, name: "eth0", mac: mac("02:00:00:00:00:01"), mtu: 1500 },
  sysctls: new Map([
    ["net/ipv4/x", "0"],
    ["net/ipv4/y", "9"],
  ]),
  unreadable: new Map(),
};

describe("an ADD", () => {
  const before = beforeOf(config, facts);
  const steps = planAdd(config, "eth0", before);

  test("sets one after the other", () => {
    expect(printPlan(steps)).toBe(`nsenter --net=container sysctl -w net/ipv4/x=1
nsenter --net=container sysctl -w net/ipv4/y=2
nsenter --net=container ip link set eth0 address 02:00:00:00:00:99
nsenter --net=container ip link set eth0 mtu 1400
nsenter --net=container ip link set eth0 promisc on
`);
  });

  test("is taken back in the other order, by itself or by DEL", () => {
    const back = steps.toReversed().map((step) => inverse(step));
    expect(back).not.toContain(undefined);
    const taken = printPlan(back.flatMap((step) => step ?? []));
    expect(taken).toBe(`nsenter --net=container ip link set eth0 promisc off
nsenter --net=container ip link set eth0 mtu 1500
nsenter --net=container ip link set eth0 address 02:00:00:00:00:01
nsenter --net=container sysctl -w net/ipv4/y=9
nsenter --net=container sysctl -w net/ipv4/x=0
`);
    expect(printPlan(planRestore(before, "eth0"))).toBe(taken);
  });
});

describe("the result", () => {
  const inside = { name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" };

  test("has the MAC address of the container's interface, and not of one of the host with its name", () => {
    const { interfaces } = tunedResult({ ...emptyResult, interfaces: [{ name: "eth0" }, inside] }, config, "eth0");
    expect(interfaces).toEqual([{ name: "eth0" }, { ...inside, mac: "02:00:00:00:00:99" }]);
  });

  test("has it also where the plugin before named no namespace", () => {
    const { interfaces } = tunedResult(
      { ...emptyResult, interfaces: [{ name: "eth0" }, { name: "b0" }] },
      config,
      "eth0",
    );
    expect(interfaces).toEqual([{ name: "eth0", mac: "02:00:00:00:00:99" }, { name: "b0" }]);
  });

  test("is what came in when there is no MAC address to set", () => {
    const result = { ...emptyResult, interfaces: [inside] };
    expect(tunedResult(result, { ...config, link: {} }, "eth0")).toBe(result);
  });
});
