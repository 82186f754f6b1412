import { expect, test } from "vitest";
import { Host } from "../harness/host.ts";
import { callSuccessfully } from "../harness/plugin.ts";

const config = {
  cniVersion: "1.0.0",
  name: "n1",
  type: "bridge",
  bridge: "b0",
  isGateway: true,
  ipam: { type: "host-local", subnet: "10.9.0.0/24", routes: [{ dst: "0.0.0.0/0" }] },
};

test("a container gets an address and a route", async () => {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const result = await callSuccessfully(host, { verb: "ADD", config, netns });
  expect(result.ips).toEqual([{ interface: 2, address: "10.9.0.2/24", gateway: "10.9.0.1" }]);
  expect(await host.sh("ip -n c1 -brief -4 address show eth0")).toMatch(/^eth0@if\d+ +UP +10\.9\.0\.2\/24$/);
  await callSuccessfully(host, { verb: "DEL", config, netns });
  expect(await host.sh("ip -n c1 -brief link")).not.toContain("eth0");
});
