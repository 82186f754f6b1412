// A port of the host that somebody has: by portmap in both layouts of the reference, and by the bridge in Docker's.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dockerNetwork } from "../../docker-networks.ts";
import { Host } from "../../harness/host.ts";
import { attach as attachInDocker, call as callBridge, configOf, detach as detachInDocker } from "../docker/docker.ts";
import { attach, portmap, publish, unpublish, web } from "./portmap.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const config = configOf(dockerNetwork("br1", ["192.0.2.0/24", "2001:db8:1::/64"]), { name: "n1" });

/** How each of them publishes: what an ADD printed, and how to take it back. */
const ways = {
  "portmap with iptables": byPortmap({}),
  "portmap with nftables": byPortmap({ backend: "nftables" }),
  "portmap for a bridge of Docker": byPortmap({ docker: {} }, { docker: {} }),
  "the bridge itself": {
    add: async (containerId: string, ports: readonly object[], more: object = {}) => {
      await host.sh(`ip netns add ${containerId} 2> /dev/null || true`);
      return callBridge(host, "ADD", { config: { ...config, ...more }, name: containerId, ports });
    },
    del: (containerId: string, ports: readonly object[]) => detachInDocker(host, { config, name: containerId, ports }),
  },
};

function byPortmap(portmapConfig: object, bridgeChange?: object) {
  const results = new Map<string, unknown>();
  const change = bridgeChange === undefined ? {} : { ...bridgeChange, hairpinMode: undefined };
  return {
    add: async (containerId: string, ports: readonly object[], more: object = {}) => {
      const result = results.get(`${host.pid} ${containerId}`) ?? (await attach(host, containerId, change));
      results.set(`${host.pid} ${containerId}`, result);
      return portmap(host, "ADD", result, { containerId, ports, config: { ...portmapConfig, ...more } });
    },
    del: (containerId: string, ports: readonly object[]) =>
      unpublish(host, undefined, { containerId, ports, config: portmapConfig }),
  };
}

const codeOf = ({ exitCode, stdout }: { exitCode: number; stdout: string }) =>
  exitCode === 0 ? 0 : (JSON.parse(stdout).code as number);
const messageOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).msg as string;
const rules = () =>
  host.sh("iptables-save | grep '^-A'; ip6tables-save | grep '^-A'; nft list ruleset | grep dnat || true");

describe.each(Object.entries(ways))("%s", (_, { add, del }) => {
  test("names the container that has the port, and changes nothing", async () => {
    expect(codeOf(await add("c1", [web]))).toBe(0);
    // what the attachment itself writes is there before
    await host.sh("ip netns add c2");
    const before = await rules();
    const ran = await add("c2", [web]);
    expect(codeOf(ran)).toBe(100);
    expect(messageOf(ran)).toBe(
      "port 0.0.0.0:8080/tcp is held by container c1 of network n1; port [::]:8080/tcp is held by container c1 of network n1",
    );
    const dnat = (text: string) => text.split("\n").filter((line) => /DNAT|dnat/.test(line));
    expect(dnat(await rules())).toEqual(dnat(before));
    await del("c1", [web]);
    expect(codeOf(await add("c2", [web]))).toBe(0);
  });

  test("takes other protocols, addresses and families for other ports", async () => {
    const ports = [
      { ...web, hostIP: "192.0.2.99" },
      { ...web, protocol: "udp" },
      { ...web, hostIP: "127.0.0.1" },
      { ...web, hostIP: "fd00::1" },
    ];
    for (const [i, port] of ports.entries()) expect(codeOf(await add(`c${i}`, [port]))).toBe(0);
    expect(codeOf(await add("c9", [{ ...web, hostIP: "0.0.0.0" }]))).toBe(100);
  });

  test("names the process that has the port", async () => {
    const server = host.start("busybox", ["nc", "-l", "-p", "8080"]);
    await host.sh("for i in $(seq 100); do grep -q :1F90 /proc/net/tcp6 /proc/net/tcp && break; sleep 0.02; done");
    const ran = await add("c1", [web]);
    expect(codeOf(ran)).toBe(100);
    expect(messageOf(ran)).toMatch(/is held by a process on this host: busybox \(pid \d+\)/);
    expect(codeOf(await add("c1", [web], { portConflict: "off" }))).toBe(0);
    server.kill("SIGKILL");
  });

  test("warns instead when it is told to", async () => {
    expect(codeOf(await add("c1", [web]))).toBe(0);
    const ran = await add("c2", [web], { portConflict: "warn" });
    expect([codeOf(ran), ran.stderr]).toEqual([
      0,
      expect.stringContaining("going on although port 0.0.0.0:8080/tcp is held by container c1 of network n1"),
    ]);
  });

  test("replaces a container that is gone", async () => {
    expect(codeOf(await add("c1", [web]))).toBe(0);
    await host.sh("ip netns delete c1; while ip -oneline link | grep -q n1/c1; do sleep 0.01; done");
    const ran = await add("c2", [web]);
    expect([codeOf(ran), ran.stderr]).toEqual([
      0,
      expect.stringContaining("removed the published ports of c1 in n1, whose network namespace is gone"),
    ]);
    const translations = (await rules()).split("\n").filter((line) => /DNAT --to|dnat to/.test(line));
    // nft shows what iptables has in nftables, too
    expect(new Set(translations.map((line) => /(10\.1\.2|192\.0\.2)\.\d+|::\d+\]/.exec(line)?.[0])).size).toBe(2);
  });

  test("of many at once lets one have the port", async () => {
    const names = Array.from({ length: 20 }, (_each, i) => `m${i}`);
    const ran = await Promise.all(names.map((name) => add(name, [web])));
    const codes = ran.map(codeOf);
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    expect(codes.filter((code) => code === 100)).toHaveLength(19);
  });

  test("may publish again what it has", async () => {
    expect(codeOf(await add("c1", [web]))).toBe(0);
    await del("c1", [web]);
    expect(codeOf(await add("c1", [web]))).toBe(0);
    await del("c1", [web]);
    await del("c1", [web]);
    expect(await host.sh("ls /run/dockbridge/*")).not.toContain("ports");
  });
});

test("podman's monitor of a container may have its ports bound", async () => {
  const result = await attach(host);
  await host.sh("cp /usr/bin/busybox /run/conmon");
  const monitor = host.start("/run/conmon", ["nc", "-l", "-p", "8080"]);
  await host.sh("for i in $(seq 100); do grep -q :1F90 /proc/net/tcp6 /proc/net/tcp && break; sleep 0.02; done");
  await publish(host, result);
  monitor.kill("SIGKILL");
});

test("a container of a bridge of Docker and one of portmap share the ports of the host", async () => {
  await attachInDocker(host, { config, name: "c1", ports: [web] });
  const result = await attach(host, "c2");
  expect(messageOf(await portmap(host, "ADD", result, { containerId: "c2" }))).toContain("container c1 of network n1");
});

test("a wrong portConflict is an error", async () => {
  const result = await attach(host);
  const ran = await portmap(host, "ADD", result, { config: { portConflict: "maybe" } });
  expect([codeOf(ran), messageOf(ran)]).toEqual([
    7,
    'portmap: portConflict: expected "error", "warn" or "off", got "maybe"',
  ]);
});
