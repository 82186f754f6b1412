import { beforeAll, describe, expect, test, vi } from "vitest";
import { deleteLink, findLinkByIndex, findLinks, listLinks, setLink, setPort } from "../../src/kernel/netlink/link.ts";
import { addBridge, addMacvlan, addVeth } from "../../src/kernel/netlink/new-link.ts";
import { mac } from "../values.ts";
import { leaveTheMachine } from "./own-network.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const macs = { near: mac("02:00:00:00:00:01"), far: mac("02:00:00:00:00:02") };

describe("a bridge", () => {
  test("has the name, MTU and MAC address it is given, and is down", async () => {
    await using side = await Side.open();
    side.socket.request(addBridge({ name: "b0", mtu: 1400, mac: macs.near }));
    expect(await side.ip("link show b0")).toMatchObject({
      mtu: 1400,
      address: macs.near,
      operstate: "DOWN",
      linkinfo: { info_kind: "bridge" },
    });
  });

  test("gets a MAC address and MTU from the kernel when it is given none", async () => {
    await using side = await Side.open();
    side.socket.request(addBridge({ name: "b0" }));
    const { mtu, address } = await side.ip("link show b0");
    expect([mtu, address]).toEqual([1500, expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)]);
    expect(findLinks(side.socket, ["b0"])[0]?.mac).toBe(address);
  });

  test("whose name is taken is EEXIST", async () => {
    await using side = await Side.open("ip link add b0 type bridge");
    expect(() => side.socket.request(addBridge({ name: "b0" }))).toThrow("add link b0: EEXIST: file already exists");
  });
});

describe("a veth", () => {
  test("has its other end in the other namespace from the start, each with its own name, MTU and MAC address", async () => {
    await using near = await Side.open();
    await using far = await Side.open();
    const peer = { name: "eth0", mtu: 1300, mac: macs.far, netns: far.netns.fd };
    near.socket.request(addVeth({ name: "v0", mtu: 1400, mac: macs.near }, peer));
    const [host, container] = [await near.ip("link show v0"), await far.ip("link show eth0")];
    expect(host).toMatchObject({ mtu: 1400, address: macs.near, linkinfo: { info_kind: "veth" } });
    expect(container).toMatchObject({ mtu: 1300, address: macs.far, linkinfo: { info_kind: "veth" } });
    expect([host.link_index, container.link_index]).toEqual([container.ifindex, host.ifindex]);
  });

  test("is found with the index of its other end", async () => {
    await using near = await Side.open();
    await using far = await Side.open("ip link add x type bridge; ip link add y type bridge");
    near.socket.request(addVeth({ name: "v0" }, { name: "eth0", netns: far.netns.fd }));
    const [host] = findLinks(near.socket, ["v0"]);
    const [container] = findLinks(far.socket, ["eth0"]);
    expect([host?.peer, container?.peer]).toEqual([container?.index, host?.index]);
    expect(host?.kind).toBe("veth");
  });

  test("whose other end's name is taken is EEXIST, and neither end is there", async () => {
    await using near = await Side.open();
    await using far = await Side.open("ip link add eth0 type bridge");
    const request = addVeth({ name: "v0" }, { name: "eth0", netns: far.netns.fd });
    expect(() => near.socket.request(request)).toThrow("add link v0: EEXIST");
    expect(findLinks(near.socket, ["v0"])).toEqual([undefined]);
  });

  test("goes with both its ends", async () => {
    await using near = await Side.open();
    await using far = await Side.open();
    near.socket.request(addVeth({ name: "v0" }, { name: "eth0", netns: far.netns.fd }));
    far.socket.request(deleteLink("eth0"));
    expect([...findLinks(near.socket, ["v0"]), ...findLinks(far.socket, ["eth0"])]).toEqual([undefined, undefined]);
  });
});

describe("a macvlan", () => {
  test.each([
    { mode: "bridge", queueLength: 500 },
    { mode: "private", queueLength: undefined },
    { mode: "vepa", queueLength: undefined },
    { mode: "passthru", queueLength: undefined },
  ] as const)("of mode $mode is born in the other namespace", async ({ mode, queueLength }) => {
    await using near = await Side.open("ip link add v0 type veth peer name v1");
    await using far = await Side.open();
    const index = findLinks(near.socket, ["v0"])[0]?.index ?? 0;
    const own = mode === "passthru" ? {} : { mac: macs.far };
    near.socket.request(
      addMacvlan({ name: "m0", mtu: 1400, netns: far.netns.fd, ...own }, { index, mode, queueLength }),
    );
    const data = queueLength === undefined ? { mode } : { mode, bcqueuelen: queueLength };
    expect(await far.ip("link show m0")).toMatchObject({
      mtu: 1400,
      link_index: index,
      linkinfo: { info_kind: "macvlan", info_data: data },
      ...(own.mac === undefined ? {} : { address: own.mac }),
    });
    expect(findLinks(far.socket, ["m0"])[0]).toMatchObject({ kind: "macvlan", peer: index });
  });
});

describe("a change of a link", () => {
  test("sets it up and down", async () => {
    await using side = await Side.open("ip link add b0 type bridge");
    side.socket.request(setLink("b0", { up: true }));
    expect((await side.ip("link show b0")).flags).toContain("UP");
    expect(findLinks(side.socket, ["b0"])[0]?.isUp).toBe(true);
    side.socket.request(setLink("b0", { up: false }));
    expect((await side.ip("link show b0")).flags).not.toContain("UP");
    expect(findLinks(side.socket, ["b0"])[0]?.isUp).toBe(false);
  });

  test("that says nothing of up or down leaves it as it is", async () => {
    await using side = await Side.open("ip link add b0 up type bridge");
    side.socket.request(setLink("b0", { alias: "x" }));
    expect((await side.ip("link show b0")).flags).toContain("UP");
  });

  test("sets everything in one request", async () => {
    await using side = await Side.open("ip link add b0 type bridge; ip link add v0 type veth peer name v1");
    const master = findLinks(side.socket, ["b0"])[0]?.index;
    side.socket.request(setLink("v0", { up: true, mac: macs.near, alias: "net/c1/eth0", master }));
    const link = await side.ip("link show v0");
    expect(link).toMatchObject({ address: macs.near, ifalias: "net/c1/eth0", master: "b0" });
    expect(link.flags).toContain("UP");
    expect(findLinks(side.socket, ["v0"])[0]).toMatchObject({ mac: macs.near, alias: "net/c1/eth0", master });
  });

  test("of the alias takes all the 255 bytes that the kernel has room for", async () => {
    await using side = await Side.open("ip link add b0 type bridge");
    const alias = "a".repeat(255);
    side.socket.request(setLink("b0", { alias }));
    expect((await side.ip("link show b0")).ifalias).toBe(alias);
    expect(findLinks(side.socket, ["b0"])[0]?.alias).toBe(alias);
  });

  test("of the alias to nothing takes it away", async () => {
    await using side = await Side.open("ip link add b0 type bridge; ip link set b0 alias x");
    side.socket.request(setLink("b0", { alias: "" }));
    expect((await side.ip("link show b0")).ifalias).toBeUndefined();
    expect(findLinks(side.socket, ["b0"])[0]?.alias ?? "").toBe("");
  });

  test("of a link that is not there is ENODEV", async () => {
    await using side = await Side.open();
    expect(() => side.socket.request(setLink("b0", { up: true }))).toThrow("change link b0: ENODEV: no such device");
  });
});

describe("hairpin mode of a port", () => {
  test("is set on and off", async () => {
    await using side = await Side.open(
      "ip link add b0 type bridge; ip link add v0 type veth peer name v1; ip link set v0 master b0",
    );
    for (const hairpin of [true, false]) {
      side.socket.request(setPort("v0", { hairpin }));
      expect((await side.ip("link show v0")).linkinfo.info_slave_data.hairpin).toBe(hairpin);
      expect(findLinks(side.socket, ["v0"])[0]?.hairpin).toBe(hairpin);
    }
  });

  test("of a link that is no port is an error", async () => {
    await using side = await Side.open("ip link add v0 type veth peer name v1");
    expect(() => side.socket.request(setPort("v0", { hairpin: true }))).toThrow("change bridge port v0: ");
  });
});

describe("finding links", () => {
  test("by names has an answer for each, in their order, also for those that are not there", async () => {
    await using side = await Side.open("ip link add b0 type bridge; ip link add b1 type bridge");
    const found = findLinks(side.socket, ["b1", "missing", "lo", "b0", "missing-too"]);
    expect(found.map((link) => link?.name)).toEqual(["b1", undefined, "lo", "b0", undefined]);
  });

  test("by no names has no answers", async () => {
    await using side = await Side.open();
    expect(findLinks(side.socket, [])).toEqual([]);
  });

  test("by index finds the same as by name", async () => {
    await using side = await Side.open("ip link add b0 index 4711 type bridge");
    const byIndex = findLinkByIndex(side.socket, 4711);
    expect(byIndex).toMatchObject({ name: "b0", kind: "bridge" });
    expect(byIndex).toEqual(findLinks(side.socket, ["b0"])[0]);
  });

  test("by an index that is nobody's finds nothing", async () => {
    await using side = await Side.open();
    expect(findLinkByIndex(side.socket, 4711)).toBeUndefined();
  });

  test("by a name that is too long is an error that says which", async () => {
    await using side = await Side.open();
    expect(() => findLinks(side.socket, ["a-name-of-16-let"])).toThrow("find link a-name-of-16-let: ERANGE");
  });

  test("all lists every link, and tells an operational one from one that is only up", async () => {
    await using side = await Side.open(
      "ip link add v0 up type veth peer name v1; ip link add v2 up type veth peer name v3; ip link set v3 up",
    );
    // the kernel makes a link operational a moment after it is up
    const links = await vi.waitFor(() => {
      const found = new Map(listLinks(side.socket).map((link) => [link.name, link]));
      expect(found.get("v2")).toMatchObject({ isUp: true, isOperational: true });
      return found;
    });
    expect([...links.keys()].sort()).toEqual(["lo", "v0", "v1", "v2", "v3"]);
    expect(links.get("v0")).toMatchObject({ isUp: true, isOperational: false });
  });
});

test("deleting a link that is not there is ENODEV", async () => {
  await using side = await Side.open();
  expect(() => side.socket.request(deleteLink("b0"))).toThrow("delete link b0: ENODEV: no such device");
});

test("the kernel's own words are part of the error", async () => {
  await using side = await Side.open("ip link add b0 type bridge; ip link add b1 type bridge");
  const request = setLink("b1", { master: findLinks(side.socket, ["b0"])[0]?.index });
  expect(() => side.socket.request(request)).toThrow(
    /^change link b1: ELOOP: .* \(Can not enslave a bridge to a bridge\)$/,
  );
});
