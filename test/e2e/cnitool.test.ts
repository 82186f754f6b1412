// The whole way that a runtime goes: a conflist of conf/, the CNI library in cnitool, the built executable, real traffic.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CnitoolCall, cnitool, writeConflists } from "../harness/cnitool.ts";
import { Host } from "../harness/host.ts";
import { askTcp, connectHosts, serveTcp } from "../harness/traffic.ts";

let host: Host;
let outside: Host;
let directory: string;

beforeAll(async () => {
  host = await Host.start();
  outside = await Host.start();
  await connectHosts(host, outside, { a: "192.0.2.1/24", b: "192.0.2.2/24" });
  await host.sh("ip address add 2001:db8::1/64 dev uplink nodad");
  await outside.sh("ip address add 2001:db8::2/64 dev uplink nodad");
  directory = writeConflists(host, {
    "90-kubernetes.conflist": readFileSync("conf/90-kubernetes.conflist", "utf8"),
  });
  await host.container("one");
  await host.container("two");
});

afterAll(async () => {
  await outside[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const one = "/run/netns/one";
const two = "/run/netns/two";

async function run(verb: CnitoolCall["verb"], netns: string): Promise<string> {
  const { exitCode, stdout, stderr } = await cnitool(host, { verb, network: "pods", netns, directory });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

// each test goes on from the state in which the one before left the host
describe("a network of conf/ through cnitool", () => {
  test("status says that it can serve", async () => {
    expect(await run("status", one)).toBe("");
  });

  test("add gives each container an address of both families", async () => {
    const results = [JSON.parse(await run("add", one)), JSON.parse(await run("add", two))];
    const addresses = results.map((result) => result.ips.map((ip: { address: string }) => ip.address));
    expect(addresses).toEqual([
      ["10.88.0.2/16", "fd00:88::2/64"],
      ["10.88.0.3/16", "fd00:88::3/64"],
    ]);
  });

  test("check finds both as they should be", async () => {
    expect(await run("check", one)).toBe("");
    expect(await run("check", two)).toBe("");
  });

  test.each([
    { family: "IPv4", address: "10.88.0.2", seen: "10.88.0.3" },
    { family: "IPv6", address: "fd00:88::2", seen: "fd00:88::3" },
  ])("the containers talk to each other by $family, with their own addresses", async ({ address, seen }) => {
    const port = address.includes(":") ? 8006 : 8004;
    await serveTcp({ host, netns: one }, port);
    expect(await askTcp({ host, netns: two }, address, port)).toBe(seen);
  });

  test.each([
    { family: "IPv4", address: "192.0.2.2", seen: "192.0.2.1", port: 9004 },
    { family: "IPv6", address: "2001:db8::2", seen: "2001:db8::1", port: 9006 },
  ])("a machine outside sees the host's $family address", async ({ address, seen, port }) => {
    await serveTcp({ host: outside }, port);
    expect(await askTcp({ host, netns: one }, address, port)).toBe(seen);
  });

  test("the host reaches a container", async () => {
    await serveTcp({ host, netns: two }, 7004);
    expect(await askTcp({ host }, "10.88.0.3", 7004)).toBe("10.88.0.1");
  });

  test("check names what somebody changed", async () => {
    await host.sh("ip -n two route delete default");
    const { exitCode, stderr } = await cnitool(host, { verb: "check", network: "pods", netns: two, directory });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the container has no route to 0.0.0.0/0");
  });

  test("del removes everything of one container and nothing of the other", async () => {
    expect(await run("del", one)).toBe("");
    expect(await host.sh("ip -n one -oneline link | wc -l")).toBe("1");
    expect(await host.sh("ls /var/lib/cni/networks/pods")).toBe(
      "10.88.0.3\nfd00:88::3\nlast_reserved_ip.0\nlast_reserved_ip.1\nlock",
    );
    expect(await host.sh("iptables-save -t nat | grep -c MASQUERADE")).toBe("1");
    expect(await run("del", one)).toBe("");
  });

  test("gc removes what no runtime knows any more", async () => {
    expect(await run("gc", two)).toBe("");
    expect(await host.sh("ls /var/lib/cni/networks/pods")).toBe("last_reserved_ip.0\nlast_reserved_ip.1\nlock");
    expect(await host.sh("iptables-save -t nat | grep -c CNI- || true")).toBe("0");
    expect(await host.sh("ip6tables-save -t nat | grep -c CNI- || true")).toBe("0");
    expect(await host.sh("ip -oneline link show type veth | grep -vc uplink || true")).toBe("0");
  });
});
