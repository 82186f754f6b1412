import { expect, test } from "vitest";
import { Host } from "../harness/host.ts";
import { callPlugin, callSuccessfully } from "../harness/plugin.ts";

const config = {
  cniVersion: "1.0.0",
  name: "n1",
  type: "bridge",
  bridge: "b0",
  isDefaultGateway: true,
  hairpinMode: true,
  mtu: 1400,
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
    routes: [{ dst: "192.0.2.0/24" }],
  },
};

const veth = "$(ip -oneline link show type veth | sed 's/^[0-9]*: //; s/@.*//')";

const changes = [
  { change: "ip link delete b0", says: ["the bridge b0 is gone"] },
  { change: "ip link set b0 down", says: ["the bridge b0 is down"] },
  { change: "ip link delete b0; ip link add b0 type veth peer name b1", says: ["b0 is not a bridge"] },
  { change: "ip link set b0 address 02:00:00:00:00:07", says: ["b0 has the MAC address 02:00:00:00:00:07 instead of"] },
  { change: `ip link set ${veth} nomaster`, says: ["is not a port of b0"] },
  { change: `ip link set ${veth} down`, says: ["is down"] },
  {
    change: `ip link set ${veth} address 02:00:00:00:00:08`,
    says: ["has the MAC address 02:00:00:00:00:08 instead of"],
  },
  { change: `bridge link set dev ${veth} hairpin off`, says: ["has hairpin off"] },
  { change: `ip link set ${veth} mtu 1300`, says: ["has MTU 1300 instead of 1400"] },
  { change: "ip -n c1 link delete eth0", says: ["the container's interface eth0 is gone"] },
  { change: "ip -n c1 link set eth0 mtu 1300", says: ["eth0 has MTU 1300 instead of 1400"] },
  {
    change: "ip -n c1 link set eth0 address 02:00:00:00:00:09",
    says: ["eth0 has the MAC address 02:00:00:00:00:09 instead of"],
  },
  {
    change: "ip -n c1 link set eth0 down",
    says: ["the container's interface eth0 is down", "no route to 192.0.2.0/24"],
  },
  {
    change: "ip -n c1 address delete 10.1.2.2/24 dev eth0; ip -n c1 address add 10.1.2.3/24 dev eth0",
    says: ["eth0 does not have the address 10.1.2.2/24"],
  },
  { change: "ip -n c1 address delete fd00:1::2/64 dev eth0", says: ["eth0 does not have the address fd00:1::2/64"] },
  { change: "ip -n c1 route delete default", says: ["the container has no route to 0.0.0.0/0"] },
  { change: "ip -n c1 -6 route delete default", says: ["the container has no route to ::/0"] },
  { change: "ip -n c1 route delete 192.0.2.0/24", says: ["the container has no route to 192.0.2.0/24"] },
  { change: "rm /var/lib/cni/networks/n1/*", says: ["no address is reserved for c1 eth0 in /var/lib/cni/networks/n1"] },
];

test.each(changes)("CHECK says what is not as ADD left it: $change", async ({ change, says }) => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const call = {
    netns,
    config: { ...config, prevResult: await callSuccessfully(host, { verb: "ADD", config, netns }) },
  };
  await callSuccessfully(host, { verb: "CHECK", ...call });
  await host.sh(change);
  const { exitCode, stdout } = await callPlugin(host, { verb: "CHECK", ...call });
  expect(exitCode).toBe(1);
  const { code, msg } = JSON.parse(stdout);
  expect(code).toBe(999);
  for (const sentence of says) expect(msg).toContain(sentence);
});

test("CHECK bears what other plugins of the chain and the administrator may do", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const prevResult = await callSuccessfully(host, { verb: "ADD", config, netns });
  await host.sh(`ip -n c1 address add 10.9.9.9/32 dev eth0; ip -n c1 route add 198.51.100.0/24 via 10.1.2.1
    ip -n c1 link add more type veth peer name other; ip -n c1 route replace default via 10.1.2.9; ip address add 10.8.8.8/32 dev b0`);
  const more = { name: "more", mac: "02:00:00:00:00:01", sandbox: netns };
  const chained = { ...prevResult, interfaces: [...prevResult.interfaces, more] };
  expect(await callSuccessfully(host, { verb: "CHECK", netns, config: { ...config, prevResult: chained } })).toBe(
    undefined,
  );
});

test("CHECK without prevResult, and with the result of another network, is an error", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const prevResult = await callSuccessfully(host, { verb: "ADD", config, netns });
  const without = await callPlugin(host, { verb: "CHECK", netns, config });
  expect(JSON.parse(without.stdout)).toMatchObject({ code: 7 });
  const foreign = { ...prevResult, interfaces: [{ name: "net1", sandbox: "/run/netns/other" }] };
  const other = await callPlugin(host, { verb: "CHECK", netns, config: { ...config, prevResult: foreign } });
  expect(JSON.parse(other.stdout).msg).toContain(`prevResult has no interface eth0 in ${netns}`);
});
