// The same cases for host-local as a process of its own and inside of our bridge.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { type Answer, type Caller, type Reserving, reservations, reserve } from "./network.ts";

const subnet = "10.1.2.0/24";

describe.each<{ caller: Caller }>([{ caller: "a process of its own" }, { caller: "the bridge" }])(
  "$caller",
  ({ caller }) => {
    let host: Host;
    const call = (options: Reserving): Promise<Answer> =>
      reserve(host, { netns: `/run/netns/${options.containerId ?? "c1"}`, ...options }, caller);

    beforeEach(async () => {
      host = await Host.start();
      await host.sh("for c in c1 c2 c3; do ip netns add $c; done");
    });
    afterEach(() => host[Symbol.asyncDispose]());

    test("HL-1: an address of each set, all routes, the name servers of a file; everything is given back", async () => {
      const resolvConf = join(host.directory, "resolv.conf");
      writeFileSync(resolvConf, "nameserver 192.0.2.3\n");
      const routes = [
        { dst: "0.0.0.0/0" },
        { dst: "::/0" },
        { dst: "192.168.0.0/16", gw: "10.1.2.1", mtu: 1300, advmss: 1200, priority: 5, table: 100, scope: 0 },
        { dst: "2001:db8:2::/64", gw: "2001:db8:1::1" },
      ];
      const ipam = {
        ranges: [[{ subnet }, { subnet: "10.2.2.0/24" }], [{ subnet: "2001:db8:1::/64" }]],
        routes,
        resolvConf,
      };
      const answer = await call({ ipam, more: { cniVersion: "1.1.0" } });
      expect(answer.ips).toEqual(["10.1.2.2/24 via 10.1.2.1", "2001:db8:1::2/64 via 2001:db8:1::1"]);
      expect(answer.routes).toEqual(routes);
      expect(answer.dns).toEqual({ nameservers: ["192.0.2.3"] });
      expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0", "2001:db8:1::2 c1 eth0"]);
      expect(await host.sh("cd /var/lib/cni/networks/n1; cat last_reserved_ip.0; echo; cat last_reserved_ip.1")).toBe(
        "10.1.2.2\n2001:db8:1::2",
      );
      expect((await call({ verb: "DEL", ipam })).code).toBeUndefined();
      expect(await reservations(host)).toEqual([]);
    });

    test("HL-2: two interfaces of one container in two networks do not touch each other", async () => {
      await call({ ipam: { subnet } });
      await call({ ipam: { subnet: "10.9.0.0/24" }, more: { name: "n2", bridge: "b1" }, ifname: "eth1" });
      await call({ verb: "DEL", ipam: { subnet } });
      expect(await reservations(host)).toEqual([]);
      expect(await reservations(host, "/var/lib/cni/networks/n2")).toEqual(["10.9.0.2 c1 eth1"]);
    });

    test("two interfaces of one container in one network have an address each, and give it back by itself", async () => {
      await call({ ipam: { subnet } });
      await call({ ipam: { subnet }, ifname: "eth1" });
      expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0", "10.1.2.3 c1 eth1"]);
      await call({ verb: "DEL", ipam: { subnet } });
      expect(await reservations(host)).toEqual(["10.1.2.3 c1 eth1"]);
    });

    test("HL-4: a file with the container alone, as old releases wrote it, is removed", async () => {
      await call({ ipam: { subnet } });
      await host.sh("printf c1 > /var/lib/cni/networks/n1/10.1.2.2");
      expect((await call({ verb: "DEL", ipam: { subnet } })).code).toBeUndefined();
      expect(await reservations(host)).toEqual([]);
    });

    test("HL-5: a container that nobody knows is removed without error", async () => {
      expect((await call({ verb: "DEL", ipam: { subnet }, containerId: "nobody" })).code).toBeUndefined();
      expect((await call({ verb: "DEL", ipam: { subnet }, containerId: "nobody" })).code).toBeUndefined();
    });

    test("HL-7: the first address of an empty directory needs no words", async () => {
      expect((await call({ ipam: { subnet } })).stderr).toBe("");
    });

    test("HL-8: the address that is asked for", async () => {
      const more = { args: { cni: { ips: ["10.1.2.88"] } } };
      expect((await call({ ipam: { subnet }, more })).ips).toEqual(["10.1.2.88/24 via 10.1.2.1"]);
    });

    test("HL-33: the address that is asked for, but another one's", async () => {
      await call({ ipam: { subnet }, args: "IgnoreUnknown=1;IP=10.1.2.88" });
      const { code, msg } = await call({ ipam: { subnet }, containerId: "c2", args: "IgnoreUnknown=1;IP=10.1.2.88" });
      expect({ code, msg }).toEqual({
        code: 999,
        msg: "requested IP address 10.1.2.88 is not available in range set 10.1.2.1-10.1.2.254",
      });
    });

    test("an address that is asked for is no second one for a container that has one", async () => {
      const twoSets = { ranges: [[{ subnet }]] };
      await reserve(host, { ipam: twoSets, netns: "/run/netns/c1" });
      const { msg } = await call({ ipam: twoSets, args: "IgnoreUnknown=1;IP=10.1.2.88" });
      expect(msg).toContain("10.1.2.2 has been allocated to c1 eth0 already");
      expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0"]);
    });

    test("a failure in the second set gives back what the first gave, and nothing else", async () => {
      const ipam = { ranges: [[{ subnet }], [{ subnet: "10.3.0.0/30" }]] };
      await call({ ipam });
      await call({ ipam: { subnet }, containerId: "c2" });
      const { msg } = await call({ ipam, containerId: "c3" });
      expect(msg).toContain(
        "failed to allocate for range 1: no IP addresses available in range set: 10.3.0.1-10.3.0.2",
      );
      expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0", "10.1.2.3 c2 eth0", "10.3.0.2 c1 eth0"]);
    });

    test("what is excluded is neither given nor to be asked for", async () => {
      const ipam = { subnet: "10.1.2.0/29", exclude: ["10.1.2.2", "10.1.2.4/31"] };
      const given = [];
      for (const containerId of ["c1", "c2", "c3"]) given.push(...(await call({ ipam, containerId })).ips);
      expect(given).toEqual(["10.1.2.3/29 via 10.1.2.1", "10.1.2.6/29 via 10.1.2.1"]);
      const { code, msg } = await call({ ipam, containerId: "c3", args: "IgnoreUnknown=1;IP=10.1.2.5" });
      expect({ code, msg }).toEqual({ code: 999, msg: "requested IP 10.1.2.5 is excluded" });
    });

    test.each([
      { allocation: undefined, next: "10.1.2.4/24 via 10.1.2.1" },
      { allocation: "round-robin", next: "10.1.2.4/24 via 10.1.2.1" },
      { allocation: "lowest", next: "10.1.2.2/24 via 10.1.2.1" },
    ])("the address after one was given back, with allocation $allocation", async ({ allocation, next }) => {
      const ipam = { subnet, allocation };
      await call({ ipam, containerId: "c1" });
      await call({ ipam, containerId: "c2" });
      await call({ verb: "DEL", ipam, containerId: "c1" });
      expect((await call({ ipam, containerId: "c3" })).ips).toEqual([next]);
    });

    test("the error of an exhausted range says how many addresses there are, who has them, and how to free one", async () => {
      const ipam = { subnet: "10.1.2.0/30" };
      await call({ ipam });
      expect(await call({ ipam, containerId: "c2" })).toMatchObject({
        code: 999,
        msg:
          "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.2: 1 of 1 addresses are held, 0 by " +
          "containers that are gone and 0 by ones of which nothing is known; to free one, DEL or GC its container, or remove its " +
          "file in /var/lib/cni/networks/n1",
      });
    });

    test("STATUS is content, and then tells that the range is full", async () => {
      const ipam = { subnet: "10.1.2.0/30" };
      expect((await call({ verb: "STATUS", ipam })).code).toBeUndefined();
      await call({ ipam });
      expect(await call({ verb: "STATUS", ipam })).toMatchObject({
        code: 50,
        msg: expect.stringContaining("1 of 1 addresses"),
      });
      await call({ verb: "DEL", ipam });
      expect((await call({ verb: "STATUS", ipam })).code).toBeUndefined();
    });

    test("STATUS tells that the directory cannot be written", async () => {
      const dataDir = "/run/read-only";
      await host.sh(`mkdir ${dataDir} && mount -t tmpfs -o ro none ${dataDir}`);
      const { code, msg } = await call({ verb: "STATUS", ipam: { subnet, dataDir } });
      expect({ code, msg }).toEqual({ code: 50, msg: expect.stringContaining(`cannot write to ${dataDir}/n1: EROFS`) });
    });

    test("STATUS refuses a configuration that no ADD could use", async () => {
      expect(await call({ verb: "STATUS", ipam: { subnet: "10.1.2.0/31" } })).toMatchObject({ code: 7 });
    });

    test("GC gives back what is not valid and whose namespace is gone, and says so", async () => {
      for (const containerId of ["c1", "c2", "c3"]) await call({ ipam: { subnet }, containerId });
      await host.sh(`printf 'other\\r\\neth0' > /var/lib/cni/networks/n1/10.1.2.77; ip netns delete c2`);
      const more = { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] };
      const { code, stderr } = await call({ verb: "GC", ipam: { subnet }, more });
      expect(code).toBeUndefined();
      expect(stderr).toContain("GC: gave back 10.1.2.3 of c2 eth0");
      expect(stderr).toContain("GC: gave back 10.1.2.77 of other eth0");
      expect(stderr).toContain("GC: kept 10.1.2.4 of c3 eth0");
      expect(await reservations(host)).toEqual(["10.1.2.2 c1 eth0", "10.1.2.4 c3 eth0"]);
    });

    test("DEL and GC work with a range that has become invalid", async () => {
      await call({ ipam: { subnet } });
      await call({ ipam: { subnet }, containerId: "c2" });
      const ipam = { subnet: "10.1.2.0/31", rangeStart: 5, exclude: "x" };
      expect((await call({ verb: "DEL", ipam })).code).toBeUndefined();
      await host.sh("ip netns delete c2");
      expect((await call({ verb: "GC", ipam })).code).toBeUndefined();
      expect(await reservations(host)).toEqual([]);
    });
  },
);
