// A root file system with nothing but the C and C++ libraries of Debian, and no libatomic1: what a node may have.
import { cpSync, mkdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Host } from "../harness/host.ts";
import { ours } from "../harness/plugin.ts";

const packages = ["libc6", "libgcc-s1", "libstdc++6"];

async function makeRoot(host: Host): Promise<string> {
  const root = join(host.directory, "root");
  const listed = await host.sh(`dpkg-query -L ${packages.join(" ")}`);
  const libraries = listed.split("\n").filter((file) => /\/(lib|ld-)[^/]*\.so[^/]*$/.test(file));
  for (const file of libraries) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    cpSync(file, join(root, file), { verbatimSymlinks: true });
  }
  // a merged /usr, as in Debian 12, so that both ways to a library lead to it
  for (const directory of ["lib", "lib64"]) await mergeUsr(host, root, directory);
  mkdirSync(join(root, "bin"), { recursive: true });
  cpSync(ours, join(root, "bin"), { recursive: true });
  for (const directory of ["proc", "sys", "run", "tmp"]) mkdirSync(join(root, directory), { recursive: true });
  await host.sh(`mount -t proc proc ${root}/proc; mount --rbind /sys ${root}/sys; mount --rbind /run ${root}/run`);
  return root;
}

async function mergeUsr(host: Host, root: string, directory: string): Promise<void> {
  await host.sh(`mkdir -p ${root}/usr/${directory} ${root}/${directory}
    cp -a ${root}/${directory}/. ${root}/usr/${directory}/; rm -r ${root}/${directory}; ln -s usr/${directory} ${root}/${directory}`);
  expect(readlinkSync(join(root, directory))).toBe(`usr/${directory}`);
}

function call(host: Host, root: string, { plugin, verb, netns, config }: Record<string, string>) {
  const env = {
    CNI_COMMAND: verb ?? "",
    CNI_CONTAINERID: "c1",
    CNI_IFNAME: "eth0",
    CNI_NETNS: netns ?? "",
    CNI_PATH: "/bin",
  };
  return host.run("chroot", [root, `/bin/${plugin}`], { input: config ?? "", env });
}

test("the executable needs nothing but the C and C++ libraries", async () => {
  await using host = await Host.start();
  // before /run is bound into the root: what is mounted there later does not follow
  const netns = await host.container("c1");
  const root = await makeRoot(host);
  expect(await host.sh(`find ${root} -xdev -name '*atomic*'`)).toBe("");

  const version = await call(host, root, { plugin: "bridge", verb: "VERSION" });
  expect(version).toMatchObject({ exitCode: 0, stderr: "" });

  const loopback = JSON.stringify({ cniVersion: "1.0.0", name: "n1", type: "loopback" });
  expect(await call(host, root, { plugin: "loopback", verb: "ADD", netns, config: loopback })).toMatchObject({
    exitCode: 0,
    stderr: "",
  });

  const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
  const config = JSON.stringify({
    cniVersion: "1.0.0",
    name: "n1",
    type: "bridge",
    bridge: "b0",
    isGateway: true,
    ipam,
  });
  const add = await call(host, root, { plugin: "bridge", verb: "ADD", netns, config });
  expect(add).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(add.stdout).ips[0].address).toBe("10.1.2.2/24");
  expect(await call(host, root, { plugin: "bridge", verb: "DEL", netns, config })).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "",
  });
});
