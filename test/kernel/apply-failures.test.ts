import { beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../src/kernel/apply.ts";
import { Places } from "../../src/kernel/places.ts";
import type { Step } from "../../src/plan/step.ts";
import { cidr } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

beforeAll(leaveTheMachine);

const BRIDGE = "ip link add b0 up type bridge";
const addBridge = (name: string, more: { tolerate?: readonly string[] } = {}): Step => ({
  do: "link.add-bridge",
  place: "host",
  bridge: { name },
  ...more,
});

describe("an error that a step tolerates", () => {
  test("is no error, and nothing is recorded for it", async () => {
    await using run = await PlanRun.open(BRIDGE);
    await run.apply(addBridge("b0", { tolerate: ["EEXIST"] }), addBridge("b1"));
    expect(run.recorded).toMatchObject([{ do: "link.delete", link: "b1" }]);
  });

  test("is only the one it names", async () => {
    await using run = await PlanRun.open(BRIDGE);
    await expect(run.apply(addBridge("b0", { tolerate: ["ENODEV", "EBUSY"] }))).rejects.toThrow("add link b0: EEXIST");
  });

  // each is the inverse of something, of which somebody else may take the link away in the meantime
  test.each<Step>([
    { do: "link.delete", place: "host", link: "b9", tolerate: ["ENODEV"] },
    { do: "link.set", place: "host", link: "b9", up: false, tolerate: ["ENODEV"] },
    {
      do: "address.delete",
      place: "host",
      link: "b9",
      cidr: cidr("10.1.0.1/24"),
      tolerate: ["ENODEV", "EADDRNOTAVAIL"],
    },
  ])("may be that its link is not there: $do", async (step) => {
    await using run = await PlanRun.open();
    await run.apply(step, addBridge("b1"));
    expect(run.places.findLink("host", "b1")).toBeDefined();
  });

  test("lets everything be taken back twice", async () => {
    await using run = await PlanRun.open("ip link add b0 type bridge");
    await run.apply(
      { do: "link.set", place: "host", link: "b0", up: true },
      { do: "address.add", place: "host", link: "b0", cidr: cidr("10.1.0.1/24") },
      addBridge("b1"),
      { do: "link.add-veth", host: { name: "v0" }, container: { name: "eth0" } },
    );
    const inverses = [...run.recorded];
    expect(inverses).toHaveLength(4);
    await run.undo();
    for (const step of inverses) await run.apply(step);
    expect(sh("ip -brief link show up | grep -v ^lo || true")).toBe("");
  });
});

describe("a step that fails", () => {
  test("ends the plan with its error", async () => {
    await using run = await PlanRun.open(BRIDGE);
    const steps: Step[] = [
      addBridge("b1"),
      addBridge("b0"),
      { do: "sysctl.set", place: "host", key: "net/ipv4/ip_default_ttl", value: "77" },
      addBridge("b2"),
    ];
    await expect(run.apply(...steps)).rejects.toThrow("add link b0: EEXIST: file already exists");
    expect(sh("cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("64");
    expect(run.places.findLink("host", "b2")).toBeUndefined();
  });

  test("does not keep from being recorded what was done before, and behind it in the same datagram", async () => {
    await using run = await PlanRun.open(BRIDGE);
    await expect(run.apply(addBridge("b1"), addBridge("b0"), addBridge("b2"))).rejects.toThrow("EEXIST");
    expect(run.recorded.map((step) => ("link" in step ? step.link : undefined))).toEqual(["b1", "b2"]);
    await run.undo();
    expect(sh("ip -brief link show type bridge | wc -l")).toBe("1");
  });

  test("is the first of several in one datagram", async () => {
    await using run = await PlanRun.open(BRIDGE);
    const steps: Step[] = [addBridge("b0"), { do: "link.delete", place: "host", link: "b9" }];
    await expect(run.apply(...steps)).rejects.toThrow("add link b0: EEXIST");
  });

  test.each<Step>([
    { do: "link.delete", place: "host", link: "b9" },
    { do: "link.set", place: "host", link: "b9", up: true },
    { do: "link.set", place: "host", link: "b0", master: "b9" },
    { do: "port.set", place: "host", link: "b9", hairpin: true },
    { do: "address.add", place: "host", link: "b9", cidr: cidr("10.1.0.1/24") },
    { do: "address.delete", place: "host", link: "b9", cidr: cidr("10.1.0.1/24") },
    { do: "route.add", place: "host", link: "b9", dst: cidr("10.1.0.0/24") },
    { do: "link.await-up", place: "host", link: "b9" },
  ])("because its link is not there says which: $do %#", async (step) => {
    await using run = await PlanRun.open(BRIDGE);
    await expect(run.apply(step)).rejects.toThrow(/b9: ENODEV: no such device$/);
    expect(run.recorded).toEqual([]);
  });

  test("in the container's place says so when there is no container", async () => {
    await using run = await PlanRun.open();
    using places = new Places(undefined);
    const around = { env: {}, log: () => {}, checkInterrupt: async () => {}, record: () => {} };
    const step: Step = { do: "link.set", place: "container", link: "eth0", up: true };
    await expect(apply([step], { ...around, places })).rejects.toThrow("there is no container namespace");
    expect(run.recorded).toEqual([]);
  });
});

describe("a setting", () => {
  const key = "net/ipv4/ip_default_ttl";

  test("that is optional and cannot be made is logged, and the plan goes on", async () => {
    await using run = await PlanRun.open();
    await run.apply({ do: "sysctl.set", place: "host", key, value: "no number", optional: true }, addBridge("b1"));
    expect(run.logged).toEqual([
      expect.stringMatching(
        /^going on although it failed to set net\/ipv4\/ip_default_ttl=no number \(it is 64\): EINVAL/,
      ),
    ]);
    expect(run.places.findLink("host", "b1")).toBeDefined();
  });

  test("that is not optional and cannot be made ends the plan", async () => {
    await using run = await PlanRun.open();
    const step: Step = { do: "sysctl.set", place: "host", key, value: "no number" };
    await expect(run.apply(step, addBridge("b1"))).rejects.toThrow("set net/ipv4/ip_default_ttl=no number (it is 64)");
    expect(run.places.findLink("host", "b1")).toBeUndefined();
  });
});

test("a plan of 300 routes is carried out", async () => {
  await using run = await PlanRun.open(BRIDGE);
  const steps = Array.from(
    { length: 300 },
    (_, i): Step => ({
      do: "route.add",
      place: "host",
      link: "b0",
      dst: cidr(`10.2.${i >> 8}.${i & 255}/32`),
    }),
  );
  await run.apply(...steps);
  expect(sh("ip route show dev b0 | wc -l")).toBe("300");
});
