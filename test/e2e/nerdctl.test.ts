// nerdctl: its default network, networks that it makes, ports, and a project of compose.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { ask, askOnce, clientIn, wget } from "./ask.ts";
import { runtimeOf } from "./containerd.ts";
import { missingEngine } from "./engines.ts";
import { imageName } from "./image.ts";
import { leases } from "./leftovers.ts";
import { hostAddress, type Machine, outsideAddress } from "./machine.ts";
import { type Nerdctl, startNerdctl, withoutCgroups } from "./nerdctl.ts";
import { capabilityOf, cniVersionsOf } from "./recorded-calls.ts";
import { type Step, scenario } from "./scenario.ts";

scenario({
  name: "nerdctl",
  does: "run on the default network, published ports, networks made, listed, inspected and removed, compose with two networks and an alias",
  missing: missingEngine("nerdctl"),
  play,
  // the bridge of the default network, and containerd while it runs
  kept: [/^link nerdctl0$/, /^address nerdctl0 /, /^process containerd$/],
});

async function play(machine: Machine, step: Step): Promise<void> {
  const nerdctl = await startNerdctl(machine);
  await step("the default network", () => publish(machine, nerdctl));
  await step("networks of its own", () => networks(machine, nerdctl));
  await step("compose", () => compose(machine, nerdctl));
  await nerdctl.containerd.stop();
  expect(cniVersionsOf(machine.calls())).toEqual(["1.0.0"]);
  expect(capabilityOf(machine.calls(), "portmap", "portMappings")).toEqual([
    { HostPort: 8080, ContainerPort: 80, Protocol: "tcp", HostIP: "0.0.0.0" },
    { HostPort: 8081, ContainerPort: 80, Protocol: "tcp", HostIP: "0.0.0.0" },
  ]);
  // it reads which release of the plugin this is from what that says to people
  expect(machine.calls().filter(({ plugin, verb }) => plugin === "firewall" && verb === "none")).not.toEqual([]);
}

type Play = (machine: Machine, nerdctl: Nerdctl) => Promise<void>;

const publish: Play = async (machine, { nerdctl }) => {
  const { host, outside } = machine;
  await nerdctl("run", "--detach", ...withoutCgroups(machine), "--name", "web", "--publish", "8080:80", imageName);
  const isThere = async (address: string) => {
    expect(await leases(host, "bridge")).toEqual([address]);
    expect(await ask(host, address)).toBe("10.4.0.1");
    expect(await ask(host, "127.0.0.1", 8080)).toBe("10.4.0.1");
    expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
  };
  await isThere("10.4.0.2");
  await nerdctl("stop", "--time", "0", "web");
  expect(await leases(host, "bridge")).toEqual([]);
  await nerdctl("start", "web");
  await isThere("10.4.0.3");
  await nerdctl("rm", "--force", "web");
};

const networks: Play = async (machine, { nerdctl, run }) => {
  const { host } = machine;
  await nerdctl("network", "create", "--subnet", "10.5.0.0/24", "front");
  await nerdctl("network", "create", "--subnet", "10.6.0.0/24", "--opt", "mtu=1400", "back");
  expect((await nerdctl("network", "ls", "--format", "{{.Name}}")).split("\n")).toContain("front");
  expect(JSON.parse(await nerdctl("network", "inspect", "back"))[0].IPAM.Config[0].Subnet).toBe("10.6.0.0/24");
  const fixed = ["--ip", "10.5.0.9", "--mac-address", "02:00:00:00:00:09"];
  await nerdctl("run", "-d", ...withoutCgroups(machine), "--name", "one", "--net", "front", ...fixed, imageName);
  await nerdctl("run", "-d", ...withoutCgroups(machine), "--name", "two", "--net", "front", "--net", "back", imageName);
  expect(await ask(host, "10.5.0.9")).toBe("10.5.0.1");
  expect(await ask(host, "10.6.0.2")).toBe("10.6.0.1");
  expect(await nerdctl("exec", "one", "ip", "link", "show", "eth0")).toContain("02:00:00:00:00:09");
  expect(await nerdctl("exec", "two", "ip", "link", "show", "eth1")).toContain("mtu 1400");
  expect(clientIn(await nerdctl("exec", "two", ...wget("one")))).toBe("10.5.0.10");
  expect((await run("exec", "one", "timeout", "1", ...wget("10.6.0.2"))).exitCode).not.toBe(0);
  expect(await askOnce(host, "10.6.0.2")).toBe("10.6.0.1");
  await nerdctl("rm", "--force", "one", "two");
  await nerdctl("network", "rm", "front", "back");
};

const compose: Play = async (machine, { nerdctl }) => {
  const { host } = machine;
  const file = join(host.directory, "compose.yaml");
  const service = { image: imageName, runtime: runtimeOf(machine), stop_signal: "SIGKILL" };
  const project = {
    name: "shop",
    services: {
      web: { ...service, ports: ["8081:80"], networks: ["front", "back"] },
      db: { ...service, networks: { back: { aliases: ["database"] } } },
    },
    networks: {
      front: { ipam: { config: [{ subnet: "10.7.0.0/24" }] } },
      back: { ipam: { config: [{ subnet: "10.8.0.0/24" }] } },
    },
  };
  writeFileSync(file, JSON.stringify(project));
  await nerdctl("compose", "--file", file, "up", "--detach");
  expect(await ask(host, "127.0.0.1", 8081)).toMatch(/^10\.[78]\.0\.1$/);
  expect(clientIn(await nerdctl("exec", "shop-web-1", ...wget("db")))).toMatch(/^10\.8\.0\./);
  await nerdctl("compose", "--file", file, "down");
  expect([...(await leases(host, "shop_front")), ...(await leases(host, "shop_back"))]).toEqual([]);
};
