// What iptables-save and ip6tables-save print after our ADDs is what Docker Engine 29 writes, rule by rule.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rulesByChain } from "../../docker-networks.ts";
import { frame, inIPv6, portScenarios, type Scenario, scenarios } from "../../docker-scenarios.ts";
import { Host } from "../../harness/host.ts";
import { attach, configOf, detach, forward, rulesOf } from "./docker.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await host.sh(forward);
});
afterEach(() => host[Symbol.asyncDispose]());

/** But for those that are about IPv4 addresses of the host. */
const twins = [...scenarios, ...portScenarios]
  .filter(({ name, saved }) => saved[6] === undefined && !/address|publishes on/.test(name))
  .map(inIPv6);

/** A network is there as long as it has a container, so docker0 has one. */
const raw0 = { 4: "172.17.0.2/32", 6: "fd00:172:17::2/128" };

const containersOf = (networks: Scenario["networks"], chainPrefix: string) =>
  networks.flatMap(({ network, addresses, ports }, n) => {
    const [count4 = 0, count6 = 0] = [4, 6].map((family) => addresses.filter((ip) => ip.family === family).length);
    const config = configOf({ ...network, chainPrefix });
    return Array.from({ length: Math.max(1, count4, count6) }, (_, i) => ({
      config: count6 > 0 && i >= count6 ? without6(config) : config,
      name: `c${n}-${i}`,
      ...(ports === undefined ? {} : { ports }),
    }));
  });

/** A container without an IPv6 address in a network that has a subnet for it. */
const without6 = (config: ReturnType<typeof configOf>) => {
  const { ranges } = config["ipam"] as { ranges: object[][] };
  return { ...config, ipam: { type: "host-local", ranges: ranges.slice(0, 1) } };
};

describe.each(["DOCKER", "my_net-1"])("with the prefix %s", (prefix) => {
  const named = (saved: string) => rulesByChain(saved.replaceAll("DOCKER", prefix));

  async function expectRules(saved: Scenario["saved"], hasDocker0 = false): Promise<void> {
    for (const family of [4, 6] as const) {
      const rules = saved[family] ?? "";
      const raw = `*raw\n-A PREROUTING -d ${raw0[family]} ! -i docker0 -j DROP\n`;
      expect(await rulesOf(host, family)).toEqual(named(hasDocker0 && rules !== "" ? raw + rules : rules));
    }
  }

  test.each([...scenarios, ...portScenarios, ...twins])("$name", async ({ networks, saved }) => {
    const containers = containersOf(networks, prefix);
    for (const container of containers) await attach(host, container);
    await expectRules(
      saved,
      networks.some(({ network }) => network.bridge === "docker0"),
    );
    for (const container of containers) await detach(host, container);
    const left = (family: 4 | 6) => (saved[family] === undefined ? "" : frame);
    await expectRules({ 4: left(4), 6: left(6) });
    expect(await host.sh("ls /run/dockbridge/*")).toBe("lock");
  });
});
