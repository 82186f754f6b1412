// What portmap does besides publishing: with little known, twice, half-done, and for containers that are gone.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin, reference } from "../../harness/plugin.ts";
import { attach, portmap, publish, unpublish, web } from "./portmap.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const nft = { backend: "nftables" };
const dns = [{ hostPort: 53, containerPort: 53, protocol: "udp" }];
/** Which ports lead somewhere, in both families. */
const published = () =>
  host.sh(
    "(iptables-save -t nat; ip6tables-save -t nat; nft list table ip cni_hostport; nft list table ip6 cni_hostport) 2> /dev/null | grep -e 'DNAT --to' -e 'dnat to' || true",
  );
const messageOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).msg as string;

describe("ADD", () => {
  test("without ports passes on what it was given", async () => {
    const result = await attach(host);
    expect(await publish(host, result, { ports: [] })).toEqual(result);
    expect(await published()).toBe("");
  });

  test("needs a result", async () => {
    await host.sh("ip netns add c1");
    const ran = await portmap(host, "ADD", undefined);
    expect([ran.exitCode, messageOf(ran)]).toEqual([
      1,
      "portmap: there is no prevResult: it comes behind the plugin that attaches the container",
    ]);
  });

  test("anew has the new ports only, at the new address", async () => {
    const result = await attach(host);
    await publish(host, result, { ports: [web, ...dns] });
    const moved = structuredClone(result);
    moved.ips[0].address = "10.1.2.77/24";
    const ports = [{ hostPort: 9090, containerPort: 90, protocol: "tcp" }];
    await publish(host, moved, { ports });
    const rules = await host.sh("iptables-save -t nat | grep -e 'DNAT --to' -e multiport");
    expect(rules).toMatch(/--dports 9090 /);
    expect(rules).toMatch(/--dport 9090 -j DNAT --to-destination 10\.1\.2\.77:90$/m);
    expect(rules.split("\n")).toHaveLength(2);
  });

  test("anew with nftables, too", async () => {
    const result = await attach(host);
    await publish(host, result, { ports: [web, ...dns], config: nft });
    await publish(host, result, { ports: [web], config: nft });
    expect((await published()).split("\n")).toHaveLength(2);
  });

  test("that fails leaves nothing", async () => {
    const result = await attach(host);
    const before = await host.sh("iptables-save -t nat | grep -v '^#'");
    const ran = await portmap(host, "ADD", result, { config: { externalSetMarkChain: "NOT-THERE" } });
    expect([ran.exitCode, messageOf(ran)]).toEqual([1, expect.stringContaining("refused the rules")]);
    expect((await host.sh("iptables-save -t nat | grep -v '^#'")).replaceAll(/\[\d+:\d+\]/g, "")).toBe(
      before.replaceAll(/\[\d+:\d+\]/g, ""),
    );
    expect(await host.sh("ls /run/dockbridge/*")).toBe("lock");
  });

  test("with nftables refuses an id that has no room in a comment", async () => {
    const containerId = "c".repeat(129);
    const result = await attach(host);
    const ran = await portmap(host, "ADD", result, { containerId, config: nft });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      code: 4,
      msg: expect.stringContaining("longer than the 128 bytes"),
    });
  });
});

describe("DEL", () => {
  test.each([
    ["iptables", {}],
    ["nftables", nft],
  ])("of %s works with nothing but the container's name, and again", async (_, config) => {
    const result = await attach(host);
    await publish(host, result, { ports: [web, ...dns], config });
    await unpublish(host, undefined, { ports: [] });
    expect(await published()).toBe("");
    for (const ports of [[], [web]]) await unpublish(host, result, { ports, config });
    expect(await host.sh("ls /run/dockbridge/*")).toBe("lock");
  });

  test("works when what is known of the container is lost", async () => {
    const result = await attach(host);
    for (const config of [{}, nft]) {
      await publish(host, result, { ports: [web, ...dns], config });
      await host.sh("rm -r /run/dockbridge");
      await unpublish(host, result, { ports: [web, ...dns] });
      expect(await published()).toBe("");
    }
  });

  test("of Docker's layout works when what is known of the container is lost, and leaves what another has", async () => {
    const [config, bridge] = [{ docker: {} }, { docker: {}, hairpinMode: undefined }];
    const [first, second] = [await attach(host, "c1", bridge), await attach(host, "c2", bridge)];
    await publish(host, first, { ports: [web], config });
    await host.sh("rm /run/dockbridge/*/ports");
    const other = { ...web, hostPort: 9090 };
    await publish(host, second, { ports: [other], config, containerId: "c2" });
    for (let i = 0; i < 2; i++) await unpublish(host, first, { ports: [web], config });
    const ports = (await published()).matchAll(/--dport (\d+)/g);
    expect(new Set(Array.from(ports, ([, port]) => port))).toEqual(new Set(["9090"]));
    await host.sh("ip link delete b0; rm /run/dockbridge/*/ports");
    await unpublish(host, second, { ports: [other], config, containerId: "c2" });
    expect(await published()).toBe("");
  });

  test("works when the configuration cannot be read any more", async () => {
    const result = await attach(host);
    await publish(host, result);
    const config = { snat: "maybe", conditionsV4: 5, backend: 7, runtimeConfig: { portMappings: [{ hostPort: 0 }] } };
    await unpublish(host, { ips: "none" }, { config });
    expect(await published()).toBe("");
  });

  test("starts no process when there is nothing", async () => {
    const { stderr } = await callPlugin(host, {
      verb: "DEL",
      plugin: "portmap",
      config: { cniVersion: "1.0.0", name: "n1", type: "portmap" },
      under: ["strace", "-f", "-qq", "-e", "trace=execve"],
    });
    expect(stderr.split("\n").filter((line) => line.includes("execve("))).toHaveLength(1);
  });

  test("of one container leaves the others", async () => {
    const [first, second] = [await attach(host, "c1"), await attach(host, "c2")];
    await publish(host, first);
    const alone = await published();
    await publish(host, second, { containerId: "c2", ports: dns });
    await unpublish(host, second, { containerId: "c2", ports: dns });
    expect(await published()).toBe(alone);
  });

  test("of one network of a container leaves what it publishes in another", async () => {
    const result = await attach(host);
    for (const config of [{}, nft]) {
      await publish(host, result, { config });
      const alone = await published();
      await publish(host, result, { network: "n2", ports: dns, config });
      expect((await published()).split("\n")).toHaveLength(4);
      await unpublish(host, result, { network: "n2", ports: dns, config });
      expect(await published()).toBe(alone);
      await unpublish(host, result, { config });
      expect(await published()).toBe("");
    }
  });
});

describe("CHECK", () => {
  test("names every rule that is missing or was added", async () => {
    const result = await attach(host);
    await publish(host, result);
    const chain = (await host.sh("iptables-save -t nat | grep -o 'CNI-DN-[0-9a-f]*' | head -1")).trim();
    await host.sh(`iptables -t nat -D OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
      iptables -t nat -F CNI-HOSTPORT-DNAT; iptables -t nat -D ${chain} 3; iptables -t nat -A ${chain} -p tcp -j RETURN`);
    expect(messageOf(await portmap(host, "CHECK", result)).split("; ")).toEqual([
      "there is no rule of: iptables -t nat -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
      `there is no rule of: iptables -t nat -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"n1\\" id: \\"c1\\"" -m multiport --dports 8080 -j ${chain}`,
      `there is no rule of: iptables -t nat -A ${chain} -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.2.2:80`,
      `there is a rule that is not the container's: iptables -t nat -A ${chain} -p tcp -j RETURN`,
    ]);
  });

  test("names the rules of nftables", async () => {
    const result = await attach(host);
    await publish(host, result, { config: nft });
    expect((await portmap(host, "CHECK", result, { config: nft })).exitCode).toBe(0);
    await host.sh("nft flush chain ip cni_hostport hostports");
    await host.sh(`nft flush chain ip cni_hostport prerouting
      nft add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.1.2.9:80 comment c1`);
    expect(messageOf(await portmap(host, "CHECK", result, { config: nft })).split("; ")).toEqual([
      "there is no rule of: nft add rule ip cni_hostport prerouting fib daddr type local jump hostports_all",
      'there is no rule of: nft add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.1.2.2:80 comment "c1"',
      'there is a rule that is not the container\'s: nft add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.1.2.9:80 comment "c1"',
    ]);
  });

  test("accepts what nft has its own words for, and says when the host's 127.0.0.1 leads nowhere", async () => {
    const result = await attach(host);
    const config = { ...nft, conditionsV4: ["ip", "saddr", "{10.0.0.0/8,192.168.0.0/16}"] };
    await publish(host, result, { config });
    expect(await portmap(host, "CHECK", result, { config })).toMatchObject({ exitCode: 0, stdout: "" });
    await host.sh("sysctl -qw net.ipv4.conf.b0.route_localnet=0");
    expect(messageOf(await portmap(host, "CHECK", result, { config }))).toBe(
      "net/ipv4/conf/b0/route_localnet is not 1",
    );
  });

  test("names the rules of Docker's layout", async () => {
    const change = { docker: {}, hairpinMode: undefined };
    const result = await attach(host, "c1", change);
    await publish(host, result, { config: { docker: {} } });
    expect((await portmap(host, "CHECK", result, { config: { docker: {} } })).exitCode).toBe(0);
    await host.sh("iptables -t nat -F DOCKER");
    expect(messageOf(await portmap(host, "CHECK", result, { config: { docker: {} } }))).toBe(
      "there is no rule of: iptables -t nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.2.2:80",
    );
  });
});

test("GC removes the ports of containers that are neither valid nor alive, whoever published them", async () => {
  const names = ["ours", "nft", "go", "valid", "alive"];
  const results: Record<string, unknown> = {};
  for (const name of names) results[name] = await attach(host, name, { cniVersion: "1.0.0" });
  const ports = (i: number) => [{ hostPort: 8000 + i, containerPort: 80, protocol: "tcp" }];
  for (const [i, name] of names.entries()) {
    const config = name === "nft" ? nft : { cniVersion: "1.0.0" };
    const directory = name === "go" ? { directory: reference } : {};
    await publish(host, results[name], { containerId: name, ports: ports(i), config, ...directory });
  }
  await host.sh(
    "for n in ours nft go valid; do ip netns delete $n; done; while ip -oneline link | grep -q n1/go; do sleep 0.01; done",
  );
  const valid = [{ containerID: "valid", ifname: "eth0" }];
  const ran = await callPlugin(host, {
    verb: "GC",
    plugin: "portmap",
    config: { cniVersion: "1.1.0", name: "n1", type: "portmap", "cni.dev/attachments": valid },
  });
  expect({ exitCode: ran.exitCode, said: ran.stderr.trim().split("\n").sort() }).toEqual({
    exitCode: 0,
    said: [
      "GC: removed the published IPv4 ports of go in n1",
      "GC: removed the published IPv6 ports of go in n1",
      "GC: removed the published ports of nft eth0 in n1",
      "GC: removed the published ports of ours eth0 in n1",
    ],
  });
  const left = (await published()).split("\n").map((line) => /dport (\d+)/.exec(line)?.[1]);
  expect([...new Set(left)].sort()).toEqual(["8003", "8004"]);
});

test("STATUS tells which program an ADD would lack", async () => {
  const status = (more: object, env = {}) =>
    callPlugin(host, {
      verb: "STATUS",
      plugin: "portmap",
      config: { cniVersion: "1.1.0", name: "n1", type: "portmap", ...more },
      env,
    });
  expect((await status({})).exitCode).toBe(0);
  await host.sh("mount --bind /run/netns /usr/sbin");
  const answers = [await status({ backend: "iptables" }, { PATH: "/x" }), await status(nft, { PATH: "/x" })];
  await host.sh("umount /usr/sbin");
  expect(answers.map(({ stdout }) => JSON.parse(stdout))).toMatchObject([
    { code: 50, msg: expect.stringContaining("needs iptables-restore") },
    { code: 50, msg: expect.stringContaining("needs nft") },
  ]);
});

describe("ADD anew in another way", () => {
  const inDocker = { docker: {} };
  const other = [{ hostPort: 9090, containerPort: 90, protocol: "tcp" }];

  test.each([
    ["Docker's layout with other ports", inDocker, inDocker],
    ["from Docker's layout to iptables", inDocker, {}],
    ["from Docker's layout to nftables", inDocker, nft],
    ["from iptables to Docker's layout", {}, inDocker],
    ["from iptables to nftables", {}, nft],
    ["from nftables to iptables", nft, {}],
  ])("%s leaves nothing of the earlier one", async (_, before, now) => {
    const result = await attach(host, "c1", { docker: {}, hairpinMode: undefined });
    const clean = await host.sh("iptables-save | grep '^-A'");
    await publish(host, result, { config: before });
    await publish(host, result, { config: now, ports: other });
    expect(await published()).not.toContain("8080");
    expect(await published()).toContain("9090");
    await unpublish(host, result, { config: now, ports: other });
    expect(await published()).toBe("");
    const left = (await host.sh("iptables-save | grep '^-A'")).split("\n").filter((rule) => !/HOSTPORT/.test(rule));
    expect(left).toEqual(clean.split("\n"));
  });

  test("without ports leaves none", async () => {
    const result = await attach(host);
    await publish(host, result);
    await publish(host, result, { ports: [] });
    expect(await published()).toBe("");
  });
});

test("two interfaces of a container in one network have their ports each", async () => {
  const result = await attach(host);
  const second = { ifname: "eth1", ports: dns };
  const result1 = structuredClone(result);
  result1.interfaces[2].name = "eth1";
  await publish(host, result);
  const alone = await published();
  await publish(host, result1, second);
  expect((await published()).split("\n")).toHaveLength(4);
  expect((await portmap(host, "CHECK", result)).stdout).toBe("");
  expect((await portmap(host, "CHECK", result1, second)).stdout).toBe("");
  await unpublish(host, result1, second);
  expect(await published()).toBe(alone);
  expect((await portmap(host, "CHECK", result)).stdout).toBe("");
  await unpublish(host, result);
  expect(await published()).toBe("");
});

test("DEL leaves what the bridge itself publishes", async () => {
  const runtimeConfig = { portMappings: [web] };
  const result = await attach(host, "c1", { docker: {}, hairpinMode: undefined, runtimeConfig });
  const own = await published();
  for (const config of [{}, { docker: {} }]) await unpublish(host, result, { config });
  expect(await published()).toBe(own);
  const other = await attach(host, "c2", { docker: {}, hairpinMode: undefined });
  expect(JSON.parse((await portmap(host, "ADD", other, { containerId: "c2" })).stdout).code).toBe(100);
});

test("files of another shape are none", async () => {
  const result = await attach(host);
  const wrong = ["5", "null", "{}", '{"containerId":"c1"}', '{"network":"net1","containerId":"c1","ports":[]}', "{"];
  for (const content of ["null", '{"format":1,"claims":[]}', ['{"format":2}', ...wrong].join("\n")]) {
    await publish(host, result);
    await host.sh(`echo '${content}' > $(ls /run/dockbridge/*/ports)`);
    await unpublish(host, result);
    expect(await published()).toBe("");
  }
});

test("a host without iptables removes what nftables has, whatever tables the kernel has", async () => {
  const result = await attach(host, "c1", { ipMasq: false });
  await publish(host, result, { config: nft });
  await host.sh("iptables-legacy -t nat -L -n > /dev/null; mount --bind /run/netns /usr/sbin");
  const ran = await portmap(host, "DEL", result, { config: nft, env: { PATH: "/usr/bin:/bin" } });
  await host.sh("umount /usr/sbin");
  // nft is in the same directory
  expect(ran.stdout).toContain("the network needs nft");
  await unpublish(host, result, { config: nft });
  expect(await published()).toBe("");
});

test("conditions behind an empty one are an error", async () => {
  const result = await attach(host);
  const ran = await portmap(host, "ADD", result, { config: { conditionsV4: ["", "-s", "10.0.0.0/8"] } });
  expect(JSON.parse(ran.stdout)).toMatchObject({ code: 7, msg: expect.stringContaining("begin with an empty one") });
});
