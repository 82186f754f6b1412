// Whatever ends a call, and whatever is found in the directory: no address is lost, and none is given twice.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin } from "../../harness/plugin.ts";
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
    { what: "cut off in the line break", content: "c9\\r" },
    { what: "cut off behind the line break", content: "c9\\r\\n" },
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
    await host.sh(`: > ${directory}/10.1.2.4; : > ${directory}/10.1.2.6`);
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
  { what: "lies", command: "sed -i s/c1/c9/ /var/lib/cni/networks/.dockbridge/n1" },
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
