import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin, callSuccessfully, ours, reference, startPlugin } from "../../harness/plugin.ts";
import {
  bandwidth,
  bandwidthCall,
  hostEnd,
  ifb,
  limits,
  makeContainer,
  resultOf,
  shaping,
  succeed,
} from "./bandwidth.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await makeContainer(host);
});
afterEach(() => host[Symbol.asyncDispose]());

const { ingressRate, ingressBurst, egressRate, egressBurst } = limits;

describe("beside the Go plugin", () => {
  const containerd = {
    IngressRate: 10_000_000,
    IngressBurst: 4294967295,
    EgressRate: 5_000_000,
    EgressBurst: 4294967295,
  };
  const cases: readonly (readonly [string, object])[] = [
    ["both directions", limits],
    ["to the container", { ingressRate, ingressBurst }],
    ["from the container", { egressRate, egressBurst }],
    ["nothing", {}],
    ["zeros", { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }],
    ["what containerd sends", { capabilities: { bandwidth: true }, runtimeConfig: { bandwidth: containerd } }],
    ["one direction of containerd", { runtimeConfig: { bandwidth: { ...containerd, EgressRate: 0, EgressBurst: 0 } } }],
    [
      "what is in the file, whatever the runtime sends",
      { ingressRate, ingressBurst, runtimeConfig: { bandwidth: containerd } },
    ],
    [
      "a slow one, whose burst takes long",
      { runtimeConfig: { bandwidth: { ...containerd, IngressRate: 100_000, EgressRate: 1000 } } },
    ],
    [
      "a fast one",
      { ingressRate: 80_000_000_000, ingressBurst: 8_000_000_000, egressRate: 34_359_738_360, egressBurst: 80_000_000 },
    ],
    ["odd numbers", { ingressRate: 1_234_567, ingressBurst: 7_654_321, egressRate: 9, egressBurst: 12_345 }],
  ];

  test.each(cases)("%s: the same result and the same queues, which either checks", async (_, config) => {
    const theirs = await succeed(host, "ADD", config, { directory: reference });
    // its second action is never reached
    const expected = (await shaping(host)).replaceAll(/\n.*order 2: mirred .*/g, "");
    await succeed(host, "CHECK", config);
    await succeed(host, "DEL", config);
    expect(await shaping(host)).toBe("");

    const own = await succeed(host, "ADD", config);
    expect(await shaping(host)).toBe(expected);
    expect(own.interfaces.map((each: { name: string }) => each.name)).toEqual(
      theirs.interfaces.map((each: { name: string }) => each.name),
    );
    // with nothing to do the Go plugin ends with a panic
    const checkers = own.interfaces.length > 3 || "ingressRate" in config ? [ours, reference] : [ours];
    for (const directory of checkers) await succeed(host, "CHECK", config, { directory });
    await succeed(host, "DEL", config, { directory: reference });
    expect(await host.sh("ip -o link show type ifb")).toBe("");
  });

  test("either removes what the other made", async () => {
    for (const [writer, remover] of [
      [reference, ours],
      [ours, reference],
    ] as const) {
      await succeed(host, "ADD", limits, { directory: writer });
      await succeed(host, "DEL", limits, { directory: remover });
      expect(await host.sh("ip -o link show type ifb")).toBe("");
    }
    // the queues of the veth are still those of the last one: the Go plugin leaves them
    await succeed(host, "ADD", limits);
    await succeed(host, "CHECK", limits);
  });
});

test("the result has the device at its end, with its MAC address, which says whose it is", async () => {
  const { interfaces } = await succeed(host, "ADD", limits);
  const mac = await host.sh(`cat /sys/class/net/${ifb}/address`);
  expect(interfaces.at(-1)).toEqual({ name: ifb, mac });
  expect(await host.sh(`cat /sys/class/net/${ifb}/ifalias /sys/class/net/${ifb}/mtu`)).toBe("n1/c1/eth0\n1400");
  const known = { ...resultOf(), interfaces };
  expect((await succeed(host, "ADD", { ...limits, prevResult: known })).interfaces).toHaveLength(4);
});

describe("an ADD that is repeated", () => {
  test("has the new limits, and nothing of the earlier ones", async () => {
    await succeed(host, "ADD", limits);
    const first = await shaping(host);
    await succeed(host, "ADD", { egressRate: 80_000, egressBurst: 80_000 });
    expect(await shaping(host)).not.toContain("8Mbit");
    await succeed(host, "CHECK", { egressRate: 80_000, egressBurst: 80_000 });
    await succeed(host, "ADD", limits);
    expect(await shaping(host)).toBe(first);
    await succeed(host, "DEL", limits);
    expect(await shaping(host)).toBe("");
  });

  test("replaces what the Go plugin made, and what lost its device", async () => {
    await succeed(host, "ADD", limits, { directory: reference });
    await succeed(host, "ADD", limits);
    await succeed(host, "CHECK", limits);
    await host.sh(`ip link del ${ifb}`);
    expect((await bandwidth(host, "CHECK", limits)).stdout).toContain(`there is no ${ifb}`);
    await succeed(host, "ADD", limits);
    await succeed(host, "CHECK", limits);
  });
});

describe("DEL", () => {
  test.each([
    ["once more", {}, {}],
    ["without a namespace", {}, { netns: "" }],
    ["without prevResult", { prevResult: undefined }, {}],
    ["with limits that cannot be", { ingressRate: "x", egressRate: -1, shapedSubnets: 7 }, {}],
    [
      "without limits",
      { ingressRate: undefined, ingressBurst: undefined, egressRate: undefined, egressBurst: undefined },
      {},
    ],
  ])("%s succeeds and leaves no device", async (_, config, calling) => {
    await succeed(host, "ADD", limits);
    for (const _time of [1, 2]) await succeed(host, "DEL", { ...limits, ...config }, calling);
    expect(await host.sh("ip -o link show type ifb")).toBe("");
  });

  test("when the container is gone", async () => {
    await succeed(host, "ADD", limits);
    await host.sh("ip netns del c1");
    await succeed(host, "DEL", limits);
    expect(await shaping(host)).toBe("");
  });

  test("leaves queues that are somebody else's", async () => {
    await host.sh(
      `tc qdisc add dev ${hostEnd("c1", "eth0")} root handle 7: tbf rate 1mbit burst 10k limit 10k; tc qdisc add dev ${hostEnd("c1", "eth0")} clsact`,
    );
    const before = await shaping(host);
    await succeed(host, "DEL", limits);
    expect(await shaping(host)).toBe(before);
  });
});

describe("an ADD that fails", () => {
  test.each([
    [
      `tc qdisc add dev ${hostEnd("c1", "eth0")} root fq_codel || tc qdisc add dev ${hostEnd("c1", "eth0")} root handle 7: tbf rate 1mbit burst 10k limit 10k`,
      "already",
    ],
    [`tc qdisc add dev ${hostEnd("c1", "eth0")} clsact`, "of the kind clsact"],
    [`ip link add ${ifb} type bridge`, "is not an ifb"],
    ["ip -n c1 link del eth0", "eth0 of the container is no veth"],
    ["ip -n c1 link del eth0; ip -n c1 link add eth0 type bridge", "eth0 of the container is no veth"],
    ["ip -n c1 link del eth0; ip -n c1 link add eth0 type veth peer other", "eth0 of the container is no veth"],
    ["ip link set v-c1-eth0 down; ip link set v-c1-eth0 name other", "is not among the interfaces of prevResult"],
  ])("after %s changes nothing", async (command, message) => {
    await host.sh(command);
    const before = `${await shaping(host)} ${await host.sh("ip -br link")}`;
    const { exitCode, stdout, stderr } = await bandwidth(host, "ADD", limits);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: expect.stringContaining(message) });
    expect(`${await shaping(host)} ${await host.sh("ip -br link")}`).toBe(before);
  });

  test("at its end takes everything back", async () => {
    await host.sh(`echo '${JSON.stringify(bandwidthCall("ADD", limits).config)}' > ${host.directory}/stdin`);
    const env = "CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/c1 CNI_PATH=/";
    const ran = await host.run("sh", ["-c", `${env} ${ours}/bandwidth < ${host.directory}/stdin > /dev/full`]);
    expect(ran.exitCode).toBe(1);
    expect(await shaping(host)).toBe("");
  });

  test.each([4, 8, 12, 16, 20, 24, 28])(
    "because it was killed after %i ms is cleaned up by DEL, and by an ADD",
    async (milliseconds) => {
      for (const next of ["DEL", "ADD"] as const) {
        const running = startPlugin(host, bandwidthCall("ADD", limits));
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        running.kill("SIGKILL");
        await running.finished;
        await succeed(host, next, limits);
        if (next === "ADD") await succeed(host, "CHECK", limits);
        await succeed(host, "DEL", limits);
        expect(await shaping(host)).toBe("");
      }
    },
  );
});

test("two interfaces of one container in a network have a device each", async () => {
  await makeContainer(host, "c1", "eth1");
  const eth1 = { ifname: "eth1" };
  const slow = { egressRate: 80_000, egressBurst: 80_000 };
  await succeed(host, "ADD", limits);
  const alone = await shaping(host);
  await succeed(host, "ADD", slow, eth1);
  for (const _time of [1, 2]) {
    await succeed(host, "CHECK", limits);
    await succeed(host, "CHECK", slow, eth1);
    await succeed(host, "ADD", slow, eth1);
  }
  await succeed(host, "DEL", slow, eth1);
  expect(await shaping(host)).toBe(alone);
  await succeed(host, "ADD", slow, eth1);
  await succeed(host, "DEL", limits);
  await succeed(host, "CHECK", slow, eth1);
  await succeed(host, "DEL", slow, eth1);
  expect(await shaping(host)).toBe("");
});

test("many at a time", async () => {
  const ids = Array.from({ length: 8 }, (_, i) => `d${i}`);
  for (const id of ids) await makeContainer(host, id);
  await Promise.all(ids.map((containerId) => succeed(host, "ADD", limits, { containerId })));
  await Promise.all(ids.map((containerId) => succeed(host, "CHECK", limits, { containerId })));
  await Promise.all(ids.map((containerId) => succeed(host, "DEL", limits, { containerId })));
  expect(await shaping(host)).toBe("");
});

test("a burst that has no room for a packet is told of", async () => {
  const { exitCode, stderr } = await bandwidth(host, "ADD", { ...limits, egressBurst: 8000 });
  expect(exitCode).toBe(0);
  expect(stderr).toBe(
    "packets from the container of more than 1000 bytes are dropped: the burst has no room for the MTU of 1400\n",
  );
});

describe("CHECK", () => {
  test.each([
    [
      `tc qdisc change dev v-c1-eth0 root handle 1: tbf rate 1mbit burst 10k limit 10k`,
      "v-c1-eth0 has rate 125000 B/s, limit 10240 B",
    ],
    [`tc qdisc del dev v-c1-eth0 root`, "v-c1-eth0 has no queue instead of a tbf"],
    [`tc qdisc del dev ${ifb} root`, `${ifb} has no queue instead of a tbf`],
    [`ip link set ${ifb} down`, `${ifb} is down`],
    [`ip link set ${ifb} mtu 600`, `${ifb} has mtu 600 instead of the 1400 of v-c1-eth0`],
    [`tc filter del dev v-c1-eth0 ingress`, `what v-c1-eth0 receives is not redirected to ${ifb}`],
  ])("after %s says so", async (command, message) => {
    await succeed(host, "ADD", limits);
    await host.sh(command);
    const { stdout } = await bandwidth(host, "CHECK", limits);
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: expect.stringContaining(message) });
  });
});

test("GC removes devices of containers that are neither valid nor there", async () => {
  for (const id of ["d1", "d2", "d3"]) {
    await makeContainer(host, id);
    await succeed(host, "ADD", limits, { containerId: id });
  }
  await succeed(host, "ADD", { ...limits, name: "n2" }, {});
  await host.sh("ip link del v-d1-eth0; ip link del v-d2-eth0; ip link del v-c1-eth0");
  const valid = [{ containerID: "d2", ifname: "eth0" }];
  const config = { cniVersion: "1.1.0", prevResult: undefined, "cni.dev/valid-attachments": valid };
  const { exitCode, stderr } = await bandwidth(host, "GC", config);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(/^GC: removed bwp.*, which limited n1\/d1\/eth0\n$/),
  });
  const left = await host.sh("cat /sys/class/net/bwp*/ifalias | sort");
  expect(left).toBe("n1/d2/eth0\nn1/d3/eth0\nn2/c1/eth0");
});

test("packets go in both directions, and no faster than they may", async () => {
  const bridge = {
    cniVersion: "1.0.0",
    name: "n1",
    type: "bridge",
    bridge: "b0",
    isGateway: true,
    ipam: { type: "host-local", subnet: "10.1.2.0/24" },
  };
  await host.sh("ip netns add web");
  const call = { containerId: "web", netns: "/run/netns/web" };
  const prevResult = await callSuccessfully(host, { verb: "ADD", config: bridge, ...call });
  // a packet of 1000 bytes takes more than 0.1 s at 80 kbit/s, once the burst is used up
  const slow = { ingressRate: 80_000, ingressBurst: 16_000, egressRate: 800_000_000, egressBurst: 80_000 };
  const shaped = await callSuccessfully(host, {
    verb: "ADD",
    plugin: "bandwidth",
    config: { ...bridge, type: "bandwidth", ...slow, prevResult },
    ...call,
  });
  const { exitCode } = await host.run("busybox", ["ping", "-c", "1", "-W", "2", "10.1.2.2"]);
  expect(exitCode).toBe(0);
  await host.run("busybox", ["ping", "-c", "5", "-i", "0.01", "-W", "1", "-s", "900", "10.1.2.2"]);
  const counted = await host.sh(
    `tc -s qdisc show dev ${shaped.interfaces[1].name} root; tc -s qdisc show dev ${shaped.interfaces.at(-1).name}`,
  );
  const [toContainer, fromContainer] = [...counted.matchAll(/Sent (\d+) bytes/g)].map(([, bytes]) => Number(bytes));
  expect(toContainer).toBeGreaterThan(0);
  expect(fromContainer).toBeGreaterThan(0);
  expect(counted).toMatch(/overlimits [1-9]|dropped [1-9]/);
  expect(
    (
      await callPlugin(host, {
        verb: "DEL",
        plugin: "bandwidth",
        config: { ...bridge, type: "bandwidth", ...slow, prevResult },
        ...call,
      })
    ).exitCode,
  ).toBe(0);
});
