// Networks and containers that get into each other's way, and calls that overlap.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dockerNetwork, dockerSubnet } from "../../docker-networks.ts";
import { Host } from "../../harness/host.ts";
import { callPlugin } from "../../harness/plugin.ts";
import { attach, call, configOf, detach, forward, rulesOf } from "./docker.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await host.sh(forward);
});
afterEach(() => host[Symbol.asyncDispose]());

const subnet = "192.0.2.0/24";
const network = dockerNetwork("bridge1", [subnet]);
const config = configOf(network);
const other = configOf(dockerNetwork("bridge2", ["198.51.100.0/24"]));
const c1 = { config, name: "c1" };
const c2 = { config, name: "c2" };
const web = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];

const messageOf = async (ran: ReturnType<typeof call>) => JSON.parse((await ran).stdout).msg as string;
const everything = async () => JSON.stringify([await rulesOf(host, 4), await rulesOf(host, 6)]);

describe("ADDs beside DELs", () => {
  test("do not make rules again that are being removed", async () => {
    const of = (i: number) => ({
      config,
      name: `m${i}`,
      ports: [{ hostPort: 10_000 + i, containerPort: 80, protocol: "tcp" }],
    });
    const first = Array.from({ length: 12 }, (_, i) => of(i));
    const second = Array.from({ length: 8 }, (_, i) => of(100 + i));
    for (const container of first) await attach(host, container);
    await Promise.all([
      ...first.map((container) => detach(host, container)),
      ...second.map((container) => attach(host, container)),
    ]);
    const rules = await rulesOf(host, 4);
    expect(rules["raw PREROUTING"]).toHaveLength(1 + second.length);
    expect(rules["nat DOCKER"]).toHaveLength(1 + second.length);
    for (const container of second) await detach(host, container);
    expect(await everything()).not.toMatch(/bridge1|192\.0\.2/);
  });

  test("that fail do not leave their rules to others", async () => {
    await attach(host, c1);
    const routes = [{ dst: "10.0.0.0/8", gw: "203.0.113.1" }];
    const failing = { ...config, ipam: { ...(config["ipam"] as object), routes } };
    const names = Array.from({ length: 6 }, (_, i) => `f${i}`);
    await host.sh(`for n in ${names.join(" ")} ${names.map((name) => `g${name}`).join(" ")}; do ip netns add $n; done`);
    const ran = await Promise.all(
      names.flatMap((name, i) => [
        call(host, "ADD", { config: failing, name, ports: [{ ...web[0], hostPort: 9000 + i }] }),
        call(host, "ADD", { config, name: `g${name}`, ports: [{ ...web[0], hostPort: 9100 + i }] }),
      ]),
    );
    expect(ran.map(({ exitCode }) => exitCode)).toEqual(names.flatMap(() => [1, 0]));
    const rules = await rulesOf(host, 4);
    expect(rules["raw PREROUTING"]).toHaveLength(1 + 1 + names.length);
    expect(rules["nat DOCKER"]).toHaveLength(1 + names.length);
  });
});

describe("two networks", () => {
  test.each([
    ["the same subnet", [subnet]],
    ["a part of it", ["192.0.2.128/25"]],
    ["one around it", ["192.0.0.0/16"]],
  ])("cannot have %s while there are containers", async (_, subnets) => {
    await attach(host, c1);
    const before = await everything();
    await host.sh("ip netns add c2");
    const overlapping = configOf(dockerNetwork("bridge2", subnets));
    expect(await messageOf(call(host, "ADD", { config: overlapping, name: "c2" }))).toBe(
      `${subnets[0]} overlaps with 192.0.2.0/24 of the network net-bridge1 on bridge1, which has containers`,
    );
    expect(await everything()).toBe(before);
    await detach(host, c1);
    await attach(host, { config: overlapping, name: "c2" });
  });

  test("of one container: the one that it goes out by publishes its ports", async () => {
    const loopback = [{ ...web[0], hostIP: "127.0.0.1" }];
    await attach(host, { ...c1, ports: loopback });
    const alone = await rulesOf(host, 4);
    const second = { config: other, name: "c1", ifname: "eth1", ports: loopback };
    const ran = await call(host, "ADD", second);
    expect([ran.exitCode, ran.stderr.trim()]).toEqual([
      0,
      "port 127.0.0.1:8080:80/tcp is not published in IPv4: the container has no default route by this network",
    ]);
    expect((await rulesOf(host, 4))["nat DOCKER"]).toEqual(alone["nat DOCKER"]);
    const prevResult = JSON.parse(ran.stdout);
    expect((await call(host, "CHECK", { ...second, prevResult })).exitCode).toBe(0);
    await detach(host, second);
    expect(await rulesOf(host, 4)).toEqual(alone);
  });

  test("of one container: a routed one opens its ports anyway", async () => {
    const routed = dockerNetwork("bridge2", [], {
      subnets: { 4: dockerSubnet("198.51.100.0/24", { gatewayMode: "routed" }) },
    });
    await attach(host, c1);
    await attach(host, { config: configOf(routed), name: "c1", ifname: "eth1", ports: web });
    expect((await rulesOf(host, 4))["filter DOCKER"]).toContain(
      "-A DOCKER -d 198.51.100.2/32 ! -i bridge2 -o bridge2 -p tcp -m tcp --dport 80 -j ACCEPT",
    );
  });
});

describe("rules that somebody has removed", () => {
  test.each([
    ["nat DOCKER", "iptables -t nat -F DOCKER"],
    ["nat POSTROUTING", "iptables -t nat -F POSTROUTING"],
    ["filter DOCKER", "iptables -F DOCKER"],
    ["raw PREROUTING", "iptables -t raw -F"],
    ["one rule", "iptables -t nat -D DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80"],
    ["the policy", "nft flush ruleset"],
  ])("%s come back with the next ADD, whatever it publishes", async (_, command) => {
    await host.sh("echo 0 > /proc/sys/net/ipv4/ip_forward");
    await attach(host, { ...c1, ports: web });
    const complete = await rulesOf(host, 4);
    await host.sh(command);
    await attach(host, c2);
    await detach(host, c2);
    expect(await rulesOf(host, 4)).toEqual(complete);
  });

  test("come back for a loopback port of an unprotected network", async () => {
    const open = configOf(
      dockerNetwork("bridge1", [], { subnets: { 4: dockerSubnet(subnet, { gatewayMode: "nat-unprotected" }) } }),
    );
    await attach(host, { config: open, name: "c1", ports: [{ ...web[0], hostIP: "127.0.0.1" }] });
    const complete = await rulesOf(host, 4);
    await host.sh("iptables -t raw -F");
    await attach(host, { config: open, name: "c2" });
    expect(await rulesOf(host, 4)).toEqual(complete);
  });

  test("or put elsewhere are named by CHECK", async () => {
    const prevResult = await attach(host, c1);
    await host.sh("iptables -D DOCKER-FORWARD -j DOCKER-BRIDGE; iptables -A DOCKER-FORWARD -j DOCKER-BRIDGE");
    expect(await messageOf(call(host, "CHECK", { ...c1, prevResult }))).toBe(
      "in chain DOCKER-FORWARD of IPv4, -i bridge1 -j ACCEPT is above -j DOCKER-BRIDGE",
    );
  });
});

describe("a network with containers", () => {
  test.each([
    ["chainPrefix", { ...network, chainPrefix: "QQ" }, "chainPrefix (DOCKER before, QQ now)"],
    ["internal", { ...network, internal: true }, "internal (false before, true now)"],
    [
      "the gateway mode",
      { ...network, subnets: { 4: dockerSubnet(subnet, { gatewayMode: "routed" as const }) } },
      "gatewayModeIPv4 (nat before, routed now)",
    ],
  ])("keeps %s", async (_, changed, what) => {
    await attach(host, { ...c1, ports: web });
    const before = await everything();
    await host.sh("ip netns add c2");
    expect(await messageOf(call(host, "ADD", { config: configOf(changed), name: "c2" }))).toBe(
      `${what} of the network net-bridge1 was changed, which has containers: remove them before`,
    );
    expect(await everything()).toBe(before);
  });
});

test("an address that is given again leads to its new owner only", async () => {
  const small = configOf(dockerNetwork("bridge1", ["10.4.0.0/30"]));
  await attach(host, { config: small, name: "c1", ports: web });
  await host.sh("ip netns delete c1; while ip -oneline link | grep -q /c1/; do sleep 0.01; done");
  await attach(host, { config: small, name: "c2" });
  expect(await everything()).not.toMatch(/8080|--dport 80/);
  expect((await rulesOf(host, 4))["raw PREROUTING"]).toHaveLength(2);
  await detach(host, { config: small, name: "c1" });
  expect((await rulesOf(host, 4))["raw PREROUTING"]).toHaveLength(2);
});

test("a DEL that is late leaves the interface of another container in the same namespace", async () => {
  await host.sh("ip netns add x");
  const ofX = (containerId: string, verb: "ADD" | "DEL") =>
    callPlugin(host, { verb, config, containerId, netns: "/run/netns/x" });
  expect((await ofX("o1", "ADD")).exitCode).toBe(0);
  await host.sh("ip netns delete x; while ip -oneline link | grep -q /o1/; do sleep 0.01; done; ip netns add x");
  expect((await ofX("o2", "ADD")).exitCode).toBe(0);
  expect((await ofX("o1", "DEL")).exitCode).toBe(0);
  expect(await host.sh("ip -n x -brief link show eth0")).toContain("UP");
  expect((await ofX("o2", "DEL")).exitCode).toBe(0);
  expect(await host.sh("ip -n x -brief link | grep -c eth0 || true")).toBe("0");
});

test("an interface that is trusted twice is trusted once", async () => {
  const trusting = configOf({ ...network, trustedHostInterfaces: ["eth1", "eth1"] });
  await attach(host, { config: trusting, name: "c1" });
  expect((await rulesOf(host, 4))["raw PREROUTING"]).toHaveLength(3);
  await detach(host, { config: trusting, name: "c1" });
  expect(await everything()).not.toContain("bridge1");
});

test("a gateway may be link-local", async () => {
  const ranges = [[{ subnet }], [{ subnet: "2001:db8:1::/64", gateway: "fe80::1" }]];
  const local = { ...config, ipam: { type: "host-local", ranges } };
  const prevResult = await attach(host, { config: local, name: "c1" });
  expect(await host.sh("ip -6 address show bridge1")).toContain("fe80::1/64");
  expect((await call(host, "CHECK", { config: local, name: "c1", prevResult })).stdout).toBe("");
});

test("CHECK names a default route that leads elsewhere", async () => {
  const prevResult = await attach(host, c1);
  await host.sh("ip -n c1 route replace default via 192.0.2.77");
  expect(await messageOf(call(host, "CHECK", { ...c1, prevResult }))).toBe(
    "the container's route to 0.0.0.0/0 is by 192.0.2.77 instead of by 192.0.2.1",
  );
});

test("STATUS tells what is wrong with a network that has containers", async () => {
  const status = async (of: object) =>
    JSON.parse((await callPlugin(host, { verb: "STATUS", config: of })).stdout || "{}");
  await attach(host, c1);
  expect(await status(config)).toEqual({});
  expect(await status({ ...config, name: "n2" })).toEqual({
    code: 50,
    msg: "bridge1 is the bridge of the network net-bridge1, which has containers",
  });
  await host.sh("iptables -D DOCKER-FORWARD -i bridge1 -j ACCEPT");
  expect(await status(config)).toEqual({
    code: 51,
    msg: "there is no rule of: iptables -t filter -A DOCKER-FORWARD -i bridge1 -j ACCEPT",
  });
  await host.sh("ip link delete bridge1");
  expect(await status(config)).toEqual({ code: 51, msg: "the bridge bridge1 is gone, and containers were on it" });
});

test.each([
  [
    "no subnet",
    { ranges: [[{ subnet: "0.0.0.0/0", rangeStart: "10.0.0.2", rangeEnd: "10.0.0.9", gateway: "10.0.0.1" }]] },
    {},
    "bridge: docker: 10.0.0.2/0 has no subnet",
  ],
  [
    "a gateway of another one",
    { ranges: [[{ subnet, gateway: "203.0.113.1" }]] },
    {},
    "the gateway 203.0.113.1 that IPAM gave is not in 192.0.2.0/24",
  ],
  [
    "IPv6 and a small MTU",
    { ranges: [[{ subnet: "2001:db8:1::/64" }]] },
    { mtu: 1200 },
    "mtu 1200 is too small for an IPv6 address: 1280 is the least",
  ],
])("%s is an error before anything is made", async (_, ipam, more, message) => {
  await host.sh("ip netns add c1");
  const wrong = { ...config, ...more, ipam: { type: "host-local", ...ipam } };
  expect(await messageOf(call(host, "ADD", { config: wrong, name: "c1" }))).toBe(message);
  expect(
    await host.sh(
      "ip -brief link | wc -l; iptables-save | wc -l; find /run/dockbridge -type f ! -name lock 2> /dev/null || true",
    ),
  ).toBe("1\n0");
});

test("an internal network has no way out, whatever IPAM says", async () => {
  const routes = [{ dst: "0.0.0.0/0", gw: "192.0.2.1" }];
  const internal = configOf({ ...network, internal: true });
  const withRoute = { ...internal, ipam: { ...(internal["ipam"] as object), routes } };
  const result = await attach(host, { config: withRoute, name: "c1" });
  expect(result.routes ?? []).toEqual([]);
  expect(await host.sh("ip -n c1 route show default")).toBe("");
});
