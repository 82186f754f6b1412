import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { judgeNetns, type NetnsRecord, recordNetns } from "../../src/kernel/netns-record.ts";
import { openFiles } from "./child.ts";
import { leaveTheMachine, ownNetwork, sh } from "./own-network.ts";

let directory: string;

beforeAll(() => {
  leaveTheMachine();
  sh("mount -t tmpfs run /run && mkdir /run/netns");
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "netns-record-"));
  sh("ip netns add c1");
});
afterEach(() => {
  sh("ip netns delete c1 2>/dev/null || true");
  rmSync(directory, { recursive: true });
});
afterAll(() => sh("umount -l /run/netns 2>/dev/null || true"));

const isNetnsGone = (record: NetnsRecord) => judgeNetns()(record);

function mustRecord(path: string) {
  return recordNetns(path) ?? expect.fail(`${path} is no namespace`);
}

describe("the record of a namespace", () => {
  test("has the boot, the path, the inode and the cookie", () => {
    const [bootId, inode] = sh("cat /proc/sys/kernel/random/boot_id; stat -c %i /run/netns/c1").split("\n");
    const record = mustRecord("/run/netns/c1");
    expect(record).toEqual({
      bootId,
      path: "/run/netns/c1",
      identity: expect.stringMatching(/^\d+:\d+$/),
      viewpoint: expect.stringMatching(/^pid:\[\d+\] mnt:\[\d+\]$/),
    });
    expect(record.identity.split(":")[0]).toBe(inode);
  });

  test("is the same by another path", () => {
    const link = join(directory, "link");
    symlinkSync("/run/netns/c1", link);
    expect(mustRecord(link).identity).toBe(mustRecord("/run/netns/c1").identity);
  });

  test.each([
    "/nowhere",
    "/etc/hostname",
    "/proc/self/ns/net",
    "/proc/thread-self/ns/net",
    "/proc/1/ns/mnt",
    "run/netns/c1",
    "",
  ])("is not made of %j", (path) => {
    expect(recordNetns(path)).toBeUndefined();
  });

  test("leaves this process where it was, and nothing open", () => {
    mustRecord("/run/netns/c1");
    const before = [ownNetwork(), openFiles()];
    isNetnsGone(mustRecord("/run/netns/c1"));
    expect([ownNetwork(), openFiles()]).toEqual(before);
  });
});

describe("a namespace", () => {
  test("is not gone while it is there", () => {
    expect(isNetnsGone(mustRecord("/run/netns/c1"))).toBe(false);
  });

  test("is gone when its path is", () => {
    const record = mustRecord("/run/netns/c1");
    sh("ip netns delete c1");
    expect(isNetnsGone(record)).toBe(true);
  });

  test("is gone when its path is that of another one, be it with the same inode", () => {
    const record = mustRecord("/run/netns/c1");
    for (let round = 0; round < 20; round++) {
      sh("ip netns delete c1; sleep 0.05; ip netns add c1");
      expect(isNetnsGone(record)).toBe(true);
    }
  });

  test("is gone after the next boot, when paths and numbers are soon the same again", () => {
    const bootId = "00000000-0000-0000-0000-000000000000";
    expect(isNetnsGone({ ...mustRecord("/run/netns/c1"), bootId })).toBe(true);
  });

  test("may be there for one who sees another part of the machine", () => {
    const record = { ...mustRecord("/run/netns/c1"), viewpoint: "pid:[1] mnt:[2]" };
    sh("ip netns delete c1");
    expect(isNetnsGone(record)).toBe(false);
  });

  test.each([
    {
      what: "it is mounted elsewhere",
      keep: (path: string) => `touch '${path}' && mount --bind /run/netns/c1 '${path}'`,
      end: (path: string) => `umount '${path}'`,
    },
    {
      what: "its path is hidden by a mount",
      keep: () => "mount -t tmpfs none /run/netns",
      end: () => "umount /run/netns; ip netns delete c1",
    },
  ])("is not gone while $what", ({ keep, end }) => {
    const record = mustRecord("/run/netns/c1");
    const path = join(directory, "a b\\c");
    sh(keep(path));
    sh("ip netns delete c1 2>/dev/null || true");
    expect(isNetnsGone(record)).toBe(false);
    sh(end(path));
    expect(isNetnsGone(record)).toBe(true);
  });

  test("is not gone while somebody has it open", () => {
    const record = mustRecord("/run/netns/c1");
    const fd = openSync("/run/netns/c1", "r");
    sh("ip netns delete c1");
    expect(isNetnsGone(record)).toBe(false);
    closeSync(fd);
    expect(isNetnsGone(record)).toBe(true);
  });

  test("is not gone while a process is in it", () => {
    const record = mustRecord("/run/netns/c1");
    const pid = sh("ip netns exec c1 sh -c 'sleep 60 >/dev/null 2>&1 & echo $!'");
    sh("ip netns delete c1");
    expect(isNetnsGone(record)).toBe(false);
    sh(`kill -9 ${pid}; while test -e /proc/${pid}/ns/net; do sleep 0.01; done`);
    expect(isNetnsGone(record)).toBe(true);
  });
});
