// VLANs on the ports of a bridge. Most of it needs a kernel that filters them; where it does not, the ADD has to say so.
import { isIP } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bridgeConfig } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, callSuccessfully, reference } from "../harness/plugin.ts";
import { askTcp, serveTcp } from "../harness/traffic.ts";
import { kernelFiltersVlans } from "../harness/vlan.ts";

let host: Host;
let netns: string;

beforeEach(async () => {
  host = await Host.start();
  netns = await host.container("c1");
});
afterEach(() => host[Symbol.asyncDispose]());

const layer2 = { cniVersion: "1.0.0", name: "n1", type: "bridge", bridge: "b0" };
const trunk = [{ id: 101 }, { minID: 200, maxID: 210 }];
const gateway = { ...bridgeConfig, ipMasq: false, isDefaultGateway: true, vlan: 100 };
const ranges = (...subnets: string[]) => ({ type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]) });

/** Everything that an ADD with a VLAN touches, but for what is never taken back. */
async function state(): Promise<string> {
  return host.sh(`ip -oneline link | sed 's/^[0-9]*: //; s/ mtu.*//'; ip -oneline address show scope global
    ip -n c1 -oneline link | sed 's/^[0-9]*: //; s/ mtu.*//'; bridge vlan show
    find /var/lib/cni -type f ! -path '*/.dockbridge/*' ! -name lock ! -name 'last_reserved_ip.*'`);
}

/** As `200-210` or `100 PVID Egress Untagged`. */
async function vlansOf(port: string): Promise<string[]> {
  const lines = (await host.sh(`bridge -compressvlans vlan show dev ${port}`)).split("\n").slice(1);
  return lines.map((line) => line.replace(port, "").trim().replaceAll(/\s+/g, " "));
}

const PORT = 8080;

/** Whether a server at the address sees the container at one of this network. */
async function reaches(container: string, address: string, network: string): Promise<boolean> {
  const seen = await askTcp({ host, netns: `/run/netns/${container}` }, address, PORT);
  return isIP(seen) !== 0 && seen.startsWith(network);
}

const pvid = (vid: number) => `${vid} PVID Egress Untagged`;

describe.skipIf(kernelFiltersVlans)("on a kernel without CONFIG_BRIDGE_VLAN_FILTERING", () => {
  test.each([
    ["a VLAN", { vlan: 100 }],
    ["a trunk", { vlanTrunk: trunk }],
    ["an empty trunk", { vlanTrunk: [] }],
  ])("an ADD with %s says so and leaves nothing", async (_, fields) => {
    const before = await state();
    const { exitCode, stdout } = await callPlugin(host, { verb: "ADD", config: { ...bridgeConfig, ...fields }, netns });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      code: 999,
      msg: expect.stringMatching(/^add link b0 with VLAN filtering, which not every kernel has: ENOTSUP: /),
    });
    expect(await state()).toBe(before);
  });
});

test("an ADD to a bridge that does not filter VLANs says so and changes nothing", async () => {
  await host.sh("ip link add b0 type bridge");
  const before = await state();
  const { exitCode, stdout } = await callPlugin(host, { verb: "ADD", config: { ...layer2, vlan: 100 }, netns });
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    code: 999,
    msg: "b0 does not filter VLANs, so vlan and vlanTrunk would have no effect: `ip link set b0 type bridge vlan_filtering 1` turns it on",
  });
  expect(await state()).toBe(before);
});

test("a DEL with VLANs of what was never attached succeeds", async () => {
  const config = { ...gateway, vlanTrunk: trunk };
  expect(await callPlugin(host, { verb: "DEL", config, netns })).toMatchObject({ exitCode: 0, stdout: "" });
});

describe.skipIf(!kernelFiltersVlans)("on a kernel with CONFIG_BRIDGE_VLAN_FILTERING", () => {
  test.each([
    ["a VLAN", { vlan: 100 }, [pvid(100)]],
    ["a VLAN and no default VLAN", { vlan: 100, preserveDefaultVlan: false }, [pvid(100)]],
    ["a VLAN beside the default one", { vlan: 100, preserveDefaultVlan: true }, ["1 Egress Untagged", pvid(100)]],
    ["the default VLAN", { vlan: 1 }, [pvid(1)]],
    ["a trunk, whose native VLAN is 1", { vlanTrunk: trunk }, [pvid(1), "101", "200-210"]],
    ["a VLAN and a trunk", { vlan: 100, vlanTrunk: trunk }, [pvid(100), "101", "200-210"]],
    ["a VLAN that the trunk has, too", { vlan: 205, vlanTrunk: trunk }, ["101", "200-204", pvid(205), "206-210"]],
    ["an empty trunk", { vlanTrunk: [] }, [pvid(1)]],
    ["every VLAN", { vlanTrunk: [{ minID: 1, maxID: 4094 }] }, [pvid(1), "2-4094"]],
  ])("layer 2 with %s", async (_, fields, vlans) => {
    const config = { ...layer2, ...fields };
    const { interfaces } = await callSuccessfully(host, { verb: "ADD", config, netns });
    expect(interfaces.map((link: { name: string }) => link.name)).toEqual([
      "b0",
      expect.stringMatching(/^veth/),
      "eth0",
    ]);
    expect(await vlansOf(interfaces[1].name)).toEqual(vlans);
    expect(await host.sh("cat /sys/class/net/b0/bridge/vlan_filtering")).toBe("1");
    await callSuccessfully(host, { verb: "DEL", config, netns });
    expect(await host.sh("ip -brief link show master b0")).toBe("");
  });

  test.each([
    ["IPv4", ["10.1.2.0/24"], ["10.1.2.1/24"]],
    ["IPv6", ["2001:db8::/64"], ["2001:db8::1/64"]],
    ["both", ["192.168.0.0/24", "fd00::/64"], ["192.168.0.1/24", "fd00::1/64"]],
    [
      "both, and IPv6 twice",
      ["192.168.0.0/24", "fd00::/64", "2001:db8::/64"],
      ["192.168.0.1/24", "fd00::1/64", "2001:db8::1/64"],
    ],
  ])("a gateway of %s is in the VLAN, and stays after a DEL", async (_, subnets, addresses) => {
    const config = { ...gateway, ipam: ranges(...subnets) };
    const result = await callSuccessfully(host, { verb: "ADD", config, netns });
    const [link] = JSON.parse(await host.sh("ip -details -json link show b0.100"));
    expect(link.linkinfo.info_kind).toBe("veth");
    expect(result.interfaces[3]).toEqual({ name: "b0.100", mac: link.address });
    const present = await host.sh("ip -brief address show dev b0.100 | tr ' ' '\\n' | grep / | grep -v ^fe80");
    expect(present.split("\n").sort()).toEqual([...addresses].sort());
    expect(await host.sh("ip -brief address show dev b0 scope global | grep -c / || true")).toBe("0");
    expect(await vlansOf(link.link)).toEqual([pvid(100)]);
    expect(await host.sh("ip -oneline link | wc -l")).toBe("5");
    await serveTcp({ host }, PORT);
    for (const address of addresses) {
      const network = address.replace(/1\/.*/, "");
      expect(await reaches("c1", `${network}1`, network)).toBe(true);
    }
    await callSuccessfully(host, { verb: "CHECK", config: { ...config, prevResult: result }, netns });
    await callSuccessfully(host, { verb: "DEL", config, netns });
    expect(await host.sh("ip -oneline link | wc -l")).toBe("4");
    const again = await callSuccessfully(host, { verb: "ADD", config, netns });
    expect(again.interfaces[3]).toEqual(result.interfaces[3]);
  });

  test("containers of one VLAN reach each other and the gateway, and nobody of another", async () => {
    const [second, third] = [await host.container("c2"), await host.container("c3")];
    const other = { ...gateway, name: "n2", vlan: 200, ipam: ranges("10.1.3.0/24") };
    await callSuccessfully(host, { verb: "ADD", config: gateway, netns });
    await callSuccessfully(host, { verb: "ADD", config: gateway, netns: second, containerId: "c2" });
    await callSuccessfully(host, { verb: "ADD", config: other, netns: third, containerId: "c3" });
    await serveTcp({ host }, PORT);
    await serveTcp({ host, netns: second }, PORT);
    await serveTcp({ host, netns: third }, PORT);
    expect(await reaches("c1", "10.1.2.3", "10.1.2.2")).toBe(true);
    expect(await reaches("c1", "10.1.2.1", "10.1.2.2")).toBe(true);
    expect(await reaches("c3", "10.1.3.1", "10.1.3.2")).toBe(true);
    // the same subnet, so that no gateway is between them
    await host.sh("ip -n c3 address add 10.1.2.9/24 dev eth0");
    expect(await reaches("c1", "10.1.2.9", "10.1.2.2")).toBe(false);
  });

  const failing = { ...gateway, ipam: { ...gateway.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] } };

  async function failAtTheRoute(): Promise<void> {
    const { stdout } = await callPlugin(host, { verb: "ADD", config: failing, netns });
    expect(JSON.parse(stdout).msg).toContain("add route 192.0.2.0/24");
  }

  test("an ADD that fails takes the gateway and the bridge back", async () => {
    const before = await state();
    await failAtTheRoute();
    expect(await state()).toBe(before);
  });

  test("an ADD that fails takes its VLAN's gateway back, and leaves the bridge to the other VLAN", async () => {
    const other = { ...gateway, name: "n2", vlan: 200, ipam: ranges("10.1.3.0/24") };
    const second = await host.container("c2");
    await callSuccessfully(host, { verb: "ADD", config: other, netns: second, containerId: "c2" });
    const before = await state();
    await failAtTheRoute();
    expect(await state()).toBe(before);
  });

  test("an ADD that fails leaves the gateway to the container that uses it", async () => {
    const second = await host.container("c2");
    await callSuccessfully(host, { verb: "ADD", config: gateway, netns: second, containerId: "c2" });
    const before = await state();
    await failAtTheRoute();
    expect(await state()).toBe(before);
  });

  test("a gateway that has lost its bridge gets the new one", async () => {
    await callSuccessfully(host, { verb: "ADD", config: gateway, netns });
    await callSuccessfully(host, { verb: "DEL", config: gateway, netns });
    await host.sh("ip link delete b0");
    await callSuccessfully(host, { verb: "ADD", config: gateway, netns });
    await serveTcp({ host }, PORT);
    expect(await reaches("c1", "10.1.2.1", "10.1.2.")).toBe(true);
  });

  test("several at a time make one gateway", async () => {
    const ids = ["p1", "p2", "p3", "p4", "p5", "p6"];
    await Promise.all(ids.map((id) => host.container(id)));
    const add = (id: string) =>
      callSuccessfully(host, { verb: "ADD", config: gateway, netns: `/run/netns/${id}`, containerId: id });
    const results = await Promise.all(ids.map(add));
    expect(new Set(results.map((result) => result.interfaces[3].mac)).size).toBe(1);
    await serveTcp({ host }, PORT);
    for (const id of ids) expect(await reaches(id, "10.1.2.1", "10.1.2.")).toBe(true);
  });

  test("an ADD whose result has no form in the old version leaves nothing", async () => {
    const before = await state();
    const config = { ...layer2, cniVersion: "0.2.0", vlan: 100 };
    const { stdout } = await callPlugin(host, { verb: "ADD", config, netns });
    expect(JSON.parse(stdout).msg).toContain("cannot convert the result to version 0.2.0");
    expect(await state()).toBe(before);
  });

  test("what the reference plugin made is checked and removed, and its gateway goes on", async () => {
    const second = await host.container("c2");
    const prevResult = await callSuccessfully(host, { verb: "ADD", config: gateway, netns, directory: reference });
    await callSuccessfully(host, { verb: "CHECK", config: { ...gateway, prevResult }, netns });
    const added = await callSuccessfully(host, { verb: "ADD", config: gateway, netns: second, containerId: "c2" });
    expect(added.interfaces[3]).toEqual(prevResult.interfaces[3]);
    await serveTcp({ host }, PORT);
    expect(await reaches("c2", "10.1.2.1", "10.1.2.3")).toBe(true);
    const check = {
      verb: "CHECK",
      config: { ...gateway, prevResult: added },
      netns: second,
      containerId: "c2",
    } as const;
    // before a DEL: a bridge of the reference changes its MAC address with its ports here, and no CHECK bears that
    await callSuccessfully(host, { ...check, directory: reference });
    await callSuccessfully(host, { verb: "DEL", config: gateway, netns });
    await callSuccessfully(host, { ...check, verb: "DEL", directory: reference });
    expect(await host.sh("ip -oneline link show master b0 | wc -l")).toBe("1");
  });

  test.each([
    ["the VLAN of the port", "bridge vlan delete dev PORT vid 100 master", "PORT is not in VLAN 100 untagged"],
    ["the gateway", "ip link delete b0.100", "the VLAN gateway b0.100 is gone"],
    ["the gateway's state", "ip link set b0.100 down", "the VLAN gateway b0.100 is down"],
    ["the filter", "ip link set b0 type bridge vlan_filtering 0", "b0 does not filter VLANs"],
  ])("CHECK misses %s", async (_, damage, sentence) => {
    const prevResult = await callSuccessfully(host, { verb: "ADD", config: gateway, netns });
    const port = prevResult.interfaces[1].name;
    await host.sh(damage.replace("PORT", port));
    const { exitCode, stdout } = await callPlugin(host, { verb: "CHECK", config: { ...gateway, prevResult }, netns });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).msg).toContain(sentence.replace("PORT", port));
  });
});
