// What cannot be: one sentence that says why, its code, and nothing changed.
import { afterEach, beforeEach, expect, test } from "vitest";
import { writePlugin } from "../../harness/fake-plugin.ts";
import { type Lan, macvlanConfig, startLan } from "../../harness/lan.ts";
import { callPlugin, callSuccessfully, ours } from "../../harness/plugin.ts";

const ipv4 = { ...macvlanConfig, ipam: { type: "host-local", subnet: "10.1.2.0/24" } };

let lan: Lan;
let netns: string;
beforeEach(async () => {
  lan = await startLan();
  netns = await lan.host.container("c1");
});
afterEach(() => lan[Symbol.asyncDispose]());

const state = () =>
  lan.host.sh(
    "ip -oneline link | sed 's/ state [A-Z]*//'; ip -oneline address; ip route; ip -6 route; ip -n c1 -oneline link; find /run/dockbridge /var/lib/cni -type f ! -name lock ! -name 'last_*' ! -path '*/.dockbridge/*' || true",
  );

async function fail(config: object, more: object = {}): Promise<{ code: number; msg: string }> {
  const { exitCode, stdout } = await callPlugin(lan.host, { verb: "ADD", plugin: "macvlan", config, netns, ...more });
  expect(exitCode).toBe(1);
  const { code, msg } = JSON.parse(stdout);
  return { code, msg };
}

test.each([
  {
    name: "the parent is missing",
    config: { master: "eth7" },
    error: { code: 101, msg: "macvlan: there is no link eth7 that could be the parent" },
  },
  {
    name: "a VLAN whose parent is missing",
    config: { master: "eth7.10" },
    error: { code: 101, msg: "macvlan: there is no link eth7.10 that could be the parent, and no eth7 to make it of" },
  },
  {
    name: "what is no VLAN ID",
    config: { master: "uplink.4095" },
    error: { code: 101, msg: "macvlan: there is no link uplink.4095 that could be the parent" },
  },
  {
    name: "the parent is missing in the container",
    config: { master: "uplink", linkInContainer: true },
    error: { code: 101, msg: "macvlan: the container has no link uplink that could be the parent" },
  },
  {
    name: "no master, and no default route",
    config: { master: "" },
    error: {
      code: 101,
      msg: "macvlan: the configuration has no master, and the host no default route whose link could be the parent",
    },
  },
  {
    name: "the parent is down, and that is an error",
    prepare: "ip link set uplink down",
    config: { onParentDown: "fail" },
    error: { code: 102, msg: "macvlan: the parent uplink is down: ip link set uplink up" },
  },
  {
    name: "an MTU above the parent's",
    config: { mtu: 1501 },
    error: { code: 7, msg: "macvlan: mtu 1501 is above that of the parent uplink, which is 1500" },
  },
  {
    name: "an MTU that is too small for IPv6",
    config: { mtu: 1000, ipam: macvlanConfig.ipam },
    error: { code: 999, msg: "mtu 1000 is too small for an IPv6 address: 1280 is the least" },
  },
  {
    name: "passthru on a parent that has macvlans",
    prepare: "ip link add m0 link uplink type macvlan mode bridge",
    config: { mode: "passthru" },
    error: {
      code: 999,
      msg: "macvlan: mode passthru needs the parent uplink for itself, and there are macvlans on it already (add link eth0: EINVAL: invalid argument)",
    },
  },
  {
    name: "a parent that somebody has in mode passthru",
    prepare: "ip link add m0 link uplink type macvlan mode passthru",
    config: {},
    error: {
      code: 999,
      msg: "macvlan: the parent uplink is taken by a macvlan of mode passthru, which has it for itself (add link eth0: EINVAL: invalid argument)",
    },
  },
  {
    name: "a parent that is a port of a bridge",
    prepare: "ip link add b0 type bridge; ip link set uplink master b0",
    config: {},
    error: {
      code: 999,
      msg: "macvlan: uplink is in use by a bridge or bond whose port it is (add link eth0: EBUSY: resource busy or locked)",
    },
  },
  {
    name: "a MAC address that another macvlan has",
    prepare: "ip link add m0 link uplink address 02:00:00:00:00:42 up type macvlan mode bridge",
    config: { mac: "02:00:00:00:00:42" },
    error: {
      code: 999,
      msg: "macvlan: another interface on uplink has the MAC address already (change link eth0: EADDRINUSE: address already in use)",
    },
  },
  {
    name: "the interface is there",
    prepare: "ip -n c1 link add eth0 type veth peer name eth1",
    config: {},
    error: { code: 999, msg: "the container has an interface eth0 already" },
  },
])("$name", async ({ config, error, prepare = "true" }) => {
  await lan.host.sh(prepare);
  const before = await state();
  expect(await fail({ ...ipv4, ...config })).toEqual(error);
  expect(await state()).toBe(before);
});

test("a parent that is down: an ADD says so and goes on, or, when told to, says nothing", async () => {
  await lan.host.sh("ip link set uplink down");
  const add = (config: object) => callPlugin(lan.host, { verb: "ADD", plugin: "macvlan", config, netns });
  const usual = await add(ipv4);
  expect([usual.exitCode, usual.stderr]).toEqual([0, "macvlan: the parent uplink is down: ip link set uplink up\n"]);
  await callSuccessfully(lan.host, { verb: "DEL", plugin: "macvlan", config: ipv4, netns });
  const ignoring = await add({ ...ipv4, onParentDown: "ignore" });
  expect([ignoring.exitCode, ignoring.stderr]).toEqual([0, ""]);
});

const routes = [{ dst: "198.51.100.0/24", gw: "203.0.113.1" }];

test("a route that cannot be: the interface and the addresses are taken back, where the reference leaves the interface", async () => {
  const before = await state();
  const { msg } = await fail({ ...ipv4, ipam: { ...ipv4.ipam, routes } });
  expect(msg).toContain("add route 198.51.100.0/24 via 203.0.113.1: ENETUNREACH");
  expect(await state()).toBe(before);
});

test.each([
  { name: "fails", script: `echo '{"cniVersion":"1.0.0","code":42,"msg":"nothing left"}'; exit 1`, dels: 0 },
  { name: "gives no address", script: `echo '{"cniVersion":"1.0.0"}'`, dels: 1 },
  {
    name: "gives what the kernel refuses",
    script: `echo '{"cniVersion":"1.0.0","ips":[{"address":"ff02::1/64"}]}'`,
    dels: 1,
  },
])("an IPAM plugin that $name", async ({ script, dels }) => {
  writePlugin(lan.host, "fake", `echo $CNI_COMMAND >> $DIR/log\n[ $CNI_COMMAND = DEL ] && exit 0\n${script}`);
  const before = await state();
  await fail({ ...ipv4, ipam: { type: "fake" } }, { path: `${ours}:${lan.host.directory}` });
  expect(await state()).toBe(before);
  const log = await lan.host.sh(`cat ${lan.host.directory}/log`);
  expect(log.split("\n").filter((verb) => verb === "DEL")).toHaveLength(dels);
});

test("the DNS of IPAM is in the result, unless the network has its own", async () => {
  const answer = { cniVersion: "1.0.0", ips: [{ address: "10.1.2.7/24" }], dns: { nameservers: ["192.0.2.53"] } };
  writePlugin(lan.host, "fake", `[ $CNI_COMMAND = DEL ] || echo '${JSON.stringify(answer)}'`);
  const path = `${ours}:${lan.host.directory}`;
  const call = { plugin: "macvlan", netns, path } as const;
  const config = { ...ipv4, ipam: { type: "fake" } };
  expect((await callSuccessfully(lan.host, { verb: "ADD", ...call, config })).dns).toEqual(answer.dns);
  await callSuccessfully(lan.host, { verb: "DEL", ...call, config });
  const own = { ...config, dns: { domain: "a.example" } };
  expect((await callSuccessfully(lan.host, { verb: "ADD", ...call, config: own })).dns).toEqual(own.dns);
});

test("a namespace that is gone, and a parent that goes meanwhile", async () => {
  await lan.host.sh("ip netns delete c1");
  expect(await fail(ipv4)).toEqual({ code: 4, msg: "CNI_NETNS: /run/netns/c1 does not exist" });
  netns = await lan.host.container("c1");
  // IPAM takes so long that somebody deletes the parent
  const answer = JSON.stringify({ cniVersion: "1.0.0", ips: [{ address: "10.1.2.7/24" }] });
  writePlugin(lan.host, "fake", `[ $CNI_COMMAND = DEL ] && exit; ip link delete uplink; echo '${answer}'`);
  const path = `${ours}:${lan.host.directory}`;
  const { code, msg } = await fail({ ...ipv4, ipam: { type: "fake" } }, { path, env: { PATH: process.env["PATH"] } });
  expect({ code, msg }).toEqual({
    code: 101,
    msg: "macvlan: the parent uplink was removed meanwhile (find link uplink: ENODEV: no such device)",
  });
  expect(await lan.host.sh("ip -n c1 -oneline link | wc -l")).toBe("1");
});

test("an address that another machine has is told as that", async () => {
  const ipam = { type: "static", addresses: [{ address: "2001:db8::2/64" }] };
  const before = await state();
  const { msg } = await fail({ ...macvlanConfig, ipam, enabledad: true });
  expect(msg).toMatch(/^macvlan: another host on the link has the address 2001:db8::2\/64 of eth0/);
  expect(await state()).toBe(before);
});
