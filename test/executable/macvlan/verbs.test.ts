// DEL, CHECK, STATUS and GC; parents in the container; networks that are internal.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Lan, macvlanConfig, startLan } from "../../harness/lan.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";
import { probe } from "../../harness/traffic.ts";

const config = { ...macvlanConfig, cniVersion: "1.1.0" };

let lan: Lan;
let netns: string;
beforeEach(async () => {
  lan = await startLan();
  netns = await lan.host.container("c1");
});
afterEach(() => lan[Symbol.asyncDispose]());

const call = (verb: Call["verb"], own: object = config, more: Partial<Call> = {}) =>
  ({ verb, plugin: "macvlan", config: own, netns, ...more }) as const;

async function messageOf(wanted: Call): Promise<string> {
  const { exitCode, stdout } = await callPlugin(lan.host, wanted);
  return exitCode === 0 ? "" : `${JSON.parse(stdout).code}: ${JSON.parse(stdout).msg}`;
}

const reserved = () => lan.host.sh("ls /var/lib/cni/networks/n1 | grep -v -e lock -e last_ || true");

describe("DEL", () => {
  test("of nothing, often, with little, with nonsense", async () => {
    await callSuccessfully(lan.host, call("DEL"));
    await callSuccessfully(lan.host, call("DEL", { ...config, mode: 7, mtu: "x", master: [], hostAccess: "yes" }));
    await callSuccessfully(lan.host, call("DEL", config, { netns: "" }));
    await callSuccessfully(lan.host, call("DEL", config, { netns: "/run/netns/nobody" }));
    await lan.host.sh("touch /run/netns/file");
    await callSuccessfully(lan.host, call("DEL", config, { netns: "/run/netns/file" }));
  });

  test("without the namespace the addresses are given back", async () => {
    await callSuccessfully(lan.host, call("ADD"));
    await lan.host.sh("ip netns delete c1");
    expect(await reserved()).not.toBe("");
    await callSuccessfully(lan.host, call("DEL", config, { netns: "" }));
    expect(await reserved()).toBe("");
  });

  test("leaves an interface that is another container's, or of another kind", async () => {
    await callSuccessfully(lan.host, call("ADD", config, { containerId: "new" }));
    await callSuccessfully(lan.host, call("DEL", config, { containerId: "old" }));
    expect(await lan.host.sh("ip -n c1 -oneline link show eth0 | wc -l")).toBe("1");
    await callSuccessfully(lan.host, call("DEL", config, { containerId: "new" }));
    await lan.host.sh("ip -n c1 link add eth0 type veth peer name eth1");
    await callSuccessfully(lan.host, call("DEL"));
    expect(await lan.host.sh("ip -n c1 -oneline link show eth0 | wc -l")).toBe("1");
  });

  test("an IPAM plugin that is gone: the interface goes all the same, and the error tells of the addresses", async () => {
    await callSuccessfully(lan.host, call("ADD"));
    expect(await messageOf(call("DEL", { ...config, ipam: { type: "gone" } }))).toContain("the plugin gone");
    expect(await lan.host.sh("ip -n c1 -oneline link | wc -l")).toBe("1");
  });
});

test("CHECK names every difference", async () => {
  const own = { ...config, mtu: 1400, bcqueuelen: 500 };
  const prevResult = await callSuccessfully(lan.host, call("ADD", own));
  const check = (more: object = {}) => messageOf(call("CHECK", { ...own, prevResult, ...more }));
  expect(await check()).toBe("");
  expect(await lan.host.sh("ip -n c1 -details link show eth0")).toContain("macvlan mode bridge bcqueuelen 500 ");
  expect(await check({ mode: "private", bcqueuelen: 600 })).toBe(
    "999: eth0 has mode bridge instead of private; eth0 has bcqueuelen 500 instead of 600",
  );
  await lan.host.sh(`ip -n c1 link set eth0 down; ip -n c1 link set eth0 mtu 1300 address 02:00:00:00:00:42
    ip -n c1 address delete 192.0.2.50/24 dev eth0; ip link add lan0 type veth peer name lan1`);
  const { mac } = prevResult.interfaces[0];
  expect(await check()).toBe(
    `999: eth0 has the MAC address 02:00:00:00:00:42 instead of ${mac}; eth0 has MTU 1300 instead of 1400; the container's interface eth0 is down; eth0 does not have the address 192.0.2.50/24`,
  );
  expect(await check({ master: "lan0" })).toContain("the container's interface eth0 is not on lan0; ");
  expect(await check({ master: "lan7" })).toContain("the parent lan7 is gone; ");
  await lan.host.sh("ip link set uplink mtu 1350");
  expect(await check()).toContain("mtu 1400 is above that of the parent uplink, which is 1350; ");
  await lan.host.sh("ip -n c1 link delete eth0; ip -n c1 link add eth0 type veth peer name eth1");
  expect(await check()).toContain("the container's interface eth0 is not a macvlan");
  await lan.host.sh("ip -n c1 link delete eth0");
  expect(await check()).toContain("the container's interface eth0 is gone");
  expect(await messageOf(call("CHECK", own))).toBe("7: CHECK needs the result of ADD as prevResult");
});

test("STATUS: 50 with the name of a parent that is missing or down", async () => {
  expect(await messageOf(call("STATUS"))).toBe("");
  expect(await messageOf(call("STATUS", { ...config, master: "" }))).toContain(
    "50: macvlan: the configuration has no master",
  );
  expect(await messageOf(call("STATUS", { ...config, master: "lan7" }))).toBe(
    "50: macvlan: there is no link lan7 that could be the parent",
  );
  expect(await messageOf(call("STATUS", { ...config, mtu: 9000 }))).toContain("50: macvlan: mtu 9000");
  const small = { type: "host-local", subnet: "10.1.2.0/30" };
  await callSuccessfully(lan.host, call("ADD", { ...config, ipam: small }));
  expect(await messageOf(call("STATUS", { ...config, ipam: small }))).toContain(
    "50: failed to allocate for range 0: no IP addresses available",
  );
  await lan.host.sh("ip link set uplink down");
  const down = "50: macvlan: the parent uplink is down: ip link set uplink up";
  expect(await messageOf(call("STATUS"))).toBe(down);
  expect(await messageOf(call("STATUS", { ...config, onParentDown: "fail" }))).toBe(down);
  expect(await messageOf(call("STATUS", { ...config, onParentDown: "ignore" }))).toBe("");
  expect(await messageOf(call("STATUS", { ...config, master: "inside0", linkInContainer: true }))).toBe("");
});

test("GC gives back the addresses of those who are neither valid nor alive", async () => {
  await callSuccessfully(lan.host, call("ADD"));
  const gc = call("GC", { ...config, "cni.dev/valid-attachments": [] });
  await callSuccessfully(lan.host, gc);
  expect(await reserved()).not.toBe("");
  await lan.host.sh("ip netns delete c1");
  await callSuccessfully(lan.host, gc);
  expect(await reserved()).toBe("");
});

describe("a parent in the container", () => {
  const inside = { ...config, linkInContainer: true, ipam: { type: "host-local", subnet: "10.1.2.0/24" } };
  beforeEach(() =>
    lan.host.sh(`ip link add inside0 netns c1 type veth peer name inside1; ip -n c1 link set inside0 up
      ip -n c1 address add 203.0.113.1/24 dev inside0; ip -n c1 route add default via 203.0.113.9`),
  );

  test.each([
    { name: "by its name", master: "inside0" },
    { name: "by the container's default route", master: "" },
  ])("$name", async ({ master }) => {
    const own = { ...inside, master };
    const prevResult = await callSuccessfully(lan.host, call("ADD", own));
    const [link] = JSON.parse(await lan.host.sh("ip -n c1 -json -details link show eth0"));
    expect(link).toMatchObject({ link: "inside0", linkinfo: { info_kind: "macvlan", info_data: { mode: "bridge" } } });
    expect(link.address).toBe(prevResult.interfaces[0].mac);
    await callSuccessfully(lan.host, call("CHECK", { ...own, prevResult }));
    await callSuccessfully(lan.host, call("DEL", own));
    expect(await lan.host.sh("ip -n c1 -brief link | cut -d@ -f1 | cut -d' ' -f1")).toBe("lo\ninside0");
  });
});

test("an internal network on a parent: no gateway, no default route, whatever IPAM says", async () => {
  const ipam = {
    ...config.ipam,
    routes: [{ dst: "0.0.0.0/0" }, { dst: "198.51.100.0/24", gw: "192.0.2.2" }, { dst: "::/0" }],
  };
  const result = await callSuccessfully(lan.host, call("ADD", { ...config, internal: true, ipam }));
  expect(result.ips.map((ip: object) => Object.keys(ip))).toEqual([
    ["address", "interface"],
    ["address", "interface"],
  ]);
  expect(result.routes).toEqual([{ dst: "198.51.100.0/24", gw: "192.0.2.2" }]);
  expect(await lan.host.sh("ip -n c1 route show default; ip -n c1 -6 route show default")).toBe("");
  expect(await probe({ host: lan.host, netns }, [["ping", "192.0.2.2"]])).toEqual(["answered"]);
});

test("twenty at once in a network of the host's IPAM, and gone at once", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `d${i}`);
  await lan.host.sh(names.map((name) => `ip netns add ${name}`).join("; "));
  const all = (verb: "ADD" | "DEL") =>
    Promise.all(
      names.map((name) =>
        callSuccessfully(lan.host, call(verb, config, { containerId: name, netns: `/run/netns/${name}` })),
      ),
    );
  const results = await all("ADD");
  expect(new Set(results.flatMap(({ ips }) => ips.map(({ address }: { address: string }) => address))).size).toBe(40);
  expect(new Set(results.map(({ interfaces }) => interfaces[0].mac)).size).toBe(20);
  await all("DEL");
  expect(await reserved()).toBe("");
  expect(await lan.host.sh("ip -brief link | wc -l")).toBe("2");
});
