// Section "FORWARD policy and ip_forward" of what Docker does: the policy becomes DROP with our switching forwarding on.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensureEndpoint, release, rulesOfNetwork } from "../../src/plan/docker/steps.ts";
import { dockerNetwork, foundNetwork, rulesByChain } from "../docker-networks.ts";
import { frame } from "../docker-scenarios.ts";
import { ip } from "../values.ts";
import { Firewall } from "./firewall.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

let run: PlanRun;

const keys = {
  4: ["net/ipv4/ip_forward"],
  6: ["net/ipv6/conf/default/forwarding", "net/ipv6/conf/all/forwarding"],
} as const;

const forwarding = (family: 4 | 6) => keys[family].map((key) => sh(`cat /proc/sys/${key}`));
const write = (family: 4 | 6, value: string) => {
  for (const key of keys[family].toReversed()) sh(`echo ${value} > /proc/sys/${key}`);
};

beforeAll(async () => {
  leaveTheMachine();
  sh("mount -t tmpfs run /run");
  run = await PlanRun.open();
});

afterAll(() => run[Symbol.asyncDispose]());

describe.each(["nft", "legacy"] as const)("by iptables-%s", (backend) => {
  const before = process.env["PATH"];
  let firewall: Firewall;

  beforeAll(() => {
    firewall = new Firewall(backend);
    process.env["PATH"] = firewall.path;
  });
  beforeEach(() => {
    firewall.clear();
    sh("rm -rf /run/dockbridge");
    for (const family of [4, 6] as const) write(family, "0");
  });
  afterAll(() => {
    process.env["PATH"] = before;
    firewall[Symbol.dispose]();
  });

  const policy = (family: 4 | 6) => firewall.run(family, "-S FORWARD").split("\n")[0];

  describe.each([
    { family: 4, subnet: "192.0.2.0/24", address: "192.0.2.2" },
    { family: 6, subnet: "2001:db8:1::/64", address: "2001:db8:1::2" },
  ] as const)("IPv$family", ({ family, subnet, address }) => {
    const network = dockerNetwork("bridge1", [subnet]);

    test("is switched on, and what is not for us is dropped", async () => {
      await run.apply(...foundNetwork(network));
      expect([forwarding(family), policy(family)]).toEqual([keys[family].map(() => "1"), "-P FORWARD DROP"]);
      const other = family === 4 ? 6 : 4;
      expect([forwarding(other), policy(other)]).toEqual([keys[other].map(() => "0"), "-P FORWARD ACCEPT"]);
    });

    test("that was on leaves the policy as it was", async () => {
      write(family, "1");
      await run.apply(...foundNetwork(network));
      expect([forwarding(family), policy(family)]).toEqual([keys[family].map(() => "1"), "-P FORWARD ACCEPT"]);
    });

    test("that somebody has switched off is switched on by the next ADD, although all rules are there", async () => {
      await run.apply(...foundNetwork(network));
      firewall.run(family, "-P FORWARD ACCEPT");
      write(family, "0");
      await run.apply(...ensureEndpoint(network, { addresses: [ip(address)] }));
      expect([forwarding(family), policy(family)]).toEqual([keys[family].map(() => "1"), "-P FORWARD DROP"]);
      expect(firewall.rules(family)["raw PREROUTING"]).toHaveLength(2);
    });

    test("is off again when the rules are refused", async () => {
      const wrong = dockerNetwork("a-name-that-is-much-too-long", [subnet]);
      await expect(run.apply(...foundNetwork(wrong))).rejects.toThrow("refused the rules");
      expect([forwarding(family), policy(family)]).toEqual([keys[family].map(() => "0"), "-P FORWARD ACCEPT"]);
    });

    test("stays on when the ADD is taken back, because others may rely on it", async () => {
      run.recorded.splice(0);
      await run.apply(...foundNetwork(network));
      await run.undo();
      await run.apply(...release(rulesOfNetwork(network)));
      expect(forwarding(family)).toEqual(keys[family].map(() => "1"));
      expect(firewall.rules(family)).toEqual({
        ...rulesByChain(frame),
        "filter FORWARD": ["DROP", ...(rulesByChain(frame)["filter FORWARD"]?.slice(1) ?? [])],
      });
    });
  });
});
