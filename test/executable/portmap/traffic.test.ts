// Real packets to published ports, in every way in which they are published.
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dockerNetwork } from "../../docker-networks.ts";
import { Host } from "../../harness/host.ts";
import { connectHosts, probe, serve } from "../../harness/traffic.ts";
import { configOf } from "../docker/docker.ts";
import { addressIn, attach, bridge, detach, publish, unpublish } from "./portmap.ts";

const programs = resolve("test/harness/programs");
const ports = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 8080, containerPort: 80, protocol: "udp" },
];

interface Way {
  readonly name: string;
  /** Of the bridge. */
  readonly bridge: object;
  /** Of portmap; undefined when the bridge publishes itself. */
  readonly portmap: object | undefined;
  /** Whether a neighbour is seen with its own address. */
  readonly seesNeighbours: boolean;
}

const subnets = ["10.1.2.0/24", "fd00:12::/64"];
const docker = { ...configOf(dockerNetwork("b0", subnets)), name: "n1", hairpinMode: true };
const ways: readonly Way[] = [
  { name: "portmap with iptables", bridge, portmap: {}, seesNeighbours: false },
  { name: "portmap with nftables", bridge, portmap: { backend: "nftables" }, seesNeighbours: true },
  { name: "portmap for a bridge of Docker", bridge: docker, portmap: { docker: {} }, seesNeighbours: true },
  { name: "a bridge of Docker", bridge: docker, portmap: undefined, seesNeighbours: true },
];

describe.each(ways)("$name", ({ bridge: network, portmap: config, seesNeighbours }) => {
  let host: Host;
  let outside: Host;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a plugin printed
  let results: Record<string, any>;

  /** Attaches a container; with ports it publishes them. */
  async function start(containerId: string, published: readonly object[]) {
    const own = config === undefined ? { runtimeConfig: { portMappings: published } } : {};
    const result = await attach(host, containerId, { ...network, ...own });
    if (config !== undefined) await publish(host, result, { containerId, ports: published, config });
    return result;
  }

  async function stop(containerId: string, published: readonly object[]) {
    if (config !== undefined) await unpublish(host, undefined, { containerId, ports: published, config });
    await detach(host, containerId, network);
  }

  beforeAll(async () => {
    [host, outside] = [await Host.start(), await Host.start()];
    await connectHosts(host, outside, { a: "203.0.113.1/24", b: "203.0.113.2/24" });
    await host.sh("ip address add fd00:8::1/64 dev uplink nodad");
    await outside.sh("ip address add fd00:8::2/64 dev uplink nodad");
    results = { c1: await start("c1", ports), c2: await start("c2", []) };
    for (const name of ["c1", "c2"]) await serve({ host, netns: `/run/netns/${name}` }, 80);
    // until then nobody can ask for neighbours
    for (const machine of [host, outside])
      await machine.sh("while ip -6 address show tentative | grep -q inet6; do sleep 0.05; done");
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
  });

  const hostIn = { 4: "203.0.113.1", 6: "fd00:8::1" } as const;
  const gatewayIn = { 4: "10.1.2.1", 6: "fd00:12::1" } as const;
  const both = (address: string, port = 8080) => [["tcp", address, port] as const, ["udp", address, port] as const];

  describe.each([4, 6] as const)("IPv%d", (family) => {
    test("a client outside is seen with its address", async () => {
      const client = { 4: "203.0.113.2", 6: "fd00:8::2" }[family];
      expect(await probe({ host: outside }, both(hostIn[family]))).toEqual([client, client]);
    });

    test("the container reaches itself", async () => {
      const found = await probe({ host, netns: "/run/netns/c1" }, both(hostIn[family]));
      expect(found).toEqual([gatewayIn[family], gatewayIn[family]]);
    });

    test("a neighbour reaches it", async () => {
      const found = await probe({ host, netns: "/run/netns/c2" }, both(hostIn[family]));
      const seen = seesNeighbours ? addressIn(results["c2"], family) : gatewayIn[family];
      expect(found).toEqual([seen, seen]);
    });

    test("the host reaches it at its own address", async () => {
      const found = await probe({ host }, both(hostIn[family]));
      expect(found.every((seen) => seen === hostIn[family] || seen === gatewayIn[family])).toBe(true);
    });
  });

  test("the host reaches it at 127.0.0.1", async () => {
    expect(await probe({ host }, both("127.0.0.1"))).toEqual([gatewayIn[4], gatewayIn[4]]);
  });

  test("a UDP client that goes on sending loses at most one packet when the container is replaced", async () => {
    const udp = [{ hostPort: 5353, containerPort: 53, protocol: "udp" }];
    const says = async (name: string) => {
      const args = [`--net=/run/netns/${name}`, "--", process.execPath, `${programs}/udp-says.mjs`, "53", name];
      const server = host.start("nsenter", args);
      await server.firstOutput;
      return server;
    };
    await start("first", udp);
    const first = await says("first");
    const sender = outside.start(process.execPath, [`${programs}/udp-every.mjs`, hostIn[4], "5353", "1000", "6"]);
    await new Promise((done) => setTimeout(done, 2_100));
    // the next one is ready before its ports are its own
    const second = await attachSilently("second");
    await stop("first", udp);
    first.kill("SIGKILL");
    await second.publish(udp);
    const answers = (await sender.finished).stdout.trim().split(" ");
    expect(answers[0]).toBe("first");
    expect(answers.at(-1)).toBe("second");
    expect(answers.filter((answer) => answer === "-").length).toBeLessThanOrEqual(1);

    async function attachSilently(name: string) {
      await host.sh(`ip netns add ${name}`);
      const server = await says(name);
      return { server, publish: (published: readonly object[]) => start(name, published) };
    }
  });
});
