// `npm run build -- --install DIR`, from another process as on a node, while a runtime calls the plugins of that directory.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { install } from "../../src/build/install.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, ours, startPlugin } from "../harness/plugin.ts";

const executable = `${ours}/dockbridge`;
const names = ["bridge", "host-local", "loopback"];

test("every name is the one executable, and nothing else is left in the directory", async () => {
  await using host = await Host.start();
  const directory = join(host.directory, "opt/cni/bin");
  for (const _ of ["a first time", "again"]) {
    install({ executable, names, directory });
    expect(readdirSync(directory).sort()).toEqual(["bridge", "dockbridge", "host-local", "loopback"]);
    const inodes = names.map((name) => statSync(join(directory, name)).ino);
    expect(new Set([...inodes, statSync(join(directory, "dockbridge")).ino]).size).toBe(1);
    expect(statSync(join(directory, "bridge")).mode & 0o777).toBe(0o755);
  }
});

test("other plugins of the directory stay, and those of a name of ours are replaced", async () => {
  await using host = await Host.start();
  for (const name of ["bridge", "firewall"])
    writeFileSync(join(host.directory, name), "another plugin", { mode: 0o755 });
  install({ executable, names, directory: host.directory });
  expect(await host.sh(`cat ${host.directory}/firewall`)).toBe("another plugin");
  expect(await callPlugin(host, { verb: "VERSION", directory: host.directory, config: "" })).toMatchObject({
    exitCode: 0,
  });
});

test("an executable that runs is not disturbed, and a call in between finds a whole one", async () => {
  await using host = await Host.start();
  const { directory } = host;
  install({ executable, names, directory });
  const netns = await host.container("c1");
  const config = { cniVersion: "1.0.0", name: "n1", type: "loopback" };
  // waits for its stdin, of which this pipe keeps the end back
  const waiting = host.start("sh", [
    "-c",
    `(sleep 1; echo '${JSON.stringify(config)}') | CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=${netns} CNI_PATH=/ ${directory}/loopback`,
  ]);
  let isOver = false;
  const calls: Promise<number>[] = [];
  const caller = (async () => {
    while (!isOver) {
      const call = startPlugin(host, { verb: "VERSION", directory, config: "" }).finished.then((ran) => ran.exitCode);
      calls.push(call);
      await call;
    }
  })();
  for (let i = 0; i < 5; i++) {
    await host.run(process.execPath, ["-e", INSTALL, executable, directory, JSON.stringify(names)]);
  }
  isOver = true;
  await caller;
  expect(calls.length).toBeGreaterThan(5);
  expect(new Set(await Promise.all(calls))).toEqual(new Set([0]));
  const { exitCode, stdout } = await waiting.finished;
  expect({ exitCode, name: JSON.parse(stdout).interfaces[0].name }).toEqual({ exitCode: 0, name: "lo" });
});

const INSTALL = `const [, executable, directory, names] = process.argv;
import("${process.cwd()}/src/build/install.ts").then(({ install }) => install({ executable, names: JSON.parse(names), directory }));`;

test("a directory that cannot be written stays as it is", async () => {
  await using host = await Host.start();
  writeFileSync(join(host.directory, "file"), "");
  expect(() => install({ executable, names, directory: join(host.directory, "file/bin") })).toThrow("ENOTDIR");
  expect(() => install({ executable: "/nonexistent", names, directory: host.directory })).toThrow("ENOENT");
  expect(readdirSync(host.directory)).toEqual(["file"]);
});
