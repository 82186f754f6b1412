import { writeFileSync } from "node:fs";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { type BridgeRecord, readRecord, readRecords, writeRecord } from "../../src/state/bridge-record.ts";
import { lockState } from "../../src/state/state-directory.ts";
import { leaveTheMachine, sh } from "./own-network.ts";

const record: BridgeRecord = {
  bridge: "br1",
  network: "n1",
  rules: [{ family: 4, rules: [{ table: "nat", chain: "POSTROUTING", text: '-m comment --comment "x"', at: "head" }] }],
  settings: { chainPrefix: "DOCKER", internal: false, subnets: [] },
  attachments: [{ containerId: "c1", ifname: "eth0", addresses: ["192.0.2.2"], state: "attached", rules: [] }],
};

let directory: string;

beforeAll(() => {
  leaveTheMachine();
  sh("mount -t tmpfs run /run");
  directory = `/run/dockbridge/${sh("stat -Lc %i /proc/thread-self/ns/net")}`;
});
beforeEach(() => {
  sh("rm -rf /run/dockbridge");
});

test("a record is there until it has no attachments", () => {
  expect([readRecord("br1"), readRecords()]).toEqual([undefined, []]);
  writeRecord(record);
  writeRecord({ ...record, bridge: "br2" });
  expect(readRecord("br1")).toEqual(record);
  expect(
    readRecords()
      .map(({ bridge }) => bridge)
      .sort(),
  ).toEqual(["br1", "br2"]);
  expect(sh(`stat -c %a ${directory}/br1.json; ls ${directory}`)).toBe("600\nbr1.json\nbr2.json");
  writeRecord({ ...record, attachments: [] });
  expect(readRecord("br1")).toBeUndefined();
  writeRecord({ ...record, attachments: [] });
});

test.for([
  ["cut off", '{"format":1,"bri'],
  ["empty", ""],
  ["of another format", JSON.stringify({ format: 2, ...record })],
] as const)("one that is %s is none", ([, content]) => {
  writeRecord(record);
  writeFileSync(`${directory}/br1.json`, content);
  expect([readRecord("br1"), readRecords()]).toEqual([undefined, []]);
});

test("two at once cannot have the lock", async () => {
  using _lock = await lockState(async () => {});
  const interrupted = lockState(async () => {
    throw new Error("interrupted");
  });
  await expect(interrupted).rejects.toThrow("interrupted");
});
