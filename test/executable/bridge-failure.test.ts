// An ADD that fails leaves the host as it was, wherever it fails.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bridgeConfig } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, callSuccessfully, ours, reference } from "../harness/plugin.ts";

let host: Host;
let netns: string;

beforeEach(async () => {
  host = await Host.start();
  netns = await host.container("c1");
});
afterEach(() => host[Symbol.asyncDispose]());

const config = {
  ...bridgeConfig,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:12::/64" }]] },
};

/** Everything that a bridge ADD touches, but for what is never taken back: ip_forward, last_reserved_ip, the lock files. */
async function state(): Promise<string> {
  return host.sh(`ip -oneline link | sed 's/^[0-9]*: //; s/ mtu.*//'; ip -oneline address show scope global
    ip -n c1 -oneline link | sed 's/^[0-9]*: //; s/ mtu.*//'
    iptables-save -t nat | grep -e CNI -e '^-A' || true; ip6tables-save -t nat | grep -e CNI -e '^-A' || true
    find /var/lib/cni -type f ! -path '*/.dockbridge/*' ! -name lock ! -name 'last_reserved_ip.*'`);
}

const failures = [
  {
    where: "at the last route",
    change: { ipam: { ...config.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] } },
    message: "add route 192.0.2.0/24 via 203.0.113.1: ENETUNREACH: network is unreachable",
  },
  {
    where: "at the rules, whose program is missing",
    change: {},
    env: { PATH: "/nonexistent" },
    hide: "mount --bind /run/netns /usr/sbin",
    message:
      "the network needs iptables-restore, which is in none of /nonexistent:/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin",
  },
  {
    where: "at the rules, which iptables refuses",
    change: {},
    prepare: "ln -s /bin/false /run/iptables-restore; ln -s /bin/false /run/ip6tables-restore",
    env: { PATH: "/run:/usr/sbin:/usr/bin:/sbin:/bin" },
    message: "/run/iptables-restore refused the rules: exit status 1",
  },
  {
    where: "at the result, which has no form in the old version",
    change: { cniVersion: "0.2.0", ipam: {} },
    message: "cannot convert the result to version 0.2.0: no valid IP addresses",
  },
  {
    where: "at the veth, whose MAC address is a group's",
    change: { args: { cni: { mac: "01:00:00:00:00:01" } } },
    message: "add link veth",
  },
];

test.each(failures)("an ADD that fails $where leaves nothing", async ({ change, env = {}, hide, prepare, message }) => {
  const before = await state();
  if (prepare !== undefined) await host.sh(prepare);
  if (hide !== undefined) await host.sh(hide);
  const { exitCode, stdout } = await callPlugin(host, { verb: "ADD", config: { ...config, ...change }, netns, env });
  if (hide !== undefined) await host.sh("umount /usr/sbin");
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout).msg).toContain(message);
  expect(await state()).toBe(before);
});

test("an ADD whose result nobody reads leaves nothing", async () => {
  const before = await state();
  writeFileSync(join(host.directory, "config"), JSON.stringify(config));
  await host.sh(`export CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=${netns} CNI_IFNAME=eth0 CNI_PATH=${ours}
    { sleep 0.2; ${ours}/bridge < ${host.directory}/config 2> ${host.directory}/stderr; } | true
    for i in $(seq 100); do [ -s ${host.directory}/stderr ] && break; sleep 0.05; done`);
  expect(await host.sh(`cat ${host.directory}/stderr`)).toContain('"code": 5');
  expect(await state()).toBe(before);
});

test("a failed ADD leaves the bridge to the container that uses it", async () => {
  await callSuccessfully(host, { verb: "ADD", config, netns });
  const before = await state();
  const other = await host.container("c2");
  const ipam = { ...config.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] };
  const failed = await callPlugin(host, { verb: "ADD", config: { ...config, ipam }, netns: other, containerId: "c2" });
  expect(failed.exitCode).toBe(1);
  expect(await state()).toBe(before);
});

test("the error of an IPAM plugin is passed on unchanged, and nothing is left", async () => {
  const before = await state();
  fakeIpam('echo \'{"code":105,"msg":"no more","details":"try the sea"}\'; exit 1');
  const { stdout } = await callPlugin(host, {
    verb: "ADD",
    config: { ...config, ipam: { type: "fake" } },
    netns,
    path: path(),
  });
  expect(JSON.parse(stdout)).toEqual({ code: 105, msg: "no more", details: "try the sea" });
  expect(await state()).toBe(before);
});

test("the address of an IPAM plugin is given back when the ADD fails later", async () => {
  fakeIpam(`echo $CNI_COMMAND >> ${host.directory}/verbs; cat >> ${host.directory}/inputs
    echo '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.9/24"}}'`);
  await host.sh("ip link add b0 type bridge; ip address add 10.99.0.1/16 dev b0");
  const text = JSON.stringify({ ...config, ipam: { type: "fake" } });
  const { stdout } = await callPlugin(host, { verb: "ADD", config: text, netns, path: path() });
  expect(JSON.parse(stdout).msg).toBe("b0 has the address 10.99.0.1/16 already, so it cannot have 10.1.2.1/24");
  expect(await host.sh(`cat ${host.directory}/verbs`)).toBe("ADD\nDEL");
  expect(await host.sh(`cat ${host.directory}/inputs`)).toBe(text + text);
});

test("an IPAM plugin that refuses a second ADD keeps what it has given to the first", async () => {
  const directory = join(host.directory, "ipam");
  await host.sh(`mkdir ${directory} && ln -s ${reference}/host-local ${directory}/`);
  const other = await host.container("c2");
  const call = { verb: "ADD", config: { ...config, ipMasq: false }, path: directory } as const;
  await callSuccessfully(host, { ...call, netns });
  const before = await state();
  const { stdout } = await callPlugin(host, { ...call, netns: other });
  expect(JSON.parse(stdout).msg).toContain("duplicate allocation is not allowed");
  expect(await state()).toBe(before);
});

test("GC is passed on to the IPAM plugin", async () => {
  fakeIpam(`echo $CNI_COMMAND >> ${host.directory}/verbs`);
  const call = { config: { ...config, cniVersion: "1.1.0", ipam: { type: "fake" } }, path: path() };
  expect((await callPlugin(host, { verb: "GC", ...call })).exitCode).toBe(0);
  expect(await host.sh(`cat ${host.directory}/verbs`)).toBe("GC");
});

test("needs nothing but the directory of the addresses", async () => {
  await host.sh("mount -o remount,ro /run");
  await callSuccessfully(host, { verb: "ADD", config: { ...config, ipMasq: false }, netns });
  expect(await host.sh("ls -A /run")).toBe("lock\nmount\nnetns");
});

test("an address that somebody gave the new bridge meanwhile stays, and the bridge with it", async () => {
  const fake = join(host.directory, "iptables-restore");
  writeFileSync(fake, "#!/bin/sh\nip address add 10.77.0.1/24 dev b0; exit 4\n");
  chmodSync(fake, 0o755);
  const env = { PATH: `${host.directory}:${process.env["PATH"]}` };
  expect((await callPlugin(host, { verb: "ADD", config, netns, env })).exitCode).toBe(1);
  expect(await host.sh("ip -brief -4 address show b0 | grep -c 10.77.0.1/24")).toBe("1");
});

test("when no iptables program works, the error is what iptables-restore said", async () => {
  for (const name of ["iptables-restore", "ip6tables-restore", "iptables-save", "ip6tables-save"]) {
    writeFileSync(join(host.directory, name), `#!/bin/sh\necho ${name} is tired >&2; exit 4\n`);
    chmodSync(join(host.directory, name), 0o755);
  }
  const env = { PATH: `${host.directory}:${process.env["PATH"]}` };
  const { stdout } = await callPlugin(host, { verb: "ADD", config, netns, env });
  expect(JSON.parse(stdout)).toMatchObject({
    code: 999,
    msg: `${host.directory}/iptables-restore refused the rules: iptables-restore is tired`,
    details: expect.stringContaining("*nat"),
  });
});

function fakeIpam(script: string): void {
  const file = join(host.directory, "fake");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

function path(): string {
  return `${ours}:${host.directory}`;
}
