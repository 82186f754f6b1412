// How the executable is found, named and started by people and runtimes.
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { bridgeConfig } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, ours } from "../harness/plugin.ts";

const versions = `{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n`;

/** What a person, a service or a container runtime may have in its environment, and Node.js would otherwise obey. */
const nodeVariables = {
  NODE_OPTIONS: "--require=/nonexistent.js --max-old-space-size=1",
  NODE_PENDING_DEPRECATION: "1",
  NODE_EXTRA_CA_CERTS: "/nonexistent.pem",
  OPENSSL_CONF: "/etc/passwd",
  NODE_PATH: "/nonexistent",
  NODE_CHANNEL_FD: "3",
  NODE_V8_COVERAGE: "",
  FORCE_COLOR: "3",
  PKG_EXECPATH: "/nonexistent",
  LANG: "de_DE.UTF-8",
  LC_ALL: "C",
  TZ: "Nowhere/Nothing",
};

describe("its name", () => {
  test.each([
    {
      as: "a hard link in another directory",
      make: `ln ${ours}/dockbridge $DIR/loopback || cp ${ours}/dockbridge $DIR/loopback`,
    },
    { as: "a copy", make: `cp ${ours}/dockbridge $DIR/loopback` },
    { as: "a symbolic link", make: `ln -s ${ours}/dockbridge $DIR/loopback` },
  ])("is that of $as", async ({ make }) => {
    await using host = await Host.start();
    await host.sh(`DIR=${host.directory}; ${make}`);
    const netns = await host.container("c1");
    const config = { cniVersion: "1.0.0", name: "n1", type: "loopback" };
    const { exitCode, stdout, stderr } = await callPlugin(host, {
      verb: "ADD",
      plugin: "loopback",
      directory: host.directory,
      config,
      netns,
      ifname: "lo",
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(JSON.parse(stdout).interfaces[0].name).toBe("lo");
  });

  test("is none of ours: it says which it has", async () => {
    await using host = await Host.start();
    const ran = await host.run(`${ours}/dockbridge`);
    expect(ran).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^dockbridge \d+\.\d+\.\d+ holds the CNI plugins .*bridge, .*host-local, .*not dockbridge\n$/,
      ),
    });
  });

  test("is found by way of PATH and the working directory, too", async () => {
    await using host = await Host.start();
    const ran = await host.run("sh", [
      "-c",
      `cd ${ours}/..; CNI_COMMAND=VERSION bin/bridge; PATH=${ours} CNI_COMMAND=VERSION bridge`,
    ]);
    expect(ran).toEqual({ exitCode: 0, stdout: versions + versions, stderr: "" });
  });
});

describe("nothing is on stderr", () => {
  const config = { ...bridgeConfig, cniVersion: "1.1.0" };

  test.each([
    { what: "in an empty environment", env: { PATH: "" } },
    { what: "whatever Node.js would obey", env: nodeVariables },
  ])("at any call $what", async ({ env }) => {
    await using host = await Host.start();
    const netns = await host.container("c1");
    const calls = (["VERSION", "STATUS", "ADD", "CHECK", "DEL", "GC"] as const).map((verb) => ({ verb, netns, env }));
    let prevResult: unknown;
    for (const call of calls) {
      const { exitCode, stdout, stderr } = await callPlugin(host, { ...call, config: { ...config, prevResult } });
      expect({ verb: call.verb, exitCode, stderr }).toEqual({ verb: call.verb, exitCode: 0, stderr: "" });
      if (call.verb === "ADD") prevResult = JSON.parse(stdout);
    }
  });

  test("at an error, which is on stdout", async () => {
    await using host = await Host.start();
    const { exitCode, stdout, stderr } = await callPlugin(host, { verb: "ADD", config: "{" });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
    expect(JSON.parse(stdout).code).toBe(4);
  });
});

describe("its streams", () => {
  test("are read and written to the end through pipes that nobody serves for a while", async () => {
    await using host = await Host.start();
    // 200 kB do not fit into a pipe; the reader begins late
    const config = JSON.stringify({ cniVersion: "9.9.9", name: "n1", type: "bridge", x: "y".repeat(200_000) });
    const long = JSON.stringify({ cniVersion: "y".repeat(200_000), name: "n1", type: "bridge" });
    for (const text of [config, long]) {
      await host.run("sh", ["-c", `cat > ${host.directory}/stdin`], { input: text });
      const { stdout } = await host.run("sh", [
        "-c",
        `(sleep 0.3; cat ${host.directory}/stdin) | CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_NETNS=/run/netns/x CNI_PATH=/ ${ours}/bridge | (sleep 0.3; cat)`,
      ]);
      expect(JSON.parse(stdout).code).toBe(1);
    }
  });

  test("may be closed: the exit code still says what happened", async () => {
    await using host = await Host.start();
    const run = (redirection: string) => host.run("sh", ["-c", `CNI_COMMAND=VERSION ${ours}/bridge ${redirection}`]);
    expect(await run("<&-")).toEqual({ exitCode: 0, stdout: versions, stderr: "" });
    expect((await run("2>&-")).exitCode).toBe(0);
  });

  test("too much on stdin is refused before it fills the memory", async () => {
    await using host = await Host.start();
    const { stdout } = await host.run("sh", [
      "-c",
      `head -c 300M /dev/zero | CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_NETNS=/run/netns/x CNI_PATH=/ ${ours}/bridge`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ code: 6, msg: expect.stringContaining("2097152") });
  });
});

test("an ADD whose result nobody can read is taken back", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  await host.sh(`echo '${JSON.stringify(bridgeConfig)}' > ${host.directory}/stdin`);
  const { exitCode, stderr } = await host.run("sh", [
    "-c",
    `CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=${netns} CNI_PATH=${resolve(ours)} ${ours}/bridge < ${host.directory}/stdin > /dev/full`,
  ]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("cannot write the result to stdout");
  expect(
    await host.sh(
      "ip -oneline link | wc -l; ip -n c1 -oneline link | wc -l; ls /var/lib/cni/networks/n1 | grep -c ^10 || true",
    ),
  ).toBe("1\n1\n0");
});
