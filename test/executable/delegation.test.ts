// An IPAM plugin that is not ours, as an executable of its own: what it is told, and what becomes of what it says.
import { expect, test } from "vitest";
import { bridgeConfig } from "../harness/configuration.ts";
import { writePlugin } from "../harness/fake-plugin.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, callSuccessfully, ours, reference } from "../harness/plugin.ts";
import { programsOf } from "../harness/strace.ts";

const config = { ...bridgeConfig, isDefaultGateway: true, ipMasq: false, ipam: { type: "fake" } };
const answer = { cniVersion: "1.0.0", ips: [{ address: "10.1.2.7/24" }], routes: [{ dst: "192.0.2.0/24" }] };

async function setUp(script: string, mode?: number): Promise<{ host: Host; netns: string; path: string }> {
  const host = await Host.start();
  writePlugin(host, "fake", `echo $CNI_COMMAND >> $DIR/log\n${script}`, mode);
  return { host, netns: await host.container("c1"), path: `${ours}:${host.directory}` };
}

test("it gets the same stdin and the same environment, with every verb", async () => {
  const {
    host: made,
    netns,
    path,
  } = await setUp(
    `env | grep ^CNI_ | sort > $DIR/env.$CNI_COMMAND; cat > $DIR/stdin; [ $CNI_COMMAND != ADD ] || echo '${JSON.stringify(answer)}'`,
  );
  await using host = made;
  const call = { netns, path, args: "K8S_POD_NAME=web;IgnoreUnknown=1", containerId: "one", config } as const;
  const prevResult = await callSuccessfully(host, { verb: "ADD", ...call });
  expect(JSON.parse(await host.sh(`cat ${host.directory}/stdin`))).toEqual(config);
  expect(await host.sh(`cat ${host.directory}/env.ADD`)).toBe(
    [
      "CNI_ARGS=K8S_POD_NAME=web;IgnoreUnknown=1",
      "CNI_COMMAND=ADD",
      "CNI_CONTAINERID=one",
      "CNI_IFNAME=eth0",
      `CNI_NETNS=${netns}`,
      `CNI_PATH=${path}`,
    ].join("\n"),
  );
  await callSuccessfully(host, { verb: "CHECK", ...call, config: { ...config, prevResult } });
  await callSuccessfully(host, { verb: "DEL", ...call });
  await callSuccessfully(host, { verb: "STATUS", ...call, config: { ...config, cniVersion: "1.1.0" } });
  expect(await host.sh(`cat ${host.directory}/log`)).toBe("ADD\nCHECK\nDEL\nSTATUS");
});

test("what it answers is configured, and the gateway that it leaves out is the bridge's", async () => {
  const { host: made, netns, path } = await setUp(`[ $CNI_COMMAND = DEL ] || echo '${JSON.stringify(answer)}'`);
  await using host = made;
  const result = await callSuccessfully(host, { verb: "ADD", netns, path, config });
  expect(result.ips).toEqual([{ address: "10.1.2.7/24", gateway: "10.1.2.1", interface: 2 }]);
  expect(result.routes).toEqual([{ dst: "192.0.2.0/24" }, { dst: "0.0.0.0/0", gw: "10.1.2.1" }]);
  expect(await host.sh("ip -n c1 route")).toContain("192.0.2.0/24 via 10.1.2.1 dev eth0");
});

test.each([
  { answer: { ip4: { ip: "10.1.2.7/24", gateway: "10.1.2.9" } }, configVersion: "0.2.0", what: "of the configuration" },
  {
    answer: { cniVersion: "0.2.0", ip4: { ip: "10.1.2.7/24", gateway: "10.1.2.9" } },
    configVersion: "1.1.0",
    what: "0.2.0",
  },
  {
    answer: { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.1.2.7/24", gateway: "10.1.2.9" }] },
    configVersion: "1.0.0",
    what: "0.4.0",
  },
])("it may answer in a version of its own: $what", async ({ answer, configVersion }) => {
  const { host: made, netns, path } = await setUp(`[ $CNI_COMMAND = DEL ] || echo '${JSON.stringify(answer)}'`);
  await using host = made;
  await callSuccessfully(host, { verb: "ADD", netns, path, config: { ...config, cniVersion: configVersion } });
  expect(await host.sh("ip -n c1 -oneline -4 address show eth0")).toContain("10.1.2.7/24");
  expect(await host.sh("ip -n c1 route show default")).toContain("via 10.1.2.9");
});

const failures = [
  {
    what: "with an error object",
    script: `echo '{"code": 11, "msg": "try later", "details": "no quorum"}'; exit 1`,
    error: { code: 11, msg: "try later", details: "no quorum" },
    // what it has given to an earlier ADD of the same container stays there
    asked: "ADD",
  },
  {
    what: "with words on stderr only",
    script: "echo 'out of order' >&2; exit 3",
    error: { code: 0, msg: "the plugin <dir>/fake failed with exit status 3: out of order" },
  },
  {
    what: "without a word",
    script: "exit 7",
    error: { code: 0, msg: "the plugin <dir>/fake failed with exit status 7: it gave no error message" },
  },
  {
    what: "with something else than JSON",
    script: "echo oops; exit 1",
    error: {
      code: 0,
      msg: expect.stringContaining("the plugin <dir>/fake failed with exit status 1"),
      details: "oops\n",
    },
  },
  {
    what: "by a signal",
    script: "kill -9 $$",
    error: { code: 0, msg: "the plugin <dir>/fake failed with signal 9: it gave no error message" },
  },
  {
    what: "without a result",
    script: "exit 0",
    error: { code: 6, msg: expect.stringContaining("the output of <dir>/fake") },
  },
  {
    what: "with a result of no version that there is",
    script: `echo '{"cniVersion": "9.0.0", "ips": []}'`,
    error: { code: 1, msg: `the result of <dir>/fake has the unknown version "9.0.0"` },
  },
  {
    what: "with no address",
    script: `echo '{"cniVersion": "1.0.0"}'`,
    error: { code: 999, msg: "the IPAM plugin fake returned no addresses" },
  },
  {
    what: "with an address that is none",
    script: `echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.1.2"}]}'`,
    error: { code: expect.any(Number), msg: expect.stringContaining("ips[0].address") },
  },
];

test.each(failures)(
  "it fails $what: the error is passed up, it is asked to give back what it may have given, the host is as before",
  async ({ script, error, asked = "ADD\nDEL" }) => {
    const { host: made, netns, path } = await setUp(`[ $CNI_COMMAND = ADD ] || exit 0\n${script}`);
    await using host = made;
    const { exitCode, stdout } = await callPlugin(host, { verb: "ADD", netns, path, config });
    expect({ exitCode, ...JSON.parse(stdout.replaceAll(host.directory, "<dir>")) }).toEqual({ exitCode: 1, ...error });
    expect(await host.sh(`cat ${host.directory}/log`)).toBe(asked);
    expect(await host.sh("ip -oneline link | wc -l; ip -n c1 -oneline link | wc -l")).toBe("1\n1");
  },
);

test("one that cannot be executed is named, and so is one that is not there", async () => {
  const { host: made, netns, path } = await setUp("", 0o644);
  await using host = made;
  const denied = await callPlugin(host, { verb: "ADD", netns, path, config });
  expect(JSON.parse(denied.stdout).msg).toContain(`${host.directory}/fake: EACCES`);
  const missing = await callPlugin(host, { verb: "ADD", netns, config });
  expect(JSON.parse(missing.stdout).msg).toBe(`the plugin fake, named by ipam.type, is not in CNI_PATH ${ours}`);
});

test("DEL and CHECK pass up its error too, and DEL has removed the rest before", async () => {
  const {
    host: made,
    netns,
    path,
  } = await setUp(
    `[ $CNI_COMMAND = ADD ] && echo '${JSON.stringify(answer)}' && exit 0; echo '{"code": 7, "msg": "no"}'; exit 1`,
  );
  await using host = made;
  const prevResult = await callSuccessfully(host, { verb: "ADD", netns, path, config });
  const check = await callPlugin(host, { verb: "CHECK", netns, path, config: { ...config, prevResult } });
  expect(JSON.parse(check.stdout)).toEqual({ code: 7, msg: "no" });
  const del = await callPlugin(host, { verb: "DEL", netns, path, config });
  expect(JSON.parse(del.stdout)).toEqual({ code: 7, msg: "no" });
});

const hostLocal = { ...config, ipam: { type: "host-local", subnet: "10.1.2.0/24" } };

test.each([
  { as: "a hard link of the executable", make: "true", directory: ours, programs: ["bridge"] },
  { as: "a copy of the executable", make: `cp ${ours}/host-local $DIR/`, programs: ["bridge"] },
  { as: "a symbolic link to the executable", make: `ln -s ${ours}/dockbridge $DIR/host-local`, programs: ["bridge"] },
  { as: "the reference plugin", make: `ln -s ${reference}/host-local $DIR/`, programs: ["bridge", "host-local"] },
])("host-local as $as", async ({ make, directory, programs }) => {
  await using host = await Host.start();
  await host.sh(`DIR=${host.directory}; ${make}`);
  const netns = await host.container("c1");
  const call = { config: hostLocal, netns, path: directory ?? host.directory } as const;
  expect(await programsOf(host, { verb: "ADD", ...call })).toEqual(programs);
  expect(await host.sh("cat /var/lib/cni/networks/n1/10.1.2.2")).toBe("c1\r\neth0");
  expect(await programsOf(host, { verb: "DEL", ...call })).toEqual(programs);
  expect(await host.sh("ls /var/lib/cni/networks/n1")).toBe("last_reserved_ip.0\nlock");
});
