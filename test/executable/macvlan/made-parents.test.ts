// Parents that are made when they are not there: VLANs, and those of internal networks. Docker names them so.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Lan, macvlanConfig, startLan } from "../../harness/lan.ts";
import { callPlugin, callSuccessfully } from "../../harness/plugin.ts";
import { probe, serve } from "../../harness/traffic.ts";
import { kernelHasMadeParents } from "../../harness/vlan.ts";

const ranges = [[{ subnet: "10.7.0.0/24" }], [{ subnet: "fd00:7::/64" }]];
const ipam = { type: "host-local", ranges, routes: [{ dst: "0.0.0.0/0" }] };
const vlan = { ...macvlanConfig, master: "uplink.10", ipam };
const internal = { ...macvlanConfig, master: undefined, internal: true, ipam };
/** `printf %s n1 | sha512sum`: the network's name is what CNI has for Docker's id. */
const DUMMY = "dm-43d91f845105";

let lan: Lan;
beforeEach(async () => {
  lan = await startLan();
  await lan.host.sh("for name in c1 c2 c3; do ip netns add $name; done");
});
afterEach(() => lan[Symbol.asyncDispose]());

const callOf = (verb: "ADD" | "DEL" | "CHECK", name: string, config: object) =>
  ({ verb, plugin: "macvlan", containerId: name, netns: `/run/netns/${name}`, config }) as const;
const links = () => lan.host.sh("ip -brief link | cut -d' ' -f1 | cut -d@ -f1 | tr '\\n' ' '");
const spot = (name: string) => ({ host: lan.host, netns: `/run/netns/${name}` });

test("STATUS does not need what an ADD would make", async () => {
  for (const config of [vlan, internal]) {
    const status = { verb: "STATUS", plugin: "macvlan", config: { ...config, cniVersion: "1.1.0" } } as const;
    await callSuccessfully(lan.host, status);
  }
  expect(await links()).toBe("lo uplink");
});

describe.skipIf(kernelHasMadeParents)("on a kernel without CONFIG_VLAN_8021Q and CONFIG_DUMMY", () => {
  test.each([
    ["a VLAN", vlan, "uplink.10"],
    ["an internal network", internal, DUMMY],
  ])("%s: an ADD says so and leaves nothing", async (_, config, name) => {
    const { exitCode, stdout } = await callPlugin(lan.host, callOf("ADD", "c1", config));
    expect([exitCode, JSON.parse(stdout).msg]).toEqual([
      1,
      `macvlan: this kernel has no such kind of link: modprobe macvlan, or 8021q for a VLAN, or dummy for an internal network (add link ${name}: ENOTSUP: operation not supported on socket (Unknown device type))`,
    ]);
    expect(await links()).toBe("lo uplink");
    const files = "find /run/dockbridge /var/lib/cni -type f ! -path '*/.dockbridge/*' ! -name lock ! -name 'last_*'";
    expect(await lan.host.sh(files)).toBe("");
  });
});

// the tests of this name are also run on a user-mode kernel: see test/user-mode-kernel.ts
describe.skipIf(!kernelHasMadeParents)("on a kernel with CONFIG_VLAN_8021Q and CONFIG_DUMMY", () => {
  test("a VLAN is made with the first container, and goes with the last", async () => {
    await lan.outside.sh(`ip link add uplink.10 link uplink type vlan id 10; ip address add 10.7.0.9/24 dev uplink.10
      ip link set uplink.10 up`);
    const prevResult = await callSuccessfully(lan.host, callOf("ADD", "c1", vlan));
    await callSuccessfully(lan.host, callOf("ADD", "c2", vlan));
    await callSuccessfully(lan.host, callOf("CHECK", "c1", { ...vlan, prevResult }));
    const [link] = JSON.parse(await lan.host.sh("ip -json -details link show uplink.10"));
    expect(link).toMatchObject({
      link: "uplink",
      ifalias: "parent of the macvlan network n1",
      linkinfo: { info_kind: "vlan", info_data: { protocol: "802.1Q", id: 10 } },
    });
    expect(link.flags).toContain("UP");
    expect(await lan.host.sh("cat /proc/sys/net/ipv6/conf/uplink.10/accept_ra")).toBe("0");
    await serve(spot("c1"), 80);
    expect(await probe(spot("c2"), [["tcp", "10.7.0.2", 80]])).toEqual(["10.7.0.3"]);
    // tagged on the wire: the machine outside finds it in its VLAN 10
    expect(await probe({ host: lan.outside }, [["tcp", "10.7.0.2", 80]])).toEqual(["10.7.0.9"]);
    await callSuccessfully(lan.host, callOf("DEL", "c1", vlan));
    expect(await links()).toBe("lo uplink uplink.10");
    await callSuccessfully(lan.host, callOf("DEL", "c1", vlan));
    await callSuccessfully(lan.host, callOf("DEL", "c2", vlan));
    expect(await links()).toBe("lo uplink");
  });

  test("a VLAN that somebody else made stays, and so does one that somebody has put to use", async () => {
    await lan.host.sh("ip link add uplink.10 link uplink type vlan id 10; ip link set uplink.10 up");
    await callSuccessfully(lan.host, callOf("ADD", "c1", vlan));
    await callSuccessfully(lan.host, callOf("DEL", "c1", vlan));
    expect(await links()).toBe("lo uplink uplink.10");
    await lan.host.sh("ip link delete uplink.10");
    await callSuccessfully(lan.host, callOf("ADD", "c1", vlan));
    await lan.host.sh("ip address add 10.7.0.100/24 dev uplink.10");
    const { stderr } = await callPlugin(lan.host, callOf("DEL", "c1", vlan));
    expect(stderr).toBe("uplink.10, which was made for macvlans, stays: it has the address 10.7.0.100/24\n");
    expect(await links()).toBe("lo uplink uplink.10");
  });

  test("an internal network: containers reach each other, and nobody else", async () => {
    const result = await callSuccessfully(lan.host, callOf("ADD", "c1", internal));
    expect(result.ips[0].gateway).toBeUndefined();
    await callSuccessfully(lan.host, callOf("ADD", "c2", internal));
    await callSuccessfully(lan.host, callOf("ADD", "c3", { ...internal, name: "n2" }));
    expect((await links()).split(" ")).toContain(DUMMY);
    await serve(spot("c1"), 80);
    const address = result.ips[0].address.split("/")[0];
    expect(await probe(spot("c2"), [["tcp", address, 80]])).not.toEqual(["-"]);
    expect(await probe(spot("c3"), [["ping", address]])).toEqual(["-"]);
    await callSuccessfully(lan.host, callOf("CHECK", "c1", { ...internal, prevResult: result }));
    for (const name of ["c1", "c2"]) await callSuccessfully(lan.host, callOf("DEL", name, internal));
    expect((await links()).split(" ")).not.toContain(DUMMY);
    await callSuccessfully(lan.host, callOf("DEL", "c3", { ...internal, name: "n2" }));
    expect(await links()).toBe("lo uplink");
  });

  test.each([
    ["a VLAN", vlan],
    ["an internal network", internal],
  ])("%s with hostAccess: both ways, and everything gone", async (_, config) => {
    const own = { ...config, hostAccess: true };
    await lan.host.sh("ip route add default via 192.0.2.2");
    const { ips } = await callSuccessfully(lan.host, callOf("ADD", "c1", own));
    const addresses = ips.map((ip: { address: string }) => ip.address.split("/")[0]);
    await serve(spot("c1"), 80);
    await serve({ host: lan.host }, 8080);
    expect(
      await probe(
        { host: lan.host },
        addresses.map((address: string) => ["tcp", address, 80]),
      ),
    ).toEqual(["192.0.2.1", "2001:db8::1"]);
    expect(
      await probe(spot("c1"), [
        ["tcp", "192.0.2.1", 8080],
        ["tcp", "2001:db8::1", 8080],
      ]),
    ).toEqual(addresses);
    await callSuccessfully(lan.host, callOf("DEL", "c1", own));
    expect(await links()).toBe("lo uplink");
  });

  test("an ADD that fails takes the parent back, unless others are on it", async () => {
    const broken = { ...vlan, ipam: { ...ipam, routes: [{ dst: "198.51.100.0/24", gw: "203.0.113.1" }] } };
    expect((await callPlugin(lan.host, callOf("ADD", "c1", broken))).exitCode).toBe(1);
    expect(await links()).toBe("lo uplink");
    await callSuccessfully(lan.host, callOf("ADD", "c1", vlan));
    expect((await callPlugin(lan.host, callOf("ADD", "c2", broken))).exitCode).toBe(1);
    expect(await links()).toBe("lo uplink uplink.10");
  });

  test("a parent whose containers are all gone goes with GC, and one of a VLAN whose link is down comes up later", async () => {
    await lan.host.sh("ip link set uplink down");
    await callSuccessfully(lan.host, callOf("ADD", "c1", vlan));
    expect(await lan.host.sh("cat /sys/class/net/uplink.10/operstate")).not.toBe("up");
    await lan.host.sh("ip link set uplink up; ip -brief link show uplink.10 | grep -q ',UP'");
    await lan.host.sh("ip netns delete c1");
    await callSuccessfully(lan.host, {
      verb: "GC",
      plugin: "macvlan",
      config: { ...vlan, cniVersion: "1.1.0", "cni.dev/valid-attachments": [] },
    });
    expect(await links()).toBe("lo uplink");
  });
});
