import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureSysctl, readSysctl } from "../../src/kernel/sysctl.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { Side } from "./side.ts";

let side: Side;

beforeAll(async () => {
  leaveTheMachine();
  side = await Side.open("ip link add eth0.100 type bridge; ip link add eth0 type bridge");
});

afterAll(() => side[Symbol.asyncDispose]());

const FORWARD = "net/ipv4/conf/eth0/forwarding";

const read = (key: string) => side.netns.run(() => readSysctl(key));
const ensure = (key: string, value: string) => side.netns.run(() => ensureSysctl(key, value));
const sysctl = (file: string) => side.sh(`cat /proc/sys/${file}`);

describe("a setting", () => {
  test("is read, without the end of its line", async () => {
    await side.sh(`echo 1 > /proc/sys/${FORWARD}`);
    expect(read(FORWARD)).toBe("1");
  });

  test("is written when it has another value, which is returned", async () => {
    await side.sh(`echo 0 > /proc/sys/${FORWARD}`);
    expect(ensure(FORWARD, "1")).toBe("0");
    expect(await sysctl(FORWARD)).toBe("1");
  });

  test("is not written when it has the value", async () => {
    await side.sh(`echo 1 > /proc/sys/${FORWARD}`);
    expect(ensure(FORWARD, "1")).toBeUndefined();
    expect(await sysctl(FORWARD)).toBe("1");
  });

  test("may have several numbers", async () => {
    expect(ensure("net/ipv4/ping_group_range", "5\t9")).toMatch(/^\d+\t\d+$/);
    expect(await sysctl("net/ipv4/ping_group_range")).toBe("5\t9");
    expect(ensure("net/ipv4/ping_group_range", "5\t9")).toBeUndefined();
  });

  test("is that of the interface with the dot in its name, and of no other", async () => {
    const key = "net/ipv4/conf/eth0.100/arp_notify";
    expect(ensure(key, "1")).toBe("0");
    expect([await sysctl(key), await sysctl("net/ipv4/conf/eth0/arp_notify")]).toEqual(["1", "0"]);
  });

  test("is that of the namespace, and not ours", () => {
    ensure("net/ipv4/ip_default_ttl", "77");
    expect([read("net/ipv4/ip_default_ttl"), readSysctl("net/ipv4/ip_default_ttl")]).toEqual(["77", "64"]);
  });

  test("that the kernel does not have is no error", () => {
    for (const key of ["net/ipv4/no_such_setting", "net/ipv4/conf/eth9/forwarding", "net/no/such/directory"]) {
      expect([read(key), ensure(key, "1")]).toEqual([undefined, undefined]);
    }
  });

  test("whose value the kernel refuses is an error that says key, value and what it is", () => {
    expect(() => ensure(FORWARD, "nonsense")).toThrow(
      /^set net\/ipv4\/conf\/eth0\/forwarding=nonsense \(it is [01]\): EINVAL/,
    );
  });

  test("that is a directory is an error", () => {
    expect(() => read("net/ipv4/conf")).toThrow("EISDIR");
  });
});

describe("on a read-only /proc/sys", () => {
  beforeAll(() => {
    sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys");
  });

  afterAll(() => {
    sh("umount /proc/sys");
  });

  test("a setting that has the value already is success", async () => {
    await side.sh(`echo 1 > /proc/sys/${FORWARD}`);
    expect(ensure(FORWARD, "1")).toBeUndefined();
  });

  test("a setting with another value is an error that says what it is", async () => {
    await side.sh(`echo 0 > /proc/sys/${FORWARD}`);
    expect(() => ensure(FORWARD, "1")).toThrow(/^set net\/ipv4\/conf\/eth0\/forwarding=1 \(it is 0\): EROFS/);
  });
});
