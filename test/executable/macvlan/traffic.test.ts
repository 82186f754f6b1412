// Frames on the link: who reaches whom in each mode, and whose address is on the wire.
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Lan, macvlanConfig, outsideOn, startLan } from "../../harness/lan.ts";
import { callSuccessfully } from "../../harness/plugin.ts";
import { probe, type Spot, serve } from "../../harness/traffic.ts";

let lan: Lan;
beforeEach(async () => {
  lan = await startLan();
});
afterEach(() => lan[Symbol.asyncDispose]());

async function attach(name: string, config: object): Promise<Spot & { readonly mac: string }> {
  const netns = await lan.host.container(name);
  const call = { verb: "ADD", plugin: "macvlan", containerId: name, netns, config } as const;
  const { interfaces } = await callSuccessfully(lan.host, call);
  return { host: lan.host, netns, mac: interfaces[0].mac };
}

const first = { 4: "192.0.2.50", 6: "2001:db8::50" };

test.each([
  { mode: "bridge", neighbour: "192.0.2.51", neighbour6: "2001:db8::51" },
  { mode: "private", neighbour: "-", neighbour6: "-" },
  // the switch at the other end would have to send the frames back
  { mode: "vepa", neighbour: "-", neighbour6: "-" },
])("mode $mode: a neighbour, a machine outside, and the host", async ({ mode, neighbour, neighbour6 }) => {
  const config = { ...macvlanConfig, mode };
  const [one, two] = [await attach("c1", config), await attach("c2", config)];
  for (const spot of [one, { host: lan.outside }, { host: lan.host }]) await serve(spot, 80);
  const found = await probe(two, [
    ["tcp", first[4], 80],
    ["tcp", first[6], 80],
    ["udp", outsideOn[4], 80],
    ["tcp", outsideOn[6], 80],
    ["tcp", "192.0.2.1", 80],
  ]);
  const out = ["192.0.2.51", "2001:db8::51"];
  // what the host answers is refused or lost, as with every macvlan: hostAccess is for that
  expect([...found.slice(0, 4), found[4] === "192.0.2.51"]).toEqual([neighbour, neighbour6, ...out, false]);
  expect(
    await probe({ host: lan.outside }, [
      ["tcp", first[4], 80],
      ["ping", first[6]],
    ]),
  ).toEqual([outsideOn[4], "answered"]);
});

test("passthru: the container has the parent's MAC address, or gives it its own", async () => {
  const own = JSON.parse(await lan.host.sh("ip -json link show uplink"))[0].address;
  const one = await attach("c1", { ...macvlanConfig, mode: "passthru" });
  expect(one.mac).toBe(own);
  expect(await probe(one, [["ping", outsideOn[4]]])).toEqual(["answered"]);
  const del = { verb: "DEL", plugin: "macvlan", containerId: "c1", config: macvlanConfig } as const;
  await callSuccessfully(lan.host, { ...del, netns: one.netns ?? "" });
  const given = await attach("c2", { ...macvlanConfig, mode: "passthru", mac: "02:00:00:00:00:42" });
  expect(given.mac).toBe("02:00:00:00:00:42");
  expect(await probe(given, [["ping", outsideOn[4]]])).toEqual(["answered"]);
  expect(await lan.outside.sh("ip neighbour show 192.0.2.51")).toContain("02:00:00:00:00:42");
});

test("the MAC address of the container is the one that is seen outside", async () => {
  const one = await attach("c1", { ...macvlanConfig, mac: "02:00:00:00:00:42" });
  expect(one.mac).toBe("02:00:00:00:00:42");
  // it says so when it comes, without having been asked
  await probe(one, [
    ["ping", outsideOn[4]],
    ["ping", outsideOn[6]],
  ]);
  for (const address of Object.values(first))
    expect(await lan.outside.sh(`ip neighbour show ${address}`)).toContain("lladdr 02:00:00:00:00:42");
  expect(await lan.host.sh("ip -json link show uplink")).not.toContain("02:00:00:00:00:42");
});

test("an IPv6 address is there at once, and with enabledad when nobody else has it", async () => {
  await attach("c1", macvlanConfig);
  expect(await lan.host.sh("ip -n c1 -6 address show tentative")).toBe("");
  const start = performance.now();
  await attach("c2", { ...macvlanConfig, enabledad: true });
  // detection takes the kernel a second; not to have waited would be a mistake
  expect(performance.now() - start).toBeGreaterThan(900);
  expect(await lan.host.sh("ip -n c2 -6 address show tentative")).toBe("");
});
