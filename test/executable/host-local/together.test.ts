// Many at a time, and beside the reference plugin.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { ours, reference } from "../../harness/plugin.ts";
import { directory, reservations, reserve } from "./network.ts";

const ipam = { subnet: "10.1.2.0/24" };

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

test.each([
  { what: "of ours", directories: [ours] },
  { what: "of ours and of the reference", directories: [ours, reference] },
])("a hundred at a time $what get a hundred addresses, and give them back", async ({ directories }) => {
  const containers = Array.from({ length: 100 }, (_, i) => ({
    containerId: `c${i}`,
    directory: directories[i % directories.length] ?? ours,
  }));
  const added = await Promise.all(containers.map((container) => reserve(host, { ipam, ...container })));
  expect(added.map(({ msg }) => msg).filter((msg) => msg !== "")).toEqual([]);
  expect(new Set(added.flatMap(({ ips }) => ips)).size).toBe(100);
  expect(await reservations(host)).toHaveLength(100);
  const removed = await Promise.all(containers.map((container) => reserve(host, { verb: "DEL", ipam, ...container })));
  expect(removed.map(({ msg }) => msg).filter((msg) => msg !== "")).toEqual([]);
  expect(await reservations(host)).toEqual([]);
});

describe.each([
  { first: "ours", second: "the reference", a: ours, b: reference },
  { first: "the reference", second: "ours", a: reference, b: ours },
])("what $first reserved", ({ second, a, b }) => {
  const both = { ranges: [[ipam], [{ subnet: "2001:db8:1::/64" }]] };

  test(`${second} respects, checks and releases`, async () => {
    await reserve(host, { ipam: both, directory: a });
    expect((await reserve(host, { ipam: both, containerId: "c2", directory: b })).ips).toEqual([
      "10.1.2.3/24 via 10.1.2.1",
      "2001:db8:1::3/64 via 2001:db8:1::1",
    ]);
    expect((await reserve(host, { ipam: both, directory: b })).msg).toMatch(/duplicate allocation is not allowed/);
    expect((await reserve(host, { ipam: both, containerId: "c3", directory: b, args: "IP=10.1.2.2" })).msg).toContain(
      "requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254",
    );
    expect((await reserve(host, { verb: "CHECK", ipam: both, directory: b })).code).toBeUndefined();
    expect((await reserve(host, { verb: "CHECK", ipam: both, containerId: "c9", directory: b })).code).toBeDefined();
    expect((await reserve(host, { verb: "DEL", ipam: both, directory: b })).code).toBeUndefined();
    expect(await reservations(host)).toEqual(["10.1.2.3 c2 eth0", "2001:db8:1::3 c2 eth0"]);
  });

  test(`${second} releases, gives anew, and it is known to the first`, async () => {
    await reserve(host, { ipam, directory: a });
    await reserve(host, { verb: "DEL", ipam, directory: b });
    await reserve(host, { ipam, containerId: "c2", directory: b, args: "IP=10.1.2.2" });
    expect((await reserve(host, { verb: "CHECK", ipam, directory: a })).code).toBeDefined();
    expect((await reserve(host, { verb: "CHECK", ipam, containerId: "c2", directory: a })).code).toBeUndefined();
    expect((await reserve(host, { ipam, containerId: "c2", directory: a })).msg).toContain("duplicate allocation");
    await reserve(host, { verb: "DEL", ipam, containerId: "c1", directory: a });
    expect(await reservations(host)).toEqual(["10.1.2.2 c2 eth0"]);
    await reserve(host, { verb: "DEL", ipam, containerId: "c2", directory: a });
    expect(await reservations(host)).toEqual([]);
  });

  test(`${second} goes on behind`, async () => {
    await reserve(host, { ipam, directory: a, args: "IP=10.1.2.100" });
    expect((await reserve(host, { ipam, containerId: "c2", directory: b })).ips).toEqual([
      "10.1.2.101/24 via 10.1.2.1",
    ]);
    expect((await reserve(host, { ipam, containerId: "c3", directory: a })).ips).toEqual([
      "10.1.2.102/24 via 10.1.2.1",
    ]);
  });
});

test("a lock that is never given up is waited for 30 s, and the error names who holds it", {
  timeout: 60_000,
}, async () => {
  await host.sh(`mkdir -p ${directory}`);
  const holder = host.start("flock", ["--no-fork", `${directory}/lock`, "sh", "-c", "echo $$; exec sleep 120"]);
  await holder.firstOutput;
  const { code, msg } = await reserve(host, { ipam });
  expect({ code, msg }).toEqual({
    code: 11,
    msg: expect.stringMatching(/^\/var\/lib\/cni\/networks\/n1\/lock has been locked for 30 s by pid \d+ \(sleep\)$/),
  });
  holder.kill("SIGKILL");
  await holder.finished;
});
