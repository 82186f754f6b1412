import { beforeAll, describe, expect, test } from "vitest";
import { findLinks } from "../../src/kernel/netlink/link.ts";
import { addBridge } from "../../src/kernel/netlink/new-link.ts";
import { listPortVlans } from "../../src/kernel/netlink/vlan.ts";
import type { PortVlans } from "../../src/plan/facts.ts";
import type { Step } from "../../src/plan/step.ts";
import { kernelFiltersVlans } from "../harness/vlan.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const PORT = "ip link add v0 type veth peer name v1; ip link set v0 master b0";
const tagged = (first: number, last = first): PortVlans => ({ first, last, isPvid: false, isUntagged: false });
const pvid = (vid: number): PortVlans => ({ first: vid, last: vid, isPvid: true, isUntagged: true });

describe("link.add-veth-here", () => {
  const pair: Step = {
    do: "link.add-veth-here",
    place: "host",
    end: { name: "b0.100", mtu: 1400 },
    peer: { name: "v1", mtu: 1300 },
  };

  test("makes both ends in one place, and its inverse takes both away", async () => {
    await using run = await PlanRun.open();
    await run.apply(pair);
    expect(run.ip("link show b0.100")).toMatchObject({ mtu: 1400, link: "v1", linkinfo: { info_kind: "veth" } });
    expect(run.ip("link show v1")).toMatchObject({ mtu: 1300, link: "b0.100" });
    await run.undo();
    expect(run.places.findLinks("host", ["b0.100", "v1"])).toEqual([undefined, undefined]);
  });

  test("what is done to its ends goes with them", async () => {
    await using run = await PlanRun.open("ip link add b0 type bridge");
    const port = { do: "link.set", place: "host", link: "v1", master: "b0", up: true } as const;
    await run.apply(pair, port, { do: "link.set", place: "host", link: "b0.100", up: true });
    expect(run.recorded).toEqual([{ do: "link.delete", place: "host", link: "b0.100", tolerate: ["ENODEV"] }]);
  });
});

test("a bridge without a filter is read as such, and other links as no bridge", async () => {
  await using side = await Side.open(`ip link add b0 type bridge; ${PORT}`);
  expect(findLinks(side.socket, ["b0", "v0"]).map((link) => link?.vlanFiltering)).toEqual([false, undefined]);
});

describe.skipIf(kernelFiltersVlans)("on a kernel without CONFIG_BRIDGE_VLAN_FILTERING", () => {
  test("a bridge cannot be made with it", async () => {
    await using side = await Side.open();
    expect(() => side.socket.request(addBridge({ name: "b0", vlanFiltering: true }))).toThrow(
      "add link b0 with VLAN filtering, which not every kernel has: ENOTSUP: ",
    );
    expect(findLinks(side.socket, ["b0"])).toEqual([undefined]);
  });

  test("VLANs cannot be added, and no port has any", async () => {
    await using run = await PlanRun.open(`ip link add b0 type bridge; ${PORT}`);
    const add: Step = { do: "vlan.add", place: "host", link: "v0", vlans: [pvid(100)] };
    await expect(run.apply(add)).rejects.toThrow("add VLANs to bridge port v0: ENOTSUP: ");
    const ports = listPortVlans(run.places.at("host").socket);
    expect([...ports.values()]).toEqual([[], []]);
  });
});

describe.skipIf(!kernelFiltersVlans)("on a kernel with CONFIG_BRIDGE_VLAN_FILTERING", () => {
  const BRIDGE = "ip link add b0 type bridge vlan_filtering 1";

  test("a bridge is made with it", async () => {
    await using run = await PlanRun.open();
    await run.apply({ do: "link.add-bridge", place: "host", bridge: { name: "b0", vlanFiltering: true } });
    expect(run.ip("link show b0").linkinfo.info_data.vlan_filtering).toBe(1);
    expect(run.places.findLink("host", "b0")?.vlanFiltering).toBe(true);
  });

  test("a port has the VLANs it is given, and others stay", async () => {
    await using run = await PlanRun.open(`${BRIDGE}; ${PORT}`);
    await run.apply({ do: "vlan.add", place: "host", link: "v0", vlans: [pvid(100), tagged(101), tagged(200, 210)] });
    const port = run.places.findLink("host", "v0")?.index ?? 0;
    expect(listPortVlans(run.places.at("host").socket).get(port)).toEqual([
      { ...tagged(1), isUntagged: true },
      pvid(100),
      tagged(101),
      tagged(200, 210),
    ]);
    expect(run.recorded).toEqual([]);
  });

  test("a port loses the VLANs that it has of a range, and those of others stay", async () => {
    await using run = await PlanRun.open(`${BRIDGE} vlan_default_pvid 7; ${PORT}; ip link set v1 master b0`);
    await run.apply({ do: "vlan.delete", place: "host", link: "v0", vlans: [{ first: 1, last: 4094 }] });
    const ports = listPortVlans(run.places.at("host").socket);
    const [v0, v1] = run.places.findLinks("host", ["v0", "v1"]);
    expect([ports.get(v0?.index ?? 0), ports.get(v1?.index ?? 0)]).toEqual([[], [pvid(7)]]);
    expect(sh("bridge vlan show dev v1")).toContain("7 PVID Egress Untagged");
  });
});
