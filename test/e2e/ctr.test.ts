// containerd's own client: `ctr run --cni` with the network that containerd's documentation proposes, and with those that are chained.
import { expect } from "vitest";
import { writeConflists } from "../harness/cnitool.ts";
import { callSuccessfully } from "../harness/plugin.ts";
import { serve } from "../harness/traffic.ts";
import { ask } from "./ask.ts";
import { built, debian, type Programs, runtimeOf, startContainerd } from "./containerd.ts";
import { imageName } from "./image.ts";
import { leases } from "./leftovers.ts";
import { hostAddress, type Machine, outsideAddress } from "./machine.ts";
import { scenario } from "./scenario.ts";

const network = {
  cniVersion: "1.0.0",
  name: "ctr",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.77.0.0/24" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "firewall" },
    { type: "tuning" },
  ],
};

for (const programs of [debian, built]) {
  scenario({
    name: `ctr of containerd ${programs.version}`,
    does: "ctr run --cni in the foreground, and detached: reached, and out with the host's address",
    missing: programs.missing,
    play: (machine) => play(machine, programs),
    // the bridge stays, and `ctr` never calls DEL for a detached container
    kept: [/^link cni0$/, /^address cni0 /],
  });
}

async function play(machine: Machine, programs: Programs): Promise<void> {
  const { host, outside } = machine;
  // neither directory can be chosen
  await host.sh(`ln -sfn ${machine.bin} /opt/cni/bin`);
  await host.sh(`cp ${writeConflists(host, { "10-ctr.conflist": JSON.stringify(network) })}/* /etc/cni/net.d`);
  const containerd = await startContainerd(machine, {
    programs,

    config: "",
    namespaces: ["default"],
  });
  const run = ["--cni", "--cgroup", "", "--runc-binary", runtimeOf(machine), "--snapshotter", "native", imageName];

  const look = ["/bin/sh", "-c", "ip -4 -o address show dev eth0; ip route"];
  const seen = await containerd.ctr("run", "--rm", ...run, "foreground", ...look);
  expect(seen).toContain("inet 10.77.0.2/24 brd 10.77.0.255");
  expect(seen).toContain("default via 10.77.0.1 dev eth0");
  expect(await leases(host, "ctr")).toEqual([]);

  await containerd.ctr("run", "--detach", ...run, "detached");
  expect(await ask(host, "10.77.0.3")).toBe("10.77.0.1");
  await serve({ host: outside }, 9000);
  const out = ["/bin/nc", outsideAddress, "9000"];
  expect(await containerd.ctr("task", "exec", "--exec-id", "out", "detached", ...out)).toBe(hostAddress);
  await containerd.ctr("task", "kill", "--signal", "KILL", "detached");
  await containerd.ctr("task", "rm", "--force", "detached").catch(() => "it had ended");
  await containerd.ctr("container", "rm", "detached");
  await detach(machine, "default-detached");
  await containerd.stop();
}

/** `ctr` before 1.7 calls no DEL for a detached container; later ones call it as here, with what libcni has kept. */
async function detach({ host, bin }: Machine, containerId: string): Promise<void> {
  const kept = `/var/lib/cni/results/ctr-${containerId}-eth0`;
  const cached = await host.run("cat", [kept]);
  if (cached.exitCode !== 0) return;
  const { result: prevResult } = JSON.parse(cached.stdout);
  for (const plugin of network.plugins.toReversed()) {
    const config = { cniVersion: network.cniVersion, name: network.name, prevResult, ...plugin };
    await callSuccessfully(host, { verb: "DEL", plugin: plugin.type, directory: bin, containerId, config });
  }
  await host.sh(`rm ${kept}`);
}
