// The runtime ends a plugin with SIGTERM: what an ADD has done until then is taken back.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bridgeConfig as config } from "../harness/configuration.ts";
import { Host, type Running } from "../harness/host.ts";
import { ours, startPlugin } from "../harness/plugin.ts";

function startAdd(
  host: Host,
  netns: string,
  { ipam = config.ipam, path = "", env = {} }: { ipam?: object; path?: string; env?: Record<string, string> } = {},
): Running {
  return startPlugin(host, { verb: "ADD", config: { ...config, ipam }, netns, path: `${ours}${path}`, env });
}

async function untilExists(host: Host, condition: string): Promise<void> {
  await host.sh(`for i in $(seq 500); do ${condition} && exit 0; sleep 0.01; done; exit 1`);
}

async function expectNothingLeft(host: Host): Promise<void> {
  expect(await host.sh("ip -oneline link | wc -l")).toBe("1");
  expect(await host.sh("ip -n c1 -oneline link | wc -l")).toBe("1");
  expect(await host.sh("iptables-save -t nat | grep -c CNI- || true")).toBe("0");
  expect(await host.sh("find /var/lib/cni -name '10.*'")).toBe("");
}

test("waiting for a lock: nothing is done, and the error says what happened", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  await host.sh("mkdir -p /var/lib/cni/networks/n1");
  const holder = host.start("flock", [
    "--no-fork",
    "/var/lib/cni/networks/n1/lock",
    "sh",
    "-c",
    "echo held; exec sleep 60",
  ]);
  await holder.firstOutput;
  const add = startAdd(host, netns);
  // it has the lock of the bridges, and waits for the other one
  await untilExists(host, "grep -q 04:$(stat -Lc %i /proc/self/ns/net) /proc/locks");
  add.kill("SIGTERM");
  const { exitCode, stdout } = await add.finished;
  expect({ exitCode, ...JSON.parse(stdout) }).toEqual({ exitCode: 1, code: 11, msg: "interrupted by SIGTERM" });
  await expectNothingLeft(host);
});

test("waiting for an IPAM plugin: it is ended too, and asked to give back what it may have given", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const log = join(host.directory, "log");
  const script = `#!/bin/sh\necho $CNI_COMMAND >> ${log}\n[ $CNI_COMMAND = DEL ] || exec sleep 60\n`;
  writeFileSync(join(host.directory, "slow"), script);
  chmodSync(join(host.directory, "slow"), 0o755);
  const add = startAdd(host, netns, { ipam: { type: "slow" }, path: `:${host.directory}` });
  await untilExists(host, `test -e ${log}`);
  add.kill("SIGTERM");
  const { exitCode, stdout } = await add.finished;
  expect({ exitCode, ...JSON.parse(stdout) }).toEqual({ exitCode: 1, code: 11, msg: "interrupted by SIGTERM" });
  expect(await host.sh(`cat ${log}`)).toBe("ADD\nDEL");
  await expectNothingLeft(host);
});

test("at the rules: they are awaited, and everything is taken back", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  // a slow iptables-restore, which says when it is called
  const slow = `#!/bin/sh\ntouch /run/called; sleep 0.5; exec /usr/sbin/iptables-restore "$@"\n`;
  writeFileSync(join(host.directory, "iptables-restore"), slow);
  chmodSync(join(host.directory, "iptables-restore"), 0o755);
  const add = startAdd(host, netns, { env: { PATH: `${host.directory}:/usr/sbin:/usr/bin:/sbin:/bin` } });
  await untilExists(host, "test -e /run/called");
  add.kill("SIGTERM");
  const { exitCode, stdout } = await add.finished;
  expect({ exitCode, ...JSON.parse(stdout) }).toEqual({ exitCode: 1, code: 11, msg: "interrupted by SIGTERM" });
  await expectNothingLeft(host);
});
