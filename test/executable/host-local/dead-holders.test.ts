// Addresses come back from holders that are certainly gone, and from no others.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { reference } from "../../harness/plugin.ts";
import { reservations, reserve } from "./network.ts";

const subnet = "10.1.2.0/29";
const all = ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"];
const index = "/var/lib/cni/networks/.dockbridge/n1";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

/** An address for a container, in a namespace of that name. */
const attach = (containerId: string, more: { args?: string; directory?: string } = {}) =>
  reserve(host, { ipam: { subnet }, containerId, netns: `/run/netns/${containerId}`, ...more });

async function attachNew(...containerIds: readonly string[]): Promise<void> {
  for (const containerId of containerIds) {
    await host.container(containerId);
    expect((await attach(containerId)).code).toBeUndefined();
  }
}

const five = ["c1", "c2", "c3", "c4", "c5"];
const kill = (...containerIds: readonly string[]) =>
  host.sh(containerIds.map((id) => `ip netns delete ${id}`).join("; "));

describe("a full range", () => {
  test("whose holders are all gone serves the next container, and says from whom it took addresses", async () => {
    await attachNew(...five);
    await kill(...five);
    await host.container("next");
    const { ips, stderr } = await attach("next");
    expect(ips).toEqual(["10.1.2.2/29 via 10.1.2.1"]);
    expect(stderr.trim().split("\n").sort()).toEqual(
      five.map((id, i) => `took ${all[i]} back from ${id} eth0: its network namespace /run/netns/${id} is gone`),
    );
    expect(await reservations(host)).toEqual(["10.1.2.2 next eth0"]);
  });

  test("takes addresses of none that lives", async () => {
    await attachNew(...five);
    await kill("c3");
    await attachNew("next");
    expect(await reservations(host)).toEqual([
      "10.1.2.2 c1 eth0",
      "10.1.2.3 c2 eth0",
      "10.1.2.4 next eth0",
      "10.1.2.5 c4 eth0",
      "10.1.2.6 c5 eth0",
    ]);
    await host.container("more");
    const { msg } = await attach("more");
    expect(msg).toContain(
      "5 of 5 addresses are held, 0 by containers that are gone and 0 by ones of which nothing is known",
    );
  });

  test("takes no address of a namespace that has lost its name but not its processes", async () => {
    await attachNew(...five);
    const process = host.start("ip", ["netns", "exec", "c2", "sh", "-c", "echo in; exec sleep 60"]);
    await process.firstOutput;
    await kill("c2", "c4");
    await attachNew("next");
    expect(await reservations(host)).toContain("10.1.2.3 c2 eth0");
    process.kill("SIGKILL");
    await process.finished;
  });

  test("takes the address of a namespace whose name another one has now", async () => {
    await attachNew(...five);
    await host.sh("ip netns delete c1; ip netns add c1");
    await attachNew("next");
    expect(await reservations(host)).toContain("10.1.2.2 next eth0");
  });

  test("takes addresses of another boot, whatever namespaces there are", async () => {
    await attachNew(...five);
    await host.sh(`sed -i "s/$(cat /proc/sys/kernel/random/boot_id)/00000000-0000-0000-0000-000000000000/" ${index}`);
    await attachNew("next");
    expect(await reservations(host)).toEqual(["10.1.2.2 next eth0"]);
  });

  test("takes no address that the reference reserved, whose holder is not known", async () => {
    for (const id of five) await attach(id, { directory: reference });
    await host.container("next");
    const { code, msg } = await attach("next");
    expect({ code, msg }).toEqual({
      code: 999,
      msg: expect.stringContaining(
        "5 of 5 addresses are held, 0 by containers that are gone and 5 by ones of which nothing is known",
      ),
    });
  });

  test("takes no address that the reference reserved anew for the same container", async () => {
    await attachNew(...five);
    await host.sh("ip netns delete c1");
    await reserve(host, { verb: "DEL", ipam: { subnet }, containerId: "c1", directory: reference });
    expect((await attach("c1", { directory: reference, args: "IP=10.1.2.2" })).ips).toEqual([
      "10.1.2.2/29 via 10.1.2.1",
    ]);
    await host.container("next");
    expect((await attach("next")).msg).toContain(
      "0 by containers that are gone and 1 by ones of which nothing is known",
    );
  });

  test("has room again for STATUS when a holder is gone", async () => {
    await attachNew(...five);
    expect((await reserve(host, { verb: "STATUS", ipam: { subnet } })).code).toBe(50);
    await kill("c5");
    expect((await reserve(host, { verb: "STATUS", ipam: { subnet } })).code).toBeUndefined();
  });
});

describe("the same container again", () => {
  test("is an error while its namespace lives", async () => {
    await attachNew("c1");
    expect((await attach("c1")).msg).toBe(
      "10.1.2.2 has been allocated to c1 eth0 already, duplicate allocation is not allowed",
    );
  });

  test("gets the same address when its namespace is gone", async () => {
    await attachNew("c1", "c2");
    await host.sh("ip netns delete c1; ip netns add c1");
    expect((await attach("c1")).ips).toEqual(["10.1.2.2/29 via 10.1.2.1"]);
    expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0", "10.1.2.3 c2 eth0"]);
    expect((await attach("c1")).msg).toContain("duplicate allocation is not allowed");
  });

  test("gets the address it asks for when its namespace is gone", async () => {
    await attachNew("c1");
    await host.sh("ip netns delete c1; ip netns add c1");
    expect((await attach("c1", { args: "IP=10.1.2.5" })).ips).toEqual(["10.1.2.5/29 via 10.1.2.1"]);
    expect(await reservations(host)).toEqual(["10.1.2.5 c1 eth0"]);
  });

  test("is an error when the reference made the first attachment, of which nothing is known", async () => {
    await host.container("c1");
    await attach("c1", { directory: reference });
    expect((await attach("c1")).msg).toContain("duplicate allocation is not allowed");
  });
});

describe("an address that is asked for", () => {
  test("is taken from a holder that is gone", async () => {
    await attachNew("c1");
    await kill("c1");
    await host.container("c2");
    expect((await attach("c2", { args: "IP=10.1.2.2" })).ips).toEqual(["10.1.2.2/29 via 10.1.2.1"]);
    expect(await reservations(host)).toEqual(["10.1.2.2 c2 eth0"]);
  });

  test("is not taken from a living one, nor from one of the reference", async () => {
    await attachNew("c1");
    await attach("old", { directory: reference });
    await host.container("c2");
    expect((await attach("c2", { args: "IP=10.1.2.2" })).msg).toContain("is not available");
    expect((await attach("c2", { args: "IP=10.1.2.3" })).msg).toContain("is not available");
  });
});

test("a namespace that is named by a process is gone with its last process", async () => {
  const container = host.start("unshare", [
    "--net",
    "sh",
    "-c",
    `echo $$ > ${host.directory}/pid; echo in; exec sleep 60`,
  ]);
  await container.firstOutput;
  const pid = await host.sh(`cat ${host.directory}/pid`);
  const netns = `/proc/${pid}/ns/net`;
  await reserve(host, { ipam: { subnet }, netns, args: "IP=10.1.2.4" });
  await host.container("c2");
  expect((await attach("c2", { args: "IP=10.1.2.4" })).msg).toContain("is not available");
  await host.sh(`kill -9 ${pid}`);
  await container.finished;
  expect((await attach("c2", { args: "IP=10.1.2.4" })).ips).toEqual(["10.1.2.4/29 via 10.1.2.1"]);
});

test.each(["/nowhere", "/etc/hostname", "/proc/self/ns/net", "dummy"])(
  "nothing is kept about %s: the address is left to DEL and GC",
  async (netns) => {
    expect((await reserve(host, { ipam: { subnet }, netns })).code).toBeUndefined();
    expect(await host.sh(`tail -n 1 ${index}`)).toMatch(/^\["10\.1\.2\.2","c1","eth0","[\d:]+"\]$/);
  },
);
