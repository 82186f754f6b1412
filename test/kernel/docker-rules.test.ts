import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Family } from "../../src/net/ip.ts";
import { ensureEndpoint, release, rulesOfEndpoint, rulesOfNetwork } from "../../src/plan/docker/steps.ts";
import { foundNetwork, rulesByChain } from "../docker-networks.ts";
import { frame, type Scenario, scenarios } from "../docker-scenarios.ts";
import { type Backend, Firewall } from "./firewall.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

let run: PlanRun;

beforeAll(async () => {
  leaveTheMachine();
  sh("mount -t tmpfs run /run; echo 1 > /proc/sys/net/ipv4/ip_forward");
  sh("echo 1 > /proc/sys/net/ipv6/conf/default/forwarding; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
  run = await PlanRun.open();
});

afterAll(() => run[Symbol.asyncDispose]());

describe.each(["nft", "legacy"] as const)("by iptables-%s", (backend: Backend) => {
  const before = process.env["PATH"];
  let firewall: Firewall;

  beforeAll(() => {
    firewall = new Firewall(backend);
    process.env["PATH"] = firewall.path;
  });
  beforeEach(() => firewall.clear());
  afterEach(() => {
    firewall.clear();
    run.recorded.splice(0);
  });
  afterAll(() => {
    process.env["PATH"] = before;
    firewall[Symbol.dispose]();
  });

  const rules = (family: Family) => firewall.rules(family);

  describe.each(["DOCKER", "my_net-1"])("with the prefix %s", (prefix) => {
    const expected = (saved: string | undefined) => rulesByChain((saved ?? "").replaceAll("DOCKER", prefix));
    const networksOf = ({ networks }: Scenario) =>
      networks.map(({ network, addresses }) => ({ network: { ...network, chainPrefix: prefix }, addresses }));

    async function ensure(scenario: Scenario): Promise<void> {
      for (const { network, addresses } of networksOf(scenario)) {
        await run.apply(...foundNetwork(network));
        await run.apply(...ensureEndpoint(network, { addresses }));
      }
    }

    async function releaseNetworks(scenario: Scenario): Promise<void> {
      for (const { network } of networksOf(scenario)) await run.apply(...release(rulesOfNetwork(network)));
    }

    function expectAll(scenario: Scenario): void {
      for (const family of [4, 6] as const) expect(rules(family)).toEqual(expected(scenario.saved[family]));
    }

    describe.each(scenarios)("$name", (scenario) => {
      const families = ([4, 6] as const).filter((family) => scenario.saved[family] !== undefined);

      test("is as Docker writes it, once or twice, and removed or taken back it leaves only the frame", async () => {
        await ensure(scenario);
        expectAll(scenario);
        await ensure(scenario);
        expectAll(scenario);
        for (const { network, addresses } of networksOf(scenario)) {
          await run.apply(...release(rulesOfEndpoint(network, { addresses })));
        }
        await releaseNetworks(scenario);
        for (const family of families) expect(rules(family)).toEqual(expected(frame));
        run.recorded.splice(0);
        await ensure(scenario);
        expectAll(scenario);
        await run.undo();
        // those of a network are taken back by whoever knows that nobody else is in it
        await releaseNetworks(scenario);
        for (const family of families) expect(rules(family)).toEqual(expected(frame));
      });
    });
  });
});
