// A host is switched over to our plugins and back, while containers run: each set reaches, and removes, what the other has made.
import { expect } from "vitest";
import { ask } from "./ask.ts";
import { imageName } from "./image.ts";
import { leases } from "./leftovers.ts";
import { hostAddress, type Machine, outsideAddress } from "./machine.ts";
import { startPodman } from "./podman.ts";
import { type Step, scenario } from "./scenario.ts";

scenario({
  name: "switch",
  does: "containers with ports are started, the plugins replaced, and more started; all are reached, those of before removed; and back",
  play,
  kept: [
    /^mount .*\/layers\/root/,
    /^mount .*\/libpod/,
    // what we remember of a container that the others' DEL removed, until its namespace is gone and somebody asks
    /^file (with containers )?\/run\/dockbridge\//,
  ],
});

async function play(machine: Machine, step: Step): Promise<void> {
  const { host, outside } = machine;
  const { podman } = await startPodman(machine);
  const start = (name: string, port: number) =>
    podman("run", "--detach", "--name", name, "--network", "plain", "--publish", `${port}:80`, imageName);
  const remove = (...names: string[]) => podman("rm", "--force", "--time", "0", ...names);
  const areReached = async (...addresses: readonly string[]) => {
    for (const address of addresses) expect(await ask(host, address)).toBe("10.91.0.1");
    for (const { port } of ports.filter(({ address }) => addresses.includes(address))) {
      expect(await ask(outside, hostAddress, port)).toBe(outsideAddress);
    }
  };

  await step("over and back", async () => {
    await podman("network", "create", "--subnet", "10.91.0.0/24", "plain");
    machine.replacePlugins("reference");
    await start("one", 8001);
    await start("two", 8002);
    machine.replacePlugins(machine.set);
    await start("three", 8003);
    await start("four", 8004);
    await areReached("10.91.0.2", "10.91.0.3", "10.91.0.4", "10.91.0.5");
    await remove("one");
    await areReached("10.91.0.3", "10.91.0.4", "10.91.0.5");
    machine.replacePlugins("reference");
    await remove("two", "three");
    await areReached("10.91.0.5");
    await start("five", 8005);
    machine.replacePlugins(machine.set);
    await areReached("10.91.0.5", "10.91.0.6");
    await podman("network", "reload", "five");
    await areReached("10.91.0.5", "10.91.0.6");
    await remove("four", "five");
    expect(await leases(host, "plain")).toEqual([]);
    await podman("network", "rm", "plain");
  });
}

const ports = [1, 2, 3, 4, 5].map((n) => ({ address: `10.91.0.${n + 1}`, port: 8000 + n }));
