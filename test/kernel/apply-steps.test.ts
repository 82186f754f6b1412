import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../src/plan/step.ts";
import { cidr, ip, mac } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

beforeAll(leaveTheMachine);

const macs = { host: mac("02:00:00:00:00:01"), container: mac("02:00:00:00:00:02") };
const BRIDGE = "ip link add b0 type bridge";
const VETH = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up";
const addVeth: Step = { do: "link.add-veth", host: { name: "v0" }, container: { name: "eth0" } };

describe("link.add-bridge", () => {
  test.each(["host", "container"] as const)(
    "makes a bridge in the %s, and its inverse takes it away",
    async (place) => {
      await using run = await PlanRun.open();
      const show = async () =>
        place === "host" ? run.ip("link show type bridge") : run.side.ip("link show type bridge");
      await run.apply({ do: "link.add-bridge", place, bridge: { name: "b0", mtu: 1400, mac: macs.host } });
      expect(await show()).toMatchObject({ ifname: "b0", mtu: 1400, address: macs.host });
      expect(run.recorded).toEqual([{ do: "link.delete", place, link: "b0", tolerate: ["ENODEV"] }]);
      await run.undo();
      expect(await show()).toBeUndefined();
    },
  );
});

describe("link.add-veth", () => {
  test("makes an end in each place, and its inverse takes both away", async () => {
    await using run = await PlanRun.open();
    await run.apply({
      do: "link.add-veth",
      host: { name: "v0", mtu: 1400, mac: macs.host },
      container: { name: "eth0", mtu: 1300, mac: macs.container },
    });
    expect(run.ip("link show v0")).toMatchObject({ mtu: 1400, address: macs.host });
    expect(await run.side.ip("link show eth0")).toMatchObject({ mtu: 1300, address: macs.container });
    await run.undo();
    expect(run.places.findLink("host", "v0")).toBeUndefined();
    expect(run.places.findLink("container", "eth0")).toBeUndefined();
  });
});

describe("link.delete", () => {
  test.each(["host", "container"] as const)("takes a link of the %s away for good", async (place) => {
    await using run = await PlanRun.open(BRIDGE, BRIDGE);
    await run.apply({ do: "link.delete", place, link: "b0" });
    expect([run.places.findLink("host", "b0")?.name, run.places.findLink("container", "b0")?.name]).toEqual(
      place === "host" ? [undefined, "b0"] : ["b0", undefined],
    );
    expect(run.recorded).toEqual([]);
  });
});

describe("link.set", () => {
  test("sets a link up, and its inverse sets it down", async () => {
    await using run = await PlanRun.open(BRIDGE);
    await run.apply({ do: "link.set", place: "host", link: "b0", up: true });
    expect(run.ip("link show b0").flags).toContain("UP");
    await run.undo();
    expect(run.ip("link show b0").flags).not.toContain("UP");
  });

  test("sets everything that it names, and nothing of it is taken back", async () => {
    await using run = await PlanRun.open(`${BRIDGE}; ip link add v0 type veth peer name v1`);
    await run.apply({ do: "link.set", place: "host", link: "v0", mac: macs.host, master: "b0", alias: "net/c1/eth0" });
    expect(run.ip("link show v0")).toMatchObject({ address: macs.host, master: "b0", ifalias: "net/c1/eth0" });
    expect(run.ip("link show v0").flags).not.toContain("UP");
    expect(run.recorded).toEqual([]);
  });

  test("sets a link of the container down", async () => {
    await using run = await PlanRun.open("true", `${BRIDGE}; ip link set b0 up`);
    await run.apply({ do: "link.set", place: "container", link: "b0", up: false });
    expect((await run.side.ip("link show b0")).flags).not.toContain("UP");
    expect(run.recorded).toEqual([]);
  });
});

describe("port.set", () => {
  test.each([true, false])("sets hairpin mode to %s", async (hairpin) => {
    const port = `${BRIDGE}; ${VETH}; ip link set v0 master b0; bridge link set dev v0 hairpin ${hairpin ? "off" : "on"}`;
    await using run = await PlanRun.open(port);
    await run.apply({ do: "port.set", place: "host", link: "v0", hairpin });
    expect(run.ip("link show v0").linkinfo.info_slave_data.hairpin).toBe(hairpin);
    expect(run.recorded).toEqual([]);
  });
});

describe("address.add", () => {
  test.each([
    { text: "10.1.0.5/24", nodad: false },
    { text: "fd00::5/64", nodad: true },
  ])("adds $text, and its inverse deletes it", async ({ text, nodad }) => {
    await using run = await PlanRun.open("true", VETH);
    await run.apply({ do: "address.add", place: "container", link: "v0", cidr: cidr(text), nodad });
    const show = () => run.side.sh("ip -brief address show dev v0");
    expect(await show()).toContain(` ${text}`);
    await run.undo();
    expect(await show()).not.toContain(text);
  });
});

describe("address.delete", () => {
  test("deletes an address, and its inverse adds it again", async () => {
    await using run = await PlanRun.open(`${BRIDGE}; ip address add 10.1.0.5/24 dev b0`);
    await run.apply({ do: "address.delete", place: "host", link: "b0", cidr: cidr("10.1.0.5/24") });
    expect(sh("ip -brief -4 address show dev b0")).not.toContain("10.1.0.5");
    await run.undo();
    expect(sh("ip -brief -4 address show dev b0")).toContain("10.1.0.5/24");
  });
});

describe("route.add", () => {
  test("adds a route with all its properties, which goes with its link", async () => {
    await using run = await PlanRun.open("true", `${VETH}; ip address add 10.1.0.5/24 dev v0`);
    await run.apply({
      do: "route.add",
      place: "container",
      link: "v0",
      dst: cidr("10.9.0.0/16"),
      gw: ip("10.1.0.1"),
      mtu: 1400,
      advmss: 1360,
      priority: 50,
      table: 1000,
    });
    expect(await run.side.ip("route show table 1000")).toMatchObject({
      dst: "10.9.0.0/16",
      gateway: "10.1.0.1",
      metric: 50,
      metrics: [{ mtu: 1400, advmss: 1360 }],
    });
    expect(run.recorded).toEqual([]);
  });

  test("adds a route of the scope that it is given", async () => {
    await using run = await PlanRun.open(VETH);
    await run.apply({ do: "route.add", place: "host", link: "v0", dst: cidr("10.9.0.1/32"), scope: 253 });
    expect(run.ip("route show 10.9.0.1")).toMatchObject({ scope: "link", dev: "v0" });
  });
});

describe("sysctl.set", () => {
  test.each(["host", "container"] as const)("sets it in the %s, and not in the other", async (place) => {
    await using run = await PlanRun.open();
    const read = async () => [
      sh("cat /proc/sys/net/ipv4/ip_default_ttl"),
      await run.side.sh("cat /proc/sys/net/ipv4/ip_default_ttl"),
    ];
    await run.apply({ do: "sysctl.set", place, key: "net/ipv4/ip_default_ttl", value: "77" });
    expect(await read()).toEqual(place === "host" ? ["77", "64"] : ["64", "77"]);
    expect(run.recorded).toEqual([]);
    sh("echo 64 > /proc/sys/net/ipv4/ip_default_ttl");
  });

  test("of a link that an earlier step makes finds it", async () => {
    await using run = await PlanRun.open();
    const key = "net/ipv6/conf/eth0.100/accept_ra";
    await run.apply(
      { do: "link.add-veth", host: { name: "v0" }, container: { name: "eth0.100" } },
      { do: "sysctl.set", place: "container", key, value: "0" },
    );
    expect(await run.side.sh(`cat /proc/sys/${key}`)).toBe("0");
  });
});

describe("a plan", () => {
  test("may use what it makes, and is taken back with the links that it made", async () => {
    await using run = await PlanRun.open();
    await run.apply(
      { do: "link.add-bridge", place: "host", bridge: { name: "b0" } },
      { do: "link.set", place: "host", link: "b0", up: true },
      { do: "address.add", place: "host", link: "b0", cidr: cidr("10.1.0.1/24") },
      addVeth,
      { do: "link.set", place: "host", link: "v0", master: "b0", up: true },
      { do: "port.set", place: "host", link: "v0", hairpin: true },
      { do: "address.add", place: "container", link: "eth0", cidr: cidr("10.1.0.2/24") },
      { do: "link.set", place: "container", link: "eth0", up: true },
      { do: "route.add", place: "container", link: "eth0", dst: cidr("0.0.0.0/0"), gw: ip("10.1.0.1") },
      { do: "link.await-up", place: "host", link: "v0" },
    );
    const server = createServer((socket) => socket.end("it works")).listen(0, "10.1.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await run.side.sh(`timeout 10 bash -c 'cat < /dev/tcp/10.1.0.1/${port}'`)).toBe("it works");
    server.close();
    expect(run.recorded.map((step) => step.do)).toEqual(["link.delete", "link.delete"]);
    await run.undo();
    expect(sh("ip -brief link | wc -l")).toBe("1");
  });

  test("tells the links it has looked up by their names and places", async () => {
    await using run = await PlanRun.open(BRIDGE);
    const applied = await run.apply(
      addVeth,
      { do: "link.set", place: "host", link: "v0", master: "b0" },
      { do: "address.add", place: "container", link: "eth0", cidr: cidr("10.1.0.2/24") },
    );
    expect(applied.link("host", "b0")?.index).toBe(run.ip("link show b0").ifindex);
    expect(applied.link("container", "eth0")?.mac).toBe((await run.side.ip("link show eth0")).address);
    expect(applied.link("host", "eth0")).toBeUndefined();
  });

  test("may give a name to another link", async () => {
    await using run = await PlanRun.open(`${BRIDGE}; ip address add 10.1.0.1/24 dev b0`);
    const address = cidr("10.2.0.1/24");
    await run.apply(
      { do: "address.add", place: "host", link: "b0", cidr: cidr("10.3.0.1/24") },
      { do: "link.delete", place: "host", link: "b0" },
      { do: "link.add-bridge", place: "host", bridge: { name: "b0" } },
      { do: "address.add", place: "host", link: "b0", cidr: address },
    );
    expect(sh("ip -brief -4 address show dev b0")).toMatch(/ 10\.2\.0\.1\/24$/);
  });

  test("of nothing does nothing", async () => {
    await using run = await PlanRun.open();
    await run.apply();
    expect(run.recorded).toEqual([]);
  });
});
