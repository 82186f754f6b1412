// A network of Docker from its first container to its last, with everything that may go wrong in between.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dockerNetwork, dockerSubnet } from "../../docker-networks.ts";
import { Host } from "../../harness/host.ts";
import { callPlugin, callSuccessfully } from "../../harness/plugin.ts";
import { probe, serve } from "../../harness/traffic.ts";
import { attach, call, callOf, configOf, detach, forward, rulesOf } from "./docker.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const subnet = "192.0.2.0/24";
const twins = [subnet, "2001:db8:1::/64"];
const network = dockerNetwork("bridge1", [subnet]);
const config = configOf(network);
const c1 = { config, name: "c1" };
const c2 = { config, name: "c2" };
const web = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];

const link = (command: string) => host.sh(`ip -details -json ${command}`).then((text) => JSON.parse(text)[0]);
const sysctl = (key: string) => host.sh(`cat /proc/sys/${key}`);
const messageOf = async (ran: ReturnType<typeof call>) => JSON.parse((await ran).stdout).msg as string;

describe("the links", () => {
  test("are as Docker makes them", async () => {
    const both = configOf(dockerNetwork("bridge1", twins), { mtu: 1400 });
    await attach(host, { config: both, name: "c1" });
    const bridge = await link("link show bridge1");
    expect([bridge.operstate, bridge.mtu, bridge.txqlen]).toEqual(["UP", 1400, undefined]);
    expect(Number.parseInt(bridge.address, 16) & 3).toBe(2);
    const [port] = JSON.parse(await host.sh("ip -details -json link show master bridge1"));
    expect([port.mtu, port.txqlen, port.linkinfo.info_slave_data.hairpin]).toEqual([1400, undefined, true]);
    expect(port.linkinfo.info_slave_data.state).toBe("forwarding");
    const eth0 = await link("-n c1 link show eth0");
    expect([eth0.operstate, eth0.mtu, eth0.txqlen]).toEqual(["UP", 1400, undefined]);
    const { addr_info: addresses } = await link("-n c1 address show eth0");
    expect(addresses[0]).toMatchObject({ local: "192.0.2.2", prefixlen: 24, broadcast: "192.0.2.255" });
    expect(addresses[1]).toMatchObject({ local: "2001:db8:1::2", prefixlen: 64, nodad: true });
    expect(await host.sh("ip -n c1 route show default; ip -n c1 -6 route show default")).toMatch(
      /default via 192\.0\.2\.1 dev eth0 \ndefault via 2001:db8:1::1 dev eth0/,
    );
    expect(await sysctl("net/ipv6/conf/bridge1/accept_ra")).toBe("0");
    expect(await sysctl("net/ipv4/conf/bridge1/route_localnet")).toBe("1");
    for (const family of ["ip", "ip6"]) expect(await sysctl(`net/bridge/bridge-nf-call-${family}tables`)).toBe("1");
    // the kernel's own announcing and detecting stay as they were
    const inContainer = (key: string) => host.sh(`ip netns exec c1 cat /proc/sys/net/${key}`);
    expect(await inContainer("ipv4/conf/eth0/arp_notify")).toBe(await inContainer("ipv4/conf/default/arp_notify"));
    expect(await inContainer("ipv6/conf/eth0/accept_dad")).toBe(await inContainer("ipv6/conf/default/accept_dad"));
  });

  test("have no IPv6 in the container when the network has none", async () => {
    await attach(host, c1);
    expect(await host.sh("ip netns exec c1 cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6")).toBe("1");
    expect(await host.sh("ip -n c1 -6 address show eth0")).toBe("");
  });

  test("take the MAC address of the configuration, or one of the IPv4 address", async () => {
    const macOf = (name: string) => link(`-n ${name} link show eth0`).then(({ address }) => address);
    const docker = { ...(config["docker"] as object), macFromIP: true };
    await attach(host, { config: { ...config, docker }, name: "c1" });
    expect(await macOf("c1")).toBe("02:42:c0:00:02:02");
    await attach(host, { config: { ...config, docker, args: { cni: { mac: "0a:00:00:00:00:09" } } }, name: "c2" });
    expect(await macOf("c2")).toBe("0a:00:00:00:00:09");
  });

  test("of an internal network lead nowhere else", async () => {
    const internal = configOf(dockerNetwork("bridge1", twins, { internal: true }));
    const result = await attach(host, { config: internal, name: "c1" });
    expect(await host.sh("ip -n c1 route show default; ip -n c1 -6 route show default")).toBe("");
    expect(result.routes ?? []).toEqual([]);
    expect(await host.sh("ip -4 -oneline address show bridge1")).toContain("192.0.2.1/24");
  });

  test("of an isolated network have no address on the bridge", async () => {
    const isolated = dockerNetwork("bridge1", [], {
      internal: true,
      subnets: {
        4: dockerSubnet(subnet, { gatewayMode: "isolated" }),
        6: dockerSubnet("2001:db8:1::/64", { gatewayMode: "isolated" }),
      },
    });
    const result = await attach(host, { config: configOf(isolated), name: "c1" });
    expect(await host.sh("ip address show bridge1 | grep -c inet || true")).toBe("0");
    expect(result.ips.map((ip: { gateway?: string }) => ip.gateway)).toEqual([undefined, undefined]);
    const prevResult = result;
    expect((await call(host, "CHECK", { config: configOf(isolated), name: "c1", prevResult })).exitCode).toBe(0);
  });

  test("of a network with inhibitIPv4 leave the gateway to somebody else", async () => {
    const docker = { ...(config["docker"] as object), inhibitIPv4: true };
    const result = await attach(host, { config: { ...config, docker }, name: "c1" });
    expect(await host.sh("ip -4 address show bridge1")).toBe("");
    expect(await host.sh("ip -n c1 route show default")).toContain("default via 192.0.2.1 dev eth0");
    const check = call(host, "CHECK", { config: { ...config, docker }, name: "c1", prevResult: result });
    expect((await check).exitCode).toBe(0);
  });

  test("take the place of another address of a bridge that was there", async () => {
    await host.sh(`ip link add bridge1 type bridge
      ip address add 198.51.100.1/24 dev bridge1; ip address add 192.0.2.9/24 dev bridge1; ip address add fd00::1/64 dev bridge1`);
    await attach(host, { config: configOf(dockerNetwork("bridge1", twins)), name: "c1" });
    const addresses = await host.sh("ip -brief address show bridge1 | tr -s ' ' '\\n' | grep / | grep -v fe80");
    expect(addresses.split("\n").sort()).toEqual(["192.0.2.1/24", "198.51.100.1/24", "2001:db8:1::1/64"]);
  });
});

test("others on the link hear of the address at once", async () => {
  const both = configOf(dockerNetwork("bridge1", twins));
  await attach(host, { config: both, name: "c1" });
  await host.sh("echo 1 > /proc/sys/net/ipv4/conf/bridge1/arp_accept");
  // what the host knows of the next container's addresses is wrong
  await host.sh(
    "for ip in 192.0.2.3 2001:db8:1::3; do ip neighbour add $ip lladdr 02:00:00:00:00:99 dev bridge1 nud stale; done",
  );
  const result = await attach(host, { config: both, name: "c2" });
  const [, , { mac }] = result.interfaces;
  for (const ip of ["192.0.2.3", "2001:db8:1::3"])
    expect(await host.sh(`ip neighbour show ${ip} dev bridge1`)).toContain(mac);
  // the container does not look for itself from then on
  expect(await host.sh("ip -n c2 neighbour | grep -e 192.0.2.3 -e 2001:db8:1::3 || true")).toBe("");
});

describe("forwarding", () => {
  const policy = async (family: 4 | 6) => (await rulesOf(host, family))["filter FORWARD"]?.[0];

  test("is switched on with the policy DROP", async () => {
    await attach(host, { config: configOf(dockerNetwork("bridge1", twins)), name: "c1" });
    expect(await sysctl("net/ipv4/ip_forward")).toBe("1");
    expect(await sysctl("net/ipv6/conf/all/forwarding")).toBe("1");
    expect([await policy(4), await policy(6)]).toEqual(["DROP", "DROP"]);
  });

  test("that was on leaves the policy alone", async () => {
    await host.sh(forward);
    await attach(host, { config: configOf(dockerNetwork("bridge1", twins)), name: "c1" });
    expect([await policy(4), await policy(6)]).toEqual(["ACCEPT", "ACCEPT"]);
  });

  test("of IPv6 is left alone in a network without it", async () => {
    await attach(host, c1);
    expect(await sysctl("net/ipv6/conf/all/forwarding")).toBe("0");
    expect(await rulesOf(host, 6)).toEqual({});
  });
});

describe("the rules of a network", () => {
  test("are there from the first container to the last, and DOCKER-USER is not ours", async () => {
    await host.sh(forward);
    await attach(host, c1);
    await host.sh("iptables -A DOCKER-USER -s 203.0.113.9 -j DROP");
    const alone = await rulesOf(host, 4);
    await attach(host, c2);
    await detach(host, c2);
    expect(await rulesOf(host, 4)).toEqual(alone);
    await attach(host, c2);
    await detach(host, c1);
    const { "raw PREROUTING": raw, ...others } = await rulesOf(host, 4);
    expect(raw).toEqual(["ACCEPT", "-A PREROUTING -d 192.0.2.4/32 ! -i bridge1 -j DROP"]);
    const { "raw PREROUTING": _, ...othersAlone } = alone;
    expect(others).toEqual(othersAlone);
    await detach(host, c2);
    const left = await rulesOf(host, 4);
    expect(left["filter DOCKER-USER"]).toEqual(["-", "-A DOCKER-USER -s 203.0.113.9/32 -j DROP"]);
    expect(JSON.stringify(left)).not.toContain("bridge1");
  });

  test("and of all its containers come back with the next ADD when somebody has flushed them", async () => {
    await host.sh(forward);
    await attach(host, { ...c1, ports: web });
    await attach(host, c2);
    const complete = await rulesOf(host, 4);
    const c3 = { config, name: "c3" };
    for (const table of ["raw", "nat", "filter"]) {
      await host.sh(`iptables -t ${table} -F; iptables -t ${table} -X`);
      await attach(host, c3);
      await detach(host, c3);
      expect(await rulesOf(host, 4)).toEqual(complete);
    }
    await host.sh("for t in raw nat filter; do iptables -t $t -F; iptables -t $t -X; done");
    await attach(host, c3);
    await detach(host, c3);
    expect(await rulesOf(host, 4)).toEqual(complete);
  });

  test("follow a configuration that was changed", async () => {
    await host.sh(forward);
    await attach(host, c1);
    const closed = configOf({ ...network, icc: false });
    await attach(host, { config: closed, name: "c2" });
    expect((await rulesOf(host, 4))["filter DOCKER-FORWARD"]?.slice(4)).toEqual([
      "-A DOCKER-FORWARD -i bridge1 -o bridge1 -j DROP",
      "-A DOCKER-FORWARD -i bridge1 ! -o bridge1 -j ACCEPT",
    ]);
    await detach(host, c1);
    await detach(host, c2);
    expect(JSON.stringify(await rulesOf(host, 4))).not.toContain("bridge1");
  });

  test("go also when the configuration is that of the reference by then", async () => {
    await attach(host, { ...c1, ports: web });
    const { docker: _, ...plain } = config;
    await detach(host, { config: plain, name: "c1" });
    expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
  });

  test("go with what is known when the record is lost", async () => {
    const prevResult = await attach(host, { ...c1, ports: web });
    await host.sh("rm -r /run/dockbridge; ip netns delete c1");
    await detach(host, { ...c1, ports: web, prevResult });
    expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
  });

  test("of one container go, and of others stay, when the record is lost", async () => {
    await attach(host, c1);
    const alone = await rulesOf(host, 4);
    const prevResult = await attach(host, { ...c2, ports: web });
    await host.sh("rm -r /run/dockbridge");
    await detach(host, { ...c2, ports: web, prevResult });
    expect(await rulesOf(host, 4)).toEqual(alone);
  });

  test("stay with another container that has the address by the time of a second DEL", async () => {
    const prevResult = await attach(host, c1);
    await detach(host, { ...c1, prevResult });
    const again = { ...config, ipam: { ...(config["ipam"] as object), allocation: "lowest" } };
    await attach(host, { config: again, name: "c2" });
    const rules = await rulesOf(host, 4);
    expect(rules["raw PREROUTING"]).toContain("-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP");
    await detach(host, { ...c1, prevResult });
    expect(await rulesOf(host, 4)).toEqual(rules);
  });

  test("are the same after many ADDs and DELs at once", async () => {
    await host.sh(forward);
    const many = Array.from({ length: 12 }, (_, i) => ({ config, name: `m${i}`, ports: [] as object[] }));
    await Promise.all(
      many.map((container, i) => attach(host, { ...container, ports: [{ ...web[0], hostPort: 9000 + i }] })),
    );
    const rules = await rulesOf(host, 4);
    expect(rules["raw PREROUTING"]).toHaveLength(13);
    expect(rules["nat DOCKER"]).toHaveLength(13);
    expect(rules["filter DOCKER"]).toHaveLength(14);
    expect(rules["filter DOCKER"]?.at(-1)).toBe("-A DOCKER ! -i bridge1 -o bridge1 -j DROP");
    expect(rules["filter DOCKER-FORWARD"]).toHaveLength(5);
    await Promise.all(many.map((container) => detach(host, container)));
    expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
    expect(await host.sh("ls /run/dockbridge/*")).toBe("lock");
  });
});

describe("two networks", () => {
  const other = configOf(dockerNetwork("bridge2", ["198.51.100.0/24"]));

  test("of one container: the first gives it the default route, and each goes by itself", async () => {
    await host.sh(forward);
    await attach(host, c1);
    const alone = await rulesOf(host, 4);
    const result = await attach(host, { config: other, name: "c1", ifname: "eth1" });
    expect(result.routes ?? []).toEqual([]);
    expect(await host.sh("ip -n c1 route show default")).toBe("default via 192.0.2.1 dev eth0");
    const check = call(host, "CHECK", { config: other, name: "c1", ifname: "eth1", prevResult: result });
    expect((await check).exitCode).toBe(0);
    await serve({ host }, 90);
    expect(await probe({ host, netns: "/run/netns/c1" }, [["tcp", "198.51.100.1", 90]])).toEqual(["198.51.100.2"]);
    await detach(host, { config: other, name: "c1", ifname: "eth1" });
    expect(await rulesOf(host, 4)).toEqual(alone);
    expect(await host.sh("ip -n c1 -brief link | grep -c eth")).toBe("1");
  });

  test("an internal one first: the second gives the default route", async () => {
    const internal = configOf({ ...network, internal: true });
    await attach(host, { config: internal, name: "c1" });
    await attach(host, { config: other, name: "c1", ifname: "eth1" });
    expect(await host.sh("ip -n c1 route show default")).toBe("default via 198.51.100.1 dev eth1");
  });

  test("with one subnet cannot have one container", async () => {
    await attach(host, c1);
    const same = configOf(dockerNetwork("bridge2", ["192.0.0.0/16"]));
    const ran = call(host, "ADD", { config: same, name: "c1", ifname: "eth1" });
    expect(await messageOf(ran)).toBe(
      "the container has a route to 192.0.2.0/24 already, which overlaps with 192.0.0.0/16",
    );
  });

  test("have two bridges", async () => {
    await attach(host, c1);
    const rules = await rulesOf(host, 4);
    await host.sh("ip netns add c2");
    const message = await messageOf(call(host, "ADD", { config: { ...config, name: "another" }, name: "c2" }));
    expect(message).toBe(
      "bridge1 is the bridge of the network net-bridge1, which has containers: each network needs its own",
    );
    expect(await rulesOf(host, 4)).toEqual(rules);
    // those of a namespace that is gone are in nobody's way
    await host.sh("ip netns delete c1");
    await attach(host, { config: { ...config, name: "another" }, name: "c2" });
    expect((await rulesOf(host, 4))["raw PREROUTING"]).toEqual([
      "ACCEPT",
      "-A PREROUTING -d 192.0.2.3/32 ! -i bridge1 -j DROP",
    ]);
  });

  test("of one name: the subnet cannot change under a container", async () => {
    await attach(host, c1);
    await host.sh("ip netns add c2");
    const moved = configOf(dockerNetwork("bridge1", ["198.51.100.0/24"]));
    expect(await messageOf(call(host, "ADD", { config: moved, name: "c2" }))).toContain(
      "bridge1 has another gateway address, which containers of the network use",
    );
    await detach(host, c1);
    await attach(host, { config: moved, name: "c2" });
    expect(await host.sh("ip -brief -4 address show bridge1")).toMatch(/198\.51\.100\.1\/24$/);
  });
});

describe("an ADD that fails", () => {
  const badRoute = { ipam: { ...(config["ipam"] as object), routes: [{ dst: "10.0.0.0/8", gw: "203.0.113.1" }] } };
  const state = () =>
    host.sh(`ip -oneline link | sed 's/^[0-9]*: //; s/ mtu.*//'; ip -oneline address show scope global
      iptables-save | grep '^-A'; find /var/lib/cni -type f -name '192.*'; cat /run/dockbridge/*/*.json || true`);

  test("as the first leaves the frame that Docker has without networks", async () => {
    await host.sh("ip netns add c1");
    expect(
      await messageOf(call(host, "ADD", { config: { ...config, ...badRoute }, name: "c1", ports: web })),
    ).toContain("ENETUNREACH");
    expect(await host.sh("ip -brief link | wc -l")).toBe("1");
    expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
    expect(await host.sh("ls /run/dockbridge/*")).toBe("forward-drop-4\nlock");
  });

  test("later leaves the others as they are", async () => {
    await attach(host, { ...c1, ports: web });
    const before = await state();
    await host.sh("ip netns add c2");
    expect((await call(host, "ADD", { config: { ...config, ...badRoute }, name: "c2" })).exitCode).toBe(1);
    expect(await state()).toBe(before);
  });

  test("because iptables is missing says so, and leaves nothing", async () => {
    await host.sh("ip netns add c1; mount --bind /run/netns /usr/sbin");
    const ran = await callPlugin(host, { ...callOf("ADD", c1), env: { PATH: "/nonexistent" } });
    await host.sh("umount /usr/sbin");
    expect(JSON.parse(ran.stdout).msg).toContain("the network needs iptables-restore, which is in none of");
    expect(await host.sh("ip -brief link | wc -l")).toBe("1");
    expect(await host.sh("find /run/dockbridge 2> /dev/null || true")).toBe("");
  });

  test("and was killed at any moment is put right by the next ADD, or by DEL", async () => {
    await host.sh(`${forward}; ip netns add c1`);
    for (const [i, delay] of [8, 14, 20, 24, 28, 32, 36, 40].entries()) {
      const { verb, config: asked, containerId, netns } = callOf("ADD", { ...c1, ports: web });
      const input = JSON.stringify(asked);
      await host.run(
        "timeout",
        ["--signal=KILL", `0.0${String(delay).padStart(2, "0")}`, `${process.cwd()}/dist/cni/bin/bridge`],
        {
          input,
          env: {
            CNI_COMMAND: verb,
            CNI_CONTAINERID: containerId ?? "",
            CNI_NETNS: netns ?? "",
            CNI_IFNAME: "eth0",
            CNI_PATH: `${process.cwd()}/dist/cni/bin`,
          },
        },
      );
      if (i % 2 === 0) await callSuccessfully(host, callOf("DEL", { ...c1, ports: web }));
      else {
        // a runtime that retries makes a new namespace
        await host.sh("ip netns delete c1; ip netns add c1");
        await attach(host, { ...c1, ports: web });
        await detach(host, { ...c1, ports: web });
      }
      expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
      expect(
        await host.sh("ip -oneline link show type veth; ls /run/dockbridge/* 2> /dev/null | grep json || true"),
      ).toBe("");
    }
  });
});

describe("CHECK", () => {
  test("names every rule and setting that is missing", async () => {
    await host.sh(forward);
    const prevResult = await attach(host, { ...c1, ports: web });
    expect((await call(host, "CHECK", { ...c1, ports: web, prevResult })).exitCode).toBe(0);
    await host.sh(`iptables -D DOCKER-FORWARD -i bridge1 -j ACCEPT; iptables -t raw -F PREROUTING; iptables -t nat -F DOCKER
      iptables -D FORWARD -j DOCKER-USER
      echo 0 > /proc/sys/net/ipv4/conf/bridge1/route_localnet; echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables`);
    const message = await messageOf(call(host, "CHECK", { ...c1, ports: web, prevResult }));
    expect(message.split("; ")).toEqual([
      "net/ipv4/conf/bridge1/route_localnet is not 1",
      "net/bridge/bridge-nf-call-iptables is not 1",
      "there is no rule of: iptables -t filter -I FORWARD -j DOCKER-USER",
      "there is no rule of: iptables -t filter -A DOCKER-FORWARD -i bridge1 -j ACCEPT",
      "there is no rule of: iptables -t raw -A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP",
      "there is no rule of: iptables -t nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80",
    ]);
  });

  test("names what is different on the links", async () => {
    const prevResult = await attach(host, c1);
    const veth = prevResult.interfaces[1].name;
    await host.sh(`bridge link set dev ${veth} hairpin off; ip address delete 192.0.2.1/24 dev bridge1`);
    expect((await messageOf(call(host, "CHECK", { ...c1, prevResult }))).split("; ")).toEqual([
      "bridge1 does not have the address 192.0.2.1/24",
      `${veth} has hairpin off`,
    ]);
  });
});

test("GC removes what is neither valid nor alive, and says so", async () => {
  const [c3, c4] = [
    { config, name: "c3" },
    { config, name: "c4" },
  ];
  for (const container of [c1, c2, c3, c4]) await attach(host, container);
  await host.sh("ip netns delete c2; ip netns delete c3");
  const gc = (valid: readonly string[]) =>
    callPlugin(host, {
      verb: "GC",
      config: { ...config, "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })) },
    });
  const { exitCode, stderr } = await gc(["c1", "c3"]);
  expect({ exitCode, said: stderr.split("\n").filter((line) => line.includes("rules")) }).toEqual({
    exitCode: 0,
    said: ["GC: removed the firewall rules of c2 eth0 in net-bridge1"],
  });
  const raw = async () => (await rulesOf(host, 4))["raw PREROUTING"]?.slice(1).map((rule) => rule.split(" ")[3]);
  expect(await raw()).toEqual(["192.0.2.2/32", "192.0.2.4/32", "192.0.2.5/32"]);
  await host.sh("ip netns delete c1; ip netns delete c4");
  await gc([]);
  expect(JSON.stringify(await rulesOf(host, 4))).not.toMatch(/bridge1|192\.0\.2/);
});

describe("a dockerd that lives", () => {
  const daemon = () =>
    host.start("sh", [
      "-c",
      "cp /bin/sh /run/dockerd; mkfifo /run/never; exec /run/dockerd -c 'echo $$ > /run/docker.pid; echo ready; read -r x < /run/never'",
    ]);

  test("keeps its chains: an ADD says what to do, and changes nothing", async () => {
    await host.sh("ip netns add c1");
    const running = daemon();
    await running.firstOutput;
    const pid = await host.sh("cat /run/docker.pid");
    const expected = `dockerd (pid ${pid}) owns the chains DOCKER, DOCKER-FORWARD and so on, and flushes them when it starts: set chainPrefix in docker to another name than "DOCKER"`;
    expect(await messageOf(call(host, "ADD", c1))).toBe(expected);
    expect(JSON.parse((await callPlugin(host, { verb: "STATUS", config })).stdout)).toMatchObject({
      code: 50,
      msg: expected,
    });
    expect(await host.sh("ip -brief link | wc -l; iptables-save | wc -l; find /var/lib/cni -type f")).toBe("1\n0");
    await attach(host, { config: configOf({ ...network, chainPrefix: "CNI" }), name: "c1" });
    running.kill("SIGKILL");
  });
});

test("STATUS tells what an ADD would lack", async () => {
  expect((await callPlugin(host, { verb: "STATUS", config })).exitCode).toBe(0);
  await host.sh("mount --bind /run/netns /usr/sbin");
  const { stdout } = await callPlugin(host, { verb: "STATUS", config, env: { PATH: "/nonexistent" } });
  await host.sh("umount /usr/sbin");
  expect(JSON.parse(stdout)).toMatchObject({
    code: 50,
    msg: expect.stringContaining("the network needs iptables-restore"),
  });
});
