import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeAll, expect, test } from "vitest";
import { dockerdThatOwns } from "../../src/kernel/dockerd.ts";
import { type Daemon, startDaemon } from "./fake-dockerd.ts";
import { leaveTheMachine, sh } from "./own-network.ts";

let daemon: Daemon | undefined;

beforeAll(() => {
  leaveTheMachine();
  sh("mount -t tmpfs run /run; mkdir -p /etc/docker; mount -t tmpfs docker /etc/docker");
  mkdirSync("/run/bin");
  for (const name of ["dockerd", "containerd"]) copyFileSync("/bin/bash", `/run/bin/${name}`);
  sh("chmod 755 /run/bin/*");
});

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
  sh("rm -f /run/docker.pid /etc/docker/*.json");
});

async function start(...args: readonly string[]): Promise<number> {
  daemon = await startDaemon("/run/bin/dockerd", args);
  writeFileSync("/run/docker.pid", String(daemon.pid));
  return daemon.pid;
}

test("a live dockerd is found", async () => {
  const pid = await start();
  expect(dockerdThatOwns("DOCKER")).toBe(pid);
});

test("it owns no other prefix", async () => {
  await start();
  expect(dockerdThatOwns("DOCKER2")).toBeUndefined();
});

test("none is found when there is none, or nobody says which it is", async () => {
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
  await start();
  sh("rm /run/docker.pid");
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
});

test.each(["", "x", "-1", "0", "4194305", "1.5"])("a file that says %j is no dockerd", (text) => {
  writeFileSync("/run/docker.pid", text);
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
});

test("the file of one that was killed is no dockerd", async () => {
  await start();
  await daemon?.end();
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
});

test("another process that has got its number is no dockerd", async () => {
  daemon = await startDaemon("/run/bin/containerd", []);
  writeFileSync("/run/docker.pid", `${daemon.pid}\n`);
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
});

test("one in another network has another firewall", async () => {
  daemon = await startDaemon("unshare", ["--net", "/run/bin/dockerd", "-c", "read -r line", "dockerd"]);
  writeFileSync("/run/docker.pid", String(daemon.pid));
  expect(sh(`cat /proc/${daemon.pid}/comm`)).toBe("dockerd");
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
});

test.each([
  { args: ["--iptables=false"], owns: false },
  { args: ["--iptables=true"], owns: true },
  { args: ["--iptables"], owns: true },
  { args: ["--firewall-backend=nftables"], owns: false },
  { args: ["--firewall-backend", "nftables"], owns: false },
  { args: ["--firewall-backend", "iptables"], owns: true },
  { config: { iptables: false }, owns: false },
  { config: { iptables: true, "firewall-backend": "iptables" }, owns: true },
  { config: { "firewall-backend": "nftables" }, owns: false },
  { config: { debug: true }, owns: true },
  { config: [], owns: true },
  { config: null, owns: true },
])("what it is told: $args $config", async ({ args = [], config, owns }) => {
  if (config !== undefined) writeFileSync("/etc/docker/daemon.json", JSON.stringify(config));
  const pid = await start(...args);
  expect(dockerdThatOwns("DOCKER")).toBe(owns ? pid : undefined);
});

test("the configuration file that it was given counts, and a damaged one says nothing", async () => {
  writeFileSync("/etc/docker/other.json", '{ "iptables": false }');
  await start("--config-file", "/etc/docker/other.json");
  expect(dockerdThatOwns("DOCKER")).toBeUndefined();
  writeFileSync("/etc/docker/other.json", "{");
  expect(dockerdThatOwns("DOCKER")).toBe(daemon?.pid);
});
