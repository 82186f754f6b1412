// Whatever ends a call, and whatever is found in the directory: no address is lost, and none is given twice.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin, ours, reference } from "../../harness/plugin.ts";
import { directory, reservations, reserve } from "./network.ts";

const ipam = { subnet: "10.1.2.0/29" };
const five = ["c1", "c2", "c3", "c4", "c5"];

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await host.sh(`mkdir -p ${directory}`);
});
afterEach(() => host[Symbol.asyncDispose]());

/** The range serves exactly as many containers as it has addresses, each with its own. */
async function expectAllFive(free = five): Promise<void> {
  const given = [];
  for (const containerId of free) given.push(...(await reserve(host, { ipam, containerId })).ips);
  expect(new Set(given).size).toBe(free.length);
  expect((await reserve(host, { ipam, containerId: "more" })).msg).toContain("no IP addresses available");
}

describe("a file that was found", () => {
  test.each([
    { what: "empty", content: "" },
    { what: "white", content: "\\n \\n" },
    { what: "full of zeros", content: "\\0\\0\\0\\0\\0\\0" },
    { what: "full of noise", content: "\\377\\001\\202\\r\\n\\003" },
  ])("$what counts as free, and it is said", async ({ content }) => {
    await host.sh(`printf '${content}' > ${directory}/10.1.2.4`);
    const { stderr } = await reserve(host, { ipam, containerId: "first" });
    expect(stderr).toMatch(
      /^\/var\/lib\/cni\/networks\/n1\/10\.1\.2\.4 is (empty|damaged): the address counts as free\n$/,
    );
    await expectAllFive(["c2", "c3", "c4", "c5"]);
  });

  test("damaged only after it was ours counts as free when it is needed", async () => {
    for (const containerId of five) await reserve(host, { ipam, containerId });
    await host.sh(`: > ${directory}/10.1.2.4; printf 'c5\\r\\ne' > ${directory}/10.1.2.6`);
    expect((await reserve(host, { ipam, containerId: "n1", args: "IP=10.1.2.6" })).ips).toEqual([
      "10.1.2.6/29 via 10.1.2.1",
    ]);
    expect((await reserve(host, { ipam, containerId: "n2" })).ips).toEqual(["10.1.2.4/29 via 10.1.2.1"]);
  });

  test("damaged does not stop the DEL of its container, nor of others", async () => {
    for (const containerId of five) await reserve(host, { ipam, containerId });
    await host.sh(`: > ${directory}/10.1.2.4`);
    for (const containerId of five)
      expect((await reserve(host, { verb: "DEL", ipam, containerId })).code).toBeUndefined();
    expect(await reservations(host)).toEqual([]);
  });

  test.each([
    { what: "a directory with the name of an address", command: `mkdir ${directory}/10.1.2.2` },
    { what: "a file of another program", command: `echo x > ${directory}/notes` },
    { what: "the rest of an interrupted call", command: `echo c1 > ${directory}/.unfinished-10.1.2.2` },
    { what: "a link that leads nowhere", command: `ln -s /nowhere ${directory}/more` },
    { what: "a pipe with the name of an address", command: `mkfifo ${directory}/10.1.2.5` },
    { what: "a link that leads nowhere with the name of an address", command: `ln -s /nowhere ${directory}/10.1.2.2` },
    {
      what: "a directory in the place of a file that is being written",
      command: `mkdir ${directory}/.unfinished-10.1.2.2`,
    },
    { what: "a damaged last address", command: `printf '\\377' > ${directory}/last_reserved_ip.0` },
  ])("$what is no obstacle", async ({ command }) => {
    await host.sh(command);
    const { code, ips } = await reserve(host, { ipam });
    expect({ code, count: ips.length }).toEqual({ code: undefined, count: 1 });
    expect((await reserve(host, { verb: "DEL", ipam })).code).toBeUndefined();
  });
});

test.each([
  { what: "is gone", command: "rm -rf /var/lib/cni/networks/.dockbridge" },
  { what: "is empty", command: ": > /var/lib/cni/networks/.dockbridge/n1" },
  { what: "is noise", command: "head -c 5000 /dev/urandom > /var/lib/cni/networks/.dockbridge/n1" },
  {
    what: "is a directory",
    command: "rm /var/lib/cni/networks/.dockbridge/n1; mkdir /var/lib/cni/networks/.dockbridge/n1",
  },
  {
    what: "is a pipe",
    command: "rm /var/lib/cni/networks/.dockbridge/n1; mkfifo /var/lib/cni/networks/.dockbridge/n1",
  },
  { what: "has no place", command: "rm -r /var/lib/cni/networks/.dockbridge; touch /var/lib/cni/networks/.dockbridge" },
])("the index $what: the files count", async ({ command }) => {
  await reserve(host, { ipam });
  await host.sh(command);
  expect((await reserve(host, { ipam })).msg).toContain("10.1.2.2 has been allocated to c1 eth0 already");
  expect((await reserve(host, { verb: "CHECK", ipam, containerId: "c9" })).code).toBe(999);
  expect((await reserve(host, { verb: "DEL", ipam })).code).toBeUndefined();
  expect(await reservations(host)).toEqual([]);
});

test.each([
  { dataDir: "/proc/x", message: "ENOENT" },
  { dataDir: "/dev/null/x", message: "ENOTDIR" },
  { dataDir: "/sys/x", message: "mkdir '/sys/x'" },
])("$dataDir is no data directory, which every verb says at once", async ({ dataDir, message }) => {
  for (const verb of ["ADD", "CHECK", "DEL"] as const) {
    const { code, msg } = await reserve(host, { verb, ipam: { ...ipam, dataDir } });
    expect({ verb, code, msg }).toEqual({ verb, code: 999, msg: expect.stringContaining(message) });
  }
});

test("a full disk is an error with the path, and leaves nothing", async () => {
  await host.sh(
    "mkdir /run/small && mount -t tmpfs -o size=8k none /run/small && mkdir /run/small/n1 && touch /run/small/n1/lock",
  );
  await host.sh("cat /dev/zero > /run/small/fill 2>/dev/null || true");
  const { code, msg } = await reserve(host, { ipam: { ...ipam, dataDir: "/run/small" } });
  expect({ code, msg }).toEqual({ code: 999, msg: expect.stringMatching(/\/run\/small\/.*ENOSPC/) });
  expect(await host.sh("find /run/small -name '*unfinished*'")).toBe("");
});

test("a full disk does not stop DEL, CHECK and GC", async () => {
  const dataDir = "/run/small";
  const small = { ...ipam, dataDir };
  await host.sh("mkdir /run/small && mount -t tmpfs -o size=64k none /run/small");
  for (const containerId of ["c1", "c2"]) await reserve(host, { ipam: small, containerId });
  await reserve(host, { ipam: small, containerId: "c3", directory: reference });
  await host.sh("cat /dev/zero > /run/small/fill 2>/dev/null || true");
  expect((await reserve(host, { verb: "CHECK", ipam: small })).code).toBeUndefined();
  for (const containerId of ["c1", "c3"])
    expect((await reserve(host, { verb: "DEL", ipam: small, containerId })).code).toBeUndefined();
  expect((await reserve(host, { verb: "GC", ipam: small })).code).toBeUndefined();
  expect(await host.sh("ls /run/small/n1 | grep -c '^10' || true")).toBe("0");
});

test("CHECK works where nothing can be written, as that of the reference", async () => {
  await reserve(host, { ipam });
  await host.sh("mount -o remount,ro /var/lib/cni");
  for (const each of [ours, reference]) {
    expect((await reserve(host, { verb: "CHECK", ipam, directory: each })).code, each).toBeUndefined();
  }
});

test("after a power failure, when the disk has files without content, every address is free", async () => {
  for (const containerId of five) await reserve(host, { ipam, containerId });
  await host.sh(`for f in 3 4 5; do : > ${directory}/10.1.2.$f; done
    cd /var/lib/cni/networks/.dockbridge && sed -i "s/$(cat /proc/sys/kernel/random/boot_id)/00000000-0000-0000-0000-000000000000/" n1
    truncate -s -40 n1 && head -c 40 /dev/zero >> n1`);
  for (const containerId of five)
    expect((await reserve(host, { verb: "DEL", ipam, containerId })).code).toBeUndefined();
  expect(await host.sh(`ls ${directory} | grep -c '^10' || true`)).toBe("0");
  await expectAllFive();
});

test("what somebody wrote into a file in place counts for DEL and CHECK", async () => {
  await reserve(host, { ipam });
  await host.sh(`printf 'c9\\r\\neth0' > ${directory}/10.1.2.2`);
  expect((await reserve(host, { verb: "CHECK", ipam, containerId: "c9" })).code).toBeUndefined();
  expect((await reserve(host, { verb: "DEL", ipam, containerId: "c9" })).code).toBeUndefined();
  expect(await reservations(host)).toEqual([]);
});

test.each(["c9\\r\\neth0\\r\\n", "c9 \\n", "c9\\neth0", "c9\\r\\nan-interface-with-a-long-name"])(
  "%s in a file is somebody, who keeps the address",
  async (content) => {
    await host.sh(`printf '${content}' > ${directory}/10.1.2.2`);
    for (const containerId of five) await reserve(host, { ipam, containerId });
    expect(await reservations(host)).toHaveLength(5);
    expect(await host.sh(`grep -c c9 ${directory}/10.1.2.2`)).toBe("1");
  },
);

test("a result that cannot be written gives the address back", async () => {
  const config = JSON.stringify({ cniVersion: "1.0.0", name: "n1", ipam: { type: "host-local", ...ipam } });
  await host.sh(
    `echo '${config}' | CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/x CNI_IFNAME=eth0 CNI_PATH=/x ${ours}/host-local > /dev/full || true`,
  );
  expect(await reservations(host)).toEqual([]);
});

test("the directory was emptied by hand: every address is free", async () => {
  for (const containerId of five) await reserve(host, { ipam, containerId });
  await host.sh(`rm -rf ${directory}`);
  await expectAllFive();
});

const changing = ["openat", "write", "pwrite64", "link", "unlink", "rename", "utimensat", "mkdir", "close"];

/** Every system call after the lock was opened, as its name and how many of that name came until then. */
async function callsOf(verb: "ADD" | "DEL"): Promise<{ name: string; count: number }[]> {
  const file = join(host.directory, "trace");
  const under = ["strace", "-qq", "-e", `trace=${changing.join(",")}`, "-e", "signal=none", "-o", file];
  await reserve(host, { verb, ipam, under });
  const names = readFileSync(file, "utf8").trim().split("\n");
  const start = names.findIndex((line) => line.includes(`${directory}/lock`));
  const counts = new Map<string, number>();
  return names.flatMap((line, i) => {
    const name = /^(\w+)\(/.exec(line)?.[1] ?? "";
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return i < start || name === "" ? [] : [{ name, count }];
  });
}

async function callAndKill(verb: "ADD" | "DEL", { name, count }: { name: string; count: number }): Promise<void> {
  const under = ["strace", "-qq", "-e", `inject=${name}:signal=KILL:when=${count}`, "-o", "/dev/null"];
  const config = { cniVersion: "1.0.0", name: "n1", type: "bridge", ipam: { type: "host-local", ...ipam } };
  const { exitCode } = await callPlugin(host, { verb, plugin: "host-local", config, netns: "/nowhere", under });
  expect(exitCode, `${verb} killed at ${name} ${count}`).not.toBe(0);
}

describe.each<{ verb: "ADD" | "DEL" }>([{ verb: "ADD" }, { verb: "DEL" }])("$verb", ({ verb }) => {
  test("killed at any system call leaves every address either whole or free", { timeout: 180_000 }, async () => {
    const start = async () => {
      await host.sh(`rm -rf /var/lib/cni/networks; mkdir -p ${directory}`);
      await reserve(host, { ipam, containerId: "other" });
      if (verb === "DEL") await reserve(host, { ipam });
    };
    await start();
    const calls = await callsOf(verb);
    expect(calls.length).toBeGreaterThan(8);
    for (const at of calls) {
      await start();
      await callAndKill(verb, at);
      const left = await reservations(host);
      expect([["10.1.2.2 other eth0"], ["10.1.2.2 other eth0", "10.1.2.3 c1 eth0"]]).toContainEqual(left);
      expect((await reserve(host, { ipam, containerId: "next" })).ips).toHaveLength(1);
      expect(await reservations(host)).toHaveLength(left.length + 1);
      for (const containerId of ["c1", "next", "other"]) await reserve(host, { verb: "DEL", ipam, containerId });
      expect(await reservations(host), `${verb} killed at ${at.name} ${at.count}`).toEqual([]);
      expect(await host.sh(`ls -A ${directory}`)).toBe("last_reserved_ip.0\nlock");
    }
    await expectAllFive();
  });
});
