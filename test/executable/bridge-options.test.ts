// The fields of the bridge plugin that change more than what every network needs.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bridgeConfig } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { type Call, callPlugin, callSuccessfully } from "../harness/plugin.ts";
import { askTcp, serveTcp } from "../harness/traffic.ts";

const config = { ...bridgeConfig, ipMasq: false };
const dualStack = { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:12::/64" }]] };

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await host.sh("ip netns add c1; ip netns add c2");
});
afterEach(() => host[Symbol.asyncDispose]());

const call = (change: object, more: Partial<Call> = {}) =>
  callPlugin(host, { verb: "ADD", config: { ...config, ...change }, netns: "/run/netns/c1", ...more });
const attach = (change: object, containerId = "c1") =>
  callSuccessfully(host, {
    verb: "ADD",
    config: { ...config, ...change },
    containerId,
    netns: `/run/netns/${containerId}`,
  });
const check = (change: object, prevResult: unknown) => call({ ...change, prevResult }, { verb: "CHECK" });

test("promiscMode sets the bridge promiscuous, and CHECK wants it so", async () => {
  const result = await attach({ promiscMode: true });
  expect(await host.sh("ip -oneline link show b0 | grep -c PROMISC")).toBe("1");
  expect((await check({ promiscMode: true }, result)).exitCode).toBe(0);
  await host.sh("ip link set b0 promisc off");
  expect(JSON.parse((await check({ promiscMode: true }, result)).stdout).msg).toBe("the bridge b0 is not promiscuous");
});

test("a failed ADD takes promiscMode back from a bridge that was there", async () => {
  await host.sh(
    "ip link add b0 type bridge; ip link set b0 up; ip link add p0 type veth peer name p1; ip link set p0 master b0; ip link set p0 nomaster",
  );
  const ipam = { ...config.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] };
  expect((await call({ promiscMode: true, ipam })).exitCode).toBe(1);
  expect(await host.sh("ip -oneline link show b0 | grep -c PROMISC || true")).toBe("0");
});

describe("forceAddress", () => {
  const other = "ip link add b0 type bridge; ip address add 10.99.0.1/16 dev b0; ip address add 192.0.2.1/24 dev b0";

  test("replaces the addresses that are in the way", async () => {
    await host.sh(other);
    expect((await call({})).exitCode).toBe(1);
    await attach({ forceAddress: true });
    expect(await host.sh("ip -brief -4 address show b0 | tr -s ' ' | cut -d ' ' -f 3-")).toBe("10.1.2.1/24");
  });

  test("is taken back when the ADD fails later", async () => {
    await host.sh(other);
    const before = await host.sh("ip -brief -4 address show b0");
    const ipam = { ...config.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] };
    expect((await call({ forceAddress: true, ipam })).exitCode).toBe(1);
    expect(await host.sh("ip -brief -4 address show b0")).toBe(before);
  });
});

test("portIsolation keeps containers from each other, not from the host", async () => {
  const first = await attach({ portIsolation: true });
  const second = await attach({ portIsolation: true }, "c2");
  const addressOf = (result: { ips: { address: string }[] }) => result.ips[0]?.address.split("/")[0] ?? "";
  await serveTcp({ host }, 80);
  await serveTcp({ host, netns: "/run/netns/c1" }, 80);
  expect(await askTcp({ host, netns: "/run/netns/c2" }, "10.1.2.1", 80)).toBe(addressOf(second));
  expect(await askTcp({ host }, addressOf(first), 80)).toBe("10.1.2.1");
  expect(await askTcp({ host, netns: "/run/netns/c2" }, addressOf(first), 80)).not.toBe(addressOf(second));
  expect((await check({ portIsolation: true }, first)).exitCode).toBe(0);
  expect(JSON.parse((await check({}, first)).stdout).msg).toMatch(/^veth\w+ is isolated from other ports$/);
});

test("disableContainerInterface leaves the interface down, and CHECK is content", async () => {
  const change = { disableContainerInterface: true, isGateway: false, ipam: {} };
  const result = await attach(change);
  expect(await host.sh("ip -n c1 -brief link show eth0 | tr -s ' ' | cut -d ' ' -f 2")).toBe("DOWN");
  expect((await check(change, result)).exitCode).toBe(0);
});

describe("enabledad", () => {
  test("lets the kernel detect duplicates, and waits until it has", async () => {
    await attach({ enabledad: true, ipam: dualStack });
    expect(await host.sh("ip -n c1 -6 -oneline address show eth0 scope global")).not.toMatch(
      /tentative|nodad|dadfailed/,
    );
    expect(
      await host.sh(
        "ip netns exec c1 cat /proc/sys/net/ipv6/conf/eth0/accept_dad /proc/sys/net/ipv6/conf/eth0/enhanced_dad",
      ),
    ).toBe("1\n1");
  });

  test("is an error when another container has the address, and leaves nothing", async () => {
    await attach({ ipam: dualStack });
    await host.sh("ip -n c1 address add fd00:12::3/64 dev eth0 nodad");
    const { stdout } = await call({ enabledad: true, ipam: dualStack }, { containerId: "c2", netns: "/run/netns/c2" });
    expect(JSON.parse(stdout)).toMatchObject({
      code: 999,
      msg: expect.stringContaining("another host on the link has the address fd00:12::3/64 of eth0"),
    });
    expect(await host.sh("ip -n c2 -brief link show eth0 2>&1 || true")).toContain("does not exist");
    expect(await host.sh("ls /var/lib/cni/networks/n1 | grep -c '3$' || true")).toBe("0");
  });
});

test("two interfaces of one container in one network have a masquerade chain each", async () => {
  const masquerading = { ipMasq: true };
  await attach(masquerading);
  const second = {
    verb: "ADD",
    config: { ...config, ...masquerading },
    netns: "/run/netns/c1",
    ifname: "eth1",
  } as const;
  const prevResult = await callSuccessfully(host, second);
  const chains = async () => (await host.sh("iptables-save -t nat | grep -c '^:CNI-'")).trim();
  expect(await chains()).toBe("2");
  const checked = await callPlugin(host, { ...second, verb: "CHECK", config: { ...second.config, prevResult } });
  expect(checked).toMatchObject({ exitCode: 0, stdout: "" });
  await callSuccessfully(host, { ...second, verb: "DEL", netns: "", config: { ...second.config, ipam: config.ipam } });
  expect(await host.sh("iptables-save -t nat | grep -e '-A POSTROUTING' | grep -c 10.1.2.2/32")).toBe("1");
  expect(await chains()).toBe("1");
  await callSuccessfully(host, { ...second, verb: "DEL", ifname: "eth0" });
  expect(await host.sh("iptables-save -t nat | grep -c CNI- || true")).toBe("0");
});

test("CHECK names masquerade rules that are gone, or no longer alone", async () => {
  const result = await attach({ ipMasq: true });
  expect((await check({ ipMasq: true }, result)).exitCode).toBe(0);
  const chain = await host.sh("iptables-save -t nat | grep -o -m 1 'CNI-[0-9a-f]*'");
  await host.sh(`iptables -t nat -I ${chain} -j RETURN`);
  expect(JSON.parse((await check({ ipMasq: true }, result)).stdout).msg).toBe(
    `there is an iptables rule that is not the container's: -A ${chain} -j RETURN`,
  );
  await host.sh(`iptables -t nat -D ${chain} -j RETURN`);
  await host.sh("iptables -t nat -F POSTROUTING");
  expect(JSON.parse((await check({ ipMasq: true }, result)).stdout).msg).toMatch(
    /^there is no iptables rule -A POSTROUTING -s 10\.1\.2\.2\/32 .* -j CNI-[0-9a-f]{24}$/,
  );
});

describe("STATUS", () => {
  const status = async (change: object = {}, more: Partial<Call> = {}) => {
    const { stdout } = await call({ cniVersion: "1.1.0", ...change }, { verb: "STATUS", ...more });
    return stdout === "" ? "fine" : JSON.parse(stdout);
  };

  test("is content before and after an ADD", async () => {
    expect(await status()).toBe("fine");
    await attach({});
    expect(await status()).toBe("fine");
  });

  test.each([
    {
      what: "the bridge's name is taken",
      command: "ip link add b0 type veth peer name p1",
      error: { code: 50, msg: "b0 exists but is not a bridge" },
    },
    {
      what: "the bridge is down",
      command: "ip link set b0 down",
      error: { code: 51, msg: "the bridge b0 is down" },
      attached: true,
    },
    {
      what: "the host does not forward",
      command: "echo 0 > /proc/sys/net/ipv4/ip_forward",
      error: { code: 51, msg: "the host does not forward: net/ipv4/ip_forward is 0" },
      attached: true,
    },
  ])("tells that $what", async ({ command, error, attached = false }) => {
    if (attached) await attach({});
    await host.sh(command);
    expect(await status()).toEqual(error);
  });

  test("tells that there is no iptables for ipMasq", async () => {
    await host.sh("for d in /usr/sbin /sbin; do mount -t tmpfs none $d 2>/dev/null || true; done");
    expect(await status({ ipMasq: true }, { env: { PATH: "/nowhere" } })).toMatchObject({
      code: 50,
      msg: expect.stringContaining("the network needs iptables-restore"),
    });
    expect(await status({}, { env: { PATH: "/nowhere" } })).toBe("fine");
    // rules in nftables need nft, and nothing else
    const nft = { ipMasq: true, ipMasqBackend: "nftables" };
    for (const change of [nft, { macspoofchk: true }]) {
      expect(await status(change, { env: { PATH: "/nowhere" } })).toMatchObject({
        code: 50,
        msg: expect.stringContaining("the network needs nft"),
      });
    }
    await host.sh("mkdir /run/bin; touch /run/bin/nft");
    for (const change of [nft, { macspoofchk: true }, { ipMasq: true }])
      expect(await status(change, { env: { PATH: "/run/bin" } })).toBe("fine");
  });
});

test("GC removes the rules and addresses of containers that are gone, and says so", async () => {
  const masquerading = { ipMasq: true, ipam: dualStack };
  await attach(masquerading);
  await attach(masquerading, "c2");
  await host.sh("ip netns add c3");
  await attach(masquerading, "c3");
  await host.sh(
    "ip netns delete c2; ip netns delete c3; while ip -oneline link | grep -q 'n1/c[23]/'; do sleep 0.01; done",
  );
  // which bandwidth would have left
  await host.sh("ip link add bwp0 type ifb; ip link set bwp0 alias n1/c2/eth0");
  const valid = { "cni.dev/attachments": [{ containerID: "c3", ifname: "eth0" }] };
  const { exitCode, stderr } = await call({ ...masquerading, ...valid, cniVersion: "1.1.0" }, { verb: "GC" });
  expect(exitCode).toBe(0);
  for (const line of [
    "IPv4 masquerade rules of c2 in n1",
    "IPv6 masquerade rules of c2 in n1",
    "gave back 10.1.2.3 of c2 eth0",
  ]) {
    expect(stderr).toContain(line);
  }
  const rules = await host.sh("iptables-save -t nat; ip6tables-save -t nat");
  expect(rules).not.toContain('id: \\"c2\\"');
  // one is alive, though not valid, and one is valid, though not alive
  for (const id of ["c1", "c3"]) expect(rules).toContain(`id: \\"${id}\\"`);
  expect(await host.sh("ls /var/lib/cni/networks/n1 | grep -c '^10'")).toBe("2");
});
