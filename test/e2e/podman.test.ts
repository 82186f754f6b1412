// Podman 4 with its CNI backend: networks of its own making, and what its commands do to containers on them. Each command that needs
// a network asks every plugin of every network for its VERSION, one after the other.
import { expect } from "vitest";
import { ask, askOnce, clientIn, wget } from "./ask.ts";
import { imageName } from "./image.ts";
import { leases } from "./leftovers.ts";
import { hostAddress, type Machine, outsideAddress } from "./machine.ts";
import { type Podman, startPodman } from "./podman.ts";
import { capabilityOf, cniVersionsOf } from "./recorded-calls.ts";
import { type Step, scenario } from "./scenario.ts";

scenario({
  name: "podman",
  does: "networks (plain, dual stack with mtu, internal, isolated), ports, connect and disconnect, static address and MAC, two networks, reload, stop and start",
  play,
  fails: /port 0\.0\.0\.0:8080\/tcp is held by container/,
  // its storage, its state files, and the bridge of the default network
  kept: [/^mount .*\/layers\/root/, /^mount .*\/libpod/, /^link cni-podman0$/, /^address cni-podman0 /],
});

async function play(machine: Machine, step: Step): Promise<void> {
  const podman = await startPodman(machine);
  await step("the default network", () => defaultNetwork(machine, podman));
  await step("a published port", () => publish(machine, podman));
  await step("a second network", () => connect(machine, podman));
  await step("static address and MAC", () => askForAddress(machine, podman));
  await step("dual stack with mtu", () => dualStack(machine, podman));
  await step("an internal network", () => internal(machine, podman));
  await step("isolated networks", () => isolated(machine, podman));
  expect(cniVersionsOf(machine.calls())).toEqual(["0.4.0"]);
  expect(capabilityOf(machine.calls(), "portmap", "portMappings")).toEqual([
    { hostPort: 8080, containerPort: 80, protocol: "tcp" },
    { hostPort: 8081, containerPort: 80, protocol: "tcp" },
  ]);
}

type Play = (machine: Machine, podman: Podman) => Promise<void>;

const defaultNetwork: Play = async ({ host, outside, set }, { podman, run }) => {
  await podman("run", "--detach", "--name", "web", "--publish", "8080:80", imageName);
  expect(await ask(host, "10.88.0.2")).toBe("10.88.0.1");
  expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
  // an ADD that fails; podman's DEL behind it has no prevResult
  const second = await run("run", "--detach", "--name", "second", "--publish", "8080:80", imageName);
  expect(second.exitCode).not.toBe(0);
  if (set === "ours") expect(second.stderr).toMatch(/port 0\.0\.0\.0:8080\/tcp is held by container [0-9a-f]{64}/);
  expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
  await podman("rm", "--force", "--time", "0", "web", "second");
};

const publish: Play = async ({ host, outside }, { podman }) => {
  await podman("network", "create", "--subnet", "10.91.0.0/24", "plain");
  await podman("run", "--detach", "--name", "web", "--network", "plain", "--publish", "8080:80", imageName);
  const isThere = async (address: string) => {
    expect(await leases(host, "plain")).toEqual([address]);
    expect(await ask(host, address)).toBe("10.91.0.1");
    expect(await ask(host, "127.0.0.1", 8080)).toBe("10.91.0.1");
    expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
  };
  await isThere("10.91.0.2");
  await podman("network", "reload", "web");
  await isThere("10.91.0.2");
  await podman("stop", "--time", "0", "web");
  expect(await leases(host, "plain")).toEqual([]);
  await podman("start", "web");
  await isThere("10.91.0.3");
  await podman("rm", "--force", "--time", "0", "web");
  await podman("network", "rm", "plain");
};

const connect: Play = async ({ host }, { podman }) => {
  await podman("network", "create", "--subnet", "10.92.0.0/24", "front");
  await podman("network", "create", "--subnet", "10.93.0.0/24", "back");
  await podman("run", "--detach", "--name", "web", "--network", "front", "--publish", "8080:80", imageName);
  await podman("network", "connect", "back", "web");
  expect(await podman("inspect", "web", "--format", "{{.NetworkSettings.Networks.back.IPAddress}}")).toBe("10.93.0.2");
  expect(await ask(host, "10.93.0.2")).toBe("10.93.0.1");
  await podman("network", "disconnect", "back", "web");
  expect(await leases(host, "back")).toEqual([]);
  expect(await podman("exec", "web", "ip", "-oneline", "-4", "address")).not.toContain("10.93.0.2");
  expect(await ask(host, "127.0.0.1", 8080)).toBe("10.92.0.1");
  await podman("run", "--detach", "--name", "both", "--network", "front,back", imageName);
  expect(await ask(host, "10.92.0.3")).toBe("10.92.0.1");
  expect(await ask(host, "10.93.0.3")).toBe("10.93.0.1");
  await podman("rm", "--force", "--time", "0", "web", "both");
  await podman("network", "rm", "front", "back");
};

const askForAddress: Play = async ({ host }, { podman }) => {
  await podman("network", "create", "--subnet", "10.94.0.0/24", "fixed");
  const network = "fixed:ip=10.94.0.55,mac=02:00:00:00:00:55";
  await podman("run", "--detach", "--name", "fixed", "--network", network, imageName);
  expect(await ask(host, "10.94.0.55")).toBe("10.94.0.1");
  expect(await podman("exec", "fixed", "ip", "link", "show", "eth0")).toContain("02:00:00:00:00:55");
  await podman("rm", "--force", "--time", "0", "fixed");
  await podman("network", "rm", "fixed");
};

const dualStack: Play = async ({ host }, { podman }) => {
  const subnets = ["--ipv6", "--subnet", "fd00:95::/64", "--subnet", "10.95.0.0/24"];
  await podman("network", "create", ...subnets, "--opt", "mtu=1400", "dual");
  await podman("run", "--detach", "--name", "dual", "--network", "dual", "--publish", "8081:80", imageName);
  expect(await ask(host, "10.95.0.2")).toBe("10.95.0.1");
  expect(await ask(host, "fd00:95::2")).toBe("fd00:95::1");
  expect(await ask(host, "127.0.0.1", 8081)).toBe("10.95.0.1");
  expect(await podman("exec", "dual", "ip", "link", "show", "eth0")).toContain("mtu 1400");
  await podman("rm", "--force", "--time", "0", "dual");
  await podman("network", "rm", "dual");
};

const internal: Play = async (_, { podman }) => {
  await podman("network", "create", "--subnet", "10.96.0.0/24", "--internal", "inside");
  await podman("run", "--detach", "--name", "server", "--network", "inside", imageName);
  const ways = await podman("run", "--rm", "--network", "inside", imageName, "ip", "route");
  expect(ways).toMatch(/^10\.96\.0\.0\/24 dev eth0 scope link +src 10\.96\.0\.3$/);
  const answer = await podman("run", "--rm", "--network", "inside", imageName, "timeout", "3", ...wget("10.96.0.2"));
  expect(clientIn(answer)).toBe("10.96.0.4");
  await podman("rm", "--force", "--time", "0", "server");
  await podman("network", "rm", "inside");
};

const isolated: Play = async ({ host }, { podman, run }) => {
  const names = ["one", "two"];
  for (const [index, name] of names.entries()) {
    await podman("network", "create", "--subnet", `10.9${7 + index}.0.0/24`, "--opt", "isolate=true", name);
    await podman("run", "--detach", "--name", name, "--network", name, imageName);
  }
  expect(await ask(host, "10.97.0.2")).toBe("10.97.0.1");
  expect(await askOnce(host, "10.98.0.2")).toBe("10.98.0.1");
  const { exitCode } = await run("exec", "one", "timeout", "1", ...wget("10.98.0.2"));
  expect(exitCode).not.toBe(0);
  await podman("rm", "--force", "--time", "0", ...names);
  await podman("network", "rm", ...names);
};
