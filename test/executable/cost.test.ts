// What a call costs the host, as far as it can be counted. How long it takes is for `npm run bench`.
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { nodeOptions } from "../../src/build/executable.ts";
import { bridgeConfig } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { macvlanConfig, startLan } from "../harness/lan.ts";
import { peakMemory } from "../harness/peak-memory.ts";
import { callSuccessfully, ours } from "../harness/plugin.ts";
import { pathsIn, programsOf, traceCall } from "../harness/strace.ts";

const config = { ...bridgeConfig, isDefaultGateway: true };
const dualStack = {
  ...config,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]] },
};
const withoutMasquerade = { ...config, ipMasq: false };

test.each(["bridge", "host-local", "macvlan", "portmap", "firewall", "tuning", "loopback"])(
  "VERSION of %s opens and looks at nothing of its own",
  async (plugin) => {
    await using host = await Host.start();
    const files = "file,openat,readlink,statx,newfstatat,getdents64";
    const paths = pathsIn(await traceCall(host, { verb: "VERSION", plugin, config: "" }, files));
    await host.run("strace", [
      "-f",
      "-o",
      `${host.directory}/node`,
      "-e",
      `trace=${files}`,
      process.execPath,
      ...nodeOptions,
      "-e",
      "0",
    ]);
    const runtimePaths = pathsIn((await host.sh(`cat ${host.directory}/node`)).split("\n"));
    expect(runtimePaths).toContain("/etc/ld.so.cache");
    expect([...paths].filter((path) => !runtimePaths.has(path))).toEqual([resolve(ours, plugin)]);
  },
);

test.each([
  { name: "a network with masquerade", config, rules: ["iptables-restore"] },
  { name: "a dual-stack network", config: dualStack, rules: ["iptables-restore", "ip6tables-restore"] },
  { name: "a network without masquerade", config: withoutMasquerade, rules: [] },
])(
  "$name: ADD and DEL run one iptables-restore a family, CHECK reads the rules, and nothing else",
  async ({ config, rules }) => {
    await using host = await Host.start();
    const netns = await host.container("c1");
    const call = { config, netns } as const;
    expect(await programsOf(host, { verb: "ADD", ...call })).toEqual(["bridge", ...rules]);
    expect(await programsOf(host, { verb: "DEL", ...call })).toEqual(["bridge", ...rules]);
    const prevResult = await callSuccessfully(host, { verb: "ADD", ...call });
    expect(await programsOf(host, { verb: "CHECK", netns, config: { ...config, prevResult } })).toEqual([
      "bridge",
      ...rules.map((name) => name.replace("restore", "save")),
    ]);
  },
);

test("macvlan runs no program besides itself", async () => {
  await using lan = await startLan();
  const netns = await lan.host.container("c1");
  const call = { plugin: "macvlan", config: { ...macvlanConfig, hostAccess: true }, netns } as const;
  for (const verb of ["ADD", "DEL"] as const)
    expect(await programsOf(lan.host, { verb, ...call })).toEqual(["macvlan"]);
});

test("no call has more than 70 MB", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const peaks = {
    version: await peakMemory(host, { verb: "VERSION", config: "" }),
    add: await peakMemory(host, { verb: "ADD", config: dualStack, netns }),
    del: await peakMemory(host, { verb: "DEL", config: dualStack, netns }),
    loopback: await peakMemory(host, { verb: "ADD", plugin: "loopback", config, netns, ifname: "lo" }),
    ipam: await peakMemory(host, { verb: "ADD", plugin: "host-local", config, netns }),
  };
  expect(peaks.version).toBeGreaterThan(20);
  expect(Object.entries(peaks).filter(([, megabytes]) => megabytes > 70)).toEqual([]);
});
