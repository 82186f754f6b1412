// Beside the Go plugin, and in its place: what one of the two made, the other checks and removes.
import { describe, expect, test } from "vitest";
import type { Host } from "../../harness/host.ts";
import { macvlanConfig, startLan } from "../../harness/lan.ts";
import { callPlugin, callSuccessfully, ours, reference } from "../../harness/plugin.ts";

const layer3 = {
  ...macvlanConfig,
  mtu: 1400,
  dns: { nameservers: ["192.0.2.53"], search: ["a.example"] },
  ipam: {
    ...macvlanConfig.ipam,
    routes: [{ dst: "0.0.0.0/0" }, { dst: "198.51.100.0/24", gw: "192.0.2.9" }, { dst: "::/0" }],
  },
};
const ipv4 = { ...macvlanConfig, ipam: { type: "host-local", subnet: "10.1.2.0/24" } };
const { ipam: _, ...layer2 } = macvlanConfig;

const networks: readonly { readonly name: string; readonly config: object; readonly args?: string }[] = [
  { name: "IPv4 and IPv6, with routes, an MTU and DNS", config: layer3 },
  { name: "IPv4", config: ipv4 },
  { name: "layer 2", config: { ...layer2, ipam: {} } },
  { name: "layer 2 without ipam", config: layer2 },
  { name: "mode private", config: { ...ipv4, mode: "private" } },
  { name: "mode vepa", config: { ...ipv4, mode: "vepa" } },
  { name: "mode passthru", config: { ...ipv4, mode: "passthru" } },
  { name: "an empty mode", config: { ...ipv4, mode: "" } },
  { name: "mac", config: { ...ipv4, mac: "c2:11:22:33:44:01" } },
  {
    name: "MAC of CNI_ARGS before mac",
    config: { ...ipv4, mac: "c2:11:22:33:44:01" },
    args: "IgnoreUnknown=1;MAC=c2:11:22:33:44:02",
  },
  {
    name: "runtimeConfig.mac before both",
    config: { ...ipv4, mac: "c2:11:22:33:44:01", runtimeConfig: { mac: "c2:11:22:33:44:03" } },
    args: "IgnoreUnknown=true;MAC=c2:11:22:33:44:02",
  },
  { name: "args.cni.mac, which is not read", config: { ...ipv4, args: { cni: { mac: "c2:11:22:33:44:04" } } } },
  { name: "no master", config: { ...ipv4, master: "" } },
  { name: "a parent that is down", config: { ...ipv4, master: "down0" } },
];

const PREPARE = `
ip route add default via 192.0.2.2
ip link add down0 type veth peer name down1`;

/** What a person sees in the container; MAC addresses that are made up stand for themselves. */
async function observe(host: Host): Promise<Record<string, string>> {
  const made = (text: string) =>
    text
      .replaceAll(/(?!c2:11:22)[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "<mac>")
      .replaceAll(/fe80::[0-9a-f:]+/g, "<link-local>")
      .replaceAll(/(?<=if)\d+/g, "<index>");
  const show = async (command: string) => made(await host.sh(command));
  return {
    link: await show(
      "ip -n c1 -details -oneline link show eth0 | grep -o -e 'mtu [0-9]*' -e 'macvlan mode.*usedbc' -e 'link/ether [^ ]*' -e '<.*>'",
    ),
    addresses: await show("ip -n c1 -brief address show eth0 | tr -s ' '"),
    routes: await show("ip -n c1 route; ip -n c1 -6 route | grep -v '^fe80' || true"),
    reservations: await show(
      "cd /var/lib/cni/networks 2>/dev/null && grep -r . --exclude-dir=.dockbridge . | sort || true",
    ),
    settings: await show(
      "ip netns exec c1 sh -c 'cd /proc/sys/net; cat ipv4/conf/eth0/arp_notify ipv6/conf/eth0/disable_ipv6'",
    ),
    forwarding: await show("cat /proc/sys/net/ipv4/ip_forward"),
  };
}

async function attach(directory: string, config: object, args = "") {
  await using lan = await startLan();
  const { host } = lan;
  const netns = await host.container("c1");
  await host.sh(PREPARE);
  const result = await callSuccessfully(host, { verb: "ADD", plugin: "macvlan", directory, config, netns, args });
  const text = JSON.stringify(result).replaceAll(/(?!c2:11:22)[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "<mac>");
  // the library of Debian's plugins prints an empty object, later ones nothing
  return { result: JSON.parse(text.replace(/,?"dns":\{\}/, "")), seen: await observe(host) };
}

test.each(networks)("$name: the result and the container are those of the reference", async ({ config, args }) => {
  const [theirs, mine] = [await attach(reference, config, args), await attach(ours, config, args)];
  expect(mine.result).toEqual(theirs.result);
  expect(mine.seen).toEqual(theirs.seen);
});

test.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"])("the result of version %s", async (cniVersion) => {
  const config = { ...layer3, cniVersion };
  const [theirs, mine] = [await attach(reference, config), await attach(ours, config)];
  expect(mine.result).toEqual(theirs.result);
});

test("version 1.1.0 has the same result as 1.0.0", async () => {
  const [old, recent] = [await attach(ours, layer3), await attach(ours, { ...layer3, cniVersion: "1.1.0" })];
  expect(recent.result).toEqual({ ...old.result, cniVersion: "1.1.0" });
});

test("layer 2 has no result in version 0.2.0, and the interface is taken back", async () => {
  await using lan = await startLan();
  const netns = await lan.host.container("c1");
  const call = { verb: "ADD", plugin: "macvlan", config: { ...layer2, cniVersion: "0.2.0" }, netns } as const;
  const { exitCode } = await callPlugin(lan.host, call);
  expect(exitCode).toBe(1);
  expect(await lan.host.sh("ip -n c1 -oneline link | wc -l")).toBe("1");
});

const changeovers = [
  { from: "the reference", to: "ours", made: reference, removed: ours },
  { from: "ours", to: "the reference", made: ours, removed: reference },
];

/** The CHECK of the reference does not find a route whose gateway is left open, be it its own. */
const checkable = { ...layer3, ipam: { ...layer3.ipam, routes: [{ dst: "198.51.100.0/24", gw: "192.0.2.9" }] } };

describe.each(changeovers)("from $from to $to", ({ made, removed }) => {
  test("what was attached before is checked, joined by others, and removed", async () => {
    await using lan = await startLan();
    const { host } = lan;
    const [one, two] = [await host.container("c1"), await host.container("c2")];
    const call = { plugin: "macvlan", config: checkable, netns: one } as const;
    const prevResult = await callSuccessfully(host, { verb: "ADD", ...call, directory: made });
    const other = { ...call, directory: removed, netns: two, containerId: "c2" };
    await callSuccessfully(host, { verb: "ADD", ...other });
    const first = { ...call, directory: removed, config: { ...checkable, prevResult } };
    await callSuccessfully(host, { verb: "CHECK", ...first });
    await callSuccessfully(host, { verb: "DEL", ...first });
    await callSuccessfully(host, { verb: "DEL", ...first });
    await callSuccessfully(host, { verb: "DEL", ...other });
    expect(await host.sh("for n in c1 c2; do ip -n $n -oneline link | wc -l; done")).toBe("1\n1");
    expect(await host.sh("ls /var/lib/cni/networks/n1 | grep -v last")).toBe("lock");
  });
});
