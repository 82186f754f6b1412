// What Docker's rules become when others change the firewall, too.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Family } from "../../src/net/ip.ts";
import type { DockerNetwork } from "../../src/plan/docker/network.ts";
import { ensureEndpoint, release, rulesOfEndpoint, rulesOfNetwork } from "../../src/plan/docker/steps.ts";
import { dockerNetwork, foundNetwork, rulesByChain } from "../docker-networks.ts";
import { frame, type Scenario, scenarios } from "../docker-scenarios.ts";
import { ip } from "../values.ts";
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

const network = dockerNetwork("bridge1", ["192.0.2.0/24"], { trustedHostInterfaces: ["eth1"] });
const [c1, c2] = [ip("192.0.2.2"), ip("192.0.2.3")];
const trusted = "-A PREROUTING -d 192.0.2.2/32 -i eth1 -j ACCEPT";
const direct = "-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP";

describe.each(["nft", "legacy"] as const)("by iptables-%s", (backend: Backend) => {
  const before = process.env["PATH"];
  let firewall: Firewall;

  beforeAll(() => {
    firewall = new Firewall(backend);
    process.env["PATH"] = firewall.path;
  });
  beforeEach(() => {
    firewall.clear();
    run.recorded.splice(0);
  });
  afterAll(() => {
    process.env["PATH"] = before;
    firewall[Symbol.dispose]();
  });

  const make = async (made: DockerNetwork, ...addresses: readonly (typeof c1)[]) => {
    await run.apply(...foundNetwork(made));
    await run.apply(...ensureEndpoint(made, { addresses }));
    firewall.started();
  };
  const iptables = (args: string) => firewall.run(4, args);
  const rules = (family: Family = 4) => firewall.rules(family);
  const raw = () => rules()["raw PREROUTING"]?.slice(1) ?? [];

  describe("processes", () => {
    test("a later ADD is one, and so is a DEL", async () => {
      await make(network, c1);
      await run.apply(...ensureEndpoint(network, { addresses: [c2] }));
      expect(firewall.started()).toEqual(["restore4"]);
      await run.apply(...release(rulesOfEndpoint(network, { addresses: [c2] })));
      expect(firewall.started()).toEqual(["restore4"]);
      expect(raw()).toEqual([trusted, direct]);
    });

    test("a later ADD to a network without rules for containers is one that only looks", async () => {
      const internal = { ...network, internal: true };
      await make(internal);
      const made = rules();
      await run.apply(...ensureEndpoint(internal, { addresses: [c1] }));
      expect(firewall.started()).toEqual(["restore4"]);
      expect(rules()).toEqual(made);
      await run.apply(...release(rulesOfEndpoint(internal, { addresses: [c1] })));
      expect(firewall.started()).toEqual([]);
    });

    test("a later ADD is one for each family", async () => {
      const twins = dockerNetwork("bridge1", ["192.0.2.0/24", "2001:db8:1::/64"]);
      await make(twins, c1, ip("2001:db8:1::2"));
      await run.apply(...ensureEndpoint(twins, { addresses: [c2, ip("2001:db8:1::3")] }));
      expect(firewall.started().toSorted()).toEqual(["restore4", "restore6"]);
    });

    test("the first ADD of a network is one, when another network was there before", async () => {
      const other = dockerNetwork("bridge2", ["198.51.100.0/24"]);
      await make(other);
      await run.apply(...ensureEndpoint(network, { addresses: [c1] }, { isFirst: true }));
      expect(firewall.started()).toEqual(["restore4"]);
      const found = rules();
      firewall.clear();
      await make(other);
      await make(network, c1);
      expect(found).toEqual(rules());
    });

    test("an ADD that takes itself for the first finds the network's rules: none is there twice, and taking it back leaves them", async () => {
      await make(network, c1);
      const made = rules();
      run.recorded.splice(0);
      await run.apply(...ensureEndpoint(network, { addresses: [c1] }, { isFirst: true }));
      expect(rules()).toEqual(made);
      await run.undo();
      expect(rules()).toEqual(made);
      firewall.started();
    });

    test("the first ADD of all is refused, reads what is there and writes what is missing", async () => {
      await run.apply(...foundNetwork(network));
      expect(firewall.started()).toEqual(["restore4", "save4", "restore4"]);
    });

    test("a DEL of what is gone looks for what is left, and is no error", async () => {
      await run.apply(...release(rulesOfEndpoint(network, { addresses: [c1] })));
      await run.apply(...release(rulesOfNetwork(network)));
      expect(rules()).toEqual({});
    });
  });

  describe.each(scenarios.filter(({ name }) => /^(S7|trusted|IPv6 twin of S4)/.test(name)))("$name", (scenario) => {
    const families = ([4, 6] as const).filter((family) => scenario.saved[family] !== undefined);

    test("is complete again after each single rule was removed", async () => {
      await ensure(scenario);
      for (const family of families) {
        for (const [table, line] of linesOf(scenario, family)) {
          firewall.run(family, `-t ${table} ${line.replace("-A", "-D")}`);
          await ensure(scenario);
          // of several networks only each one's own order is kept
          expect(ordered(rules(family), scenario)).toEqual(ordered(expectedOf(scenario, family), scenario));
        }
      }
    });

    test("is complete again after each chain was flushed, and after everything was", async () => {
      await ensure(scenario);
      for (const family of families) {
        for (const chain of Object.keys(expectedOf(scenario, family))) {
          firewall.run(family, `-t ${chain.replace(" ", " -F ")}`);
          await ensure(scenario);
          expect(rules(family)).toEqual(expectedOf(scenario, family));
        }
      }
      firewall.clear();
      await ensure(scenario);
      for (const family of families) expect(rules(family)).toEqual(expectedOf(scenario, family));
    });
  });

  async function ensure({ networks }: Scenario): Promise<void> {
    for (const { network: made, addresses } of networks)
      await run.apply(...foundNetwork(made), ...ensureEndpoint(made, { addresses }));
  }

  describe("rules of others", () => {
    const others = [
      "-t raw -A PREROUTING -d 192.0.2.9/32 ! -i bridge1 -j DROP",
      "-t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE",
      "-t nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.9:80",
      "-A DOCKER-USER -s 10.0.0.0/8 -j DROP",
      "-A DOCKER-FORWARD -i eth9 -j ACCEPT",
      "-I DOCKER -d 192.0.2.9/32 ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT",
      "-I FORWARD -i eth9 -o eth8 -j ACCEPT",
      "-A INPUT -i eth9 -j ACCEPT",
    ];

    test("stay where they are", async () => {
      await make(network);
      for (const rule of others) iptables(rule);
      const withOthers = rules();
      await run.apply(...ensureEndpoint(network, { addresses: [c1] }));
      expect(raw()).toEqual(["-A PREROUTING -d 192.0.2.9/32 ! -i bridge1 -j DROP", trusted, direct]);
      await run.apply(...release(rulesOfEndpoint(network, { addresses: [c1] })));
      expect(rules()).toEqual(withOthers);
      await run.apply(...release(rulesOfNetwork(network)));
      firewall.clear();
      await make(dockerNetwork("bridge2", ["198.51.100.0/24"]));
      await run.apply(...release(rulesOfNetwork(dockerNetwork("bridge2", ["198.51.100.0/24"]))));
      expect(rules()).toEqual(rulesByChain(frame));
    });

    test("are not touched when everything of ours goes", async () => {
      await make(network, c1);
      for (const rule of others) iptables(rule);
      await run.apply(...release(rulesOfEndpoint(network, { addresses: [c1] })), ...release(rulesOfNetwork(network)));
      const left = Object.values(rules()).flatMap((lines) => lines.slice(1));
      const ours = Object.values(rulesByChain(frame)).flatMap((lines) => lines.slice(1));
      expect(left.toSorted()).toEqual(
        [...ours, ...others.map((rule) => rule.replace(/^-t \w+ /, "").replace("-I", "-A"))].toSorted(),
      );
    });

    test("in a DOCKER-USER that was there before us are kept, and it comes above", async () => {
      iptables("-N DOCKER-USER");
      iptables("-A DOCKER-USER -s 10.0.0.0/8 -j DROP");
      iptables("-A FORWARD -i eth9 -j ACCEPT");
      await make(network);
      expect(rules()).toMatchObject({
        "filter DOCKER-USER": ["-", "-A DOCKER-USER -s 10.0.0.0/8 -j DROP"],
        "filter FORWARD": [
          "ACCEPT",
          "-A FORWARD -j DOCKER-USER",
          "-A FORWARD -j DOCKER-FORWARD",
          "-A FORWARD -i eth9 -j ACCEPT",
        ],
      });
    });

    test("that are equal to ours are found, not doubled, and not taken back", async () => {
      await make(network);
      iptables(`-t raw ${direct}`);
      await run.apply(...ensureEndpoint(network, { addresses: [c1] }));
      expect(raw()).toEqual([trusted, direct]);
      expect(run.recorded.splice(0).at(-1)).toMatchObject({
        rules: [{ text: trusted.slice("-A PREROUTING ".length) }],
      });
      await run.apply(...release(rulesOfEndpoint(network, { addresses: [c1] })));
      iptables(`-t raw ${trusted}`);
      iptables(`-t raw ${direct}`);
      await run.apply(...ensureEndpoint(network, { addresses: [c1] }));
      await run.undo();
      expect(raw()).toEqual([trusted, direct]);
    });
  });

  test("a repair leaves alone what another container writes just after the rules were read", async () => {
    await make(network);
    iptables("-F DOCKER");
    firewall.started();
    let isWritten = false;
    const others = () => {
      if (!isWritten && !firewall.started().includes("save4")) return [];
      if (!isWritten) iptables("-t raw -A PREROUTING -d 192.0.2.3/32 ! -i bridge1 -j DROP");
      isWritten = true;
      return rulesOfEndpoint(network, { addresses: [c2] });
    };
    await run.apply(...ensureEndpoint(network, { addresses: [c1] }, { others }));
    expect(isWritten).toBe(true);
    expect(raw()).toEqual(["-A PREROUTING -d 192.0.2.3/32 ! -i bridge1 -j DROP", trusted, direct]);
  });

  test("taking back an ADD that repaired the network leaves the repair", async () => {
    await make(network);
    const made = rules();
    iptables("-F DOCKER");
    run.recorded.splice(0);
    await run.apply(...ensureEndpoint(network, { addresses: [c1] }));
    await run.undo();
    expect(rules()).toEqual(made);
  });

  test("a rule that iptables refuses is an error that says what it said, and nothing is left of the set", async () => {
    const wrong = { ...network, bridge: "a-name-that-is-much-too-long" };
    await expect(run.apply(...foundNetwork(wrong))).rejects.toThrow(
      /refused the rules: .*a-name-that-is-much-too-long/s,
    );
    await run.undo();
    const left = Object.values(rules()).flatMap((lines) => lines.slice(1));
    expect(left.filter((line) => line.includes("too-long"))).toEqual([]);
  });

  test.each([
    { what: "of one network", bridgeOf: () => 1 },
    { what: "of as many networks", bridgeOf: (i: number) => i },
  ])("20 at the same time $what, after everything was flushed: nothing is lost or doubled", async ({ bridgeOf }) => {
    await make(network);
    // the chains stay: making one that is there would be refused
    for (const table of ["nat", "filter"]) iptables(`-t ${table} -F`);
    const all = Array.from({ length: 20 }, (_, i) => ({
      bridge: bridgeOf(i),
      address: `10.0.${bridgeOf(i)}.${i + 2}`,
    }));
    const programs = await Promise.all(
      all.map(({ bridge, address }) => startProgram([`br${bridge}`, `10.0.${bridge}.0/24`, address])),
    );
    expect(await Promise.all(programs.map((go) => go()))).toEqual(programs.map(() => 0));
    const left = rules();
    firewall.clear();
    for (const { bridge, address } of all)
      await make(dockerNetwork(`br${bridge}`, [`10.0.${bridge}.0/24`]), ip(address));
    expect(sorted(left)).toEqual(sorted(rules()));
    expect(left["filter FORWARD"]).toEqual(rulesByChain(frame)["filter FORWARD"]);
    expect(left["filter DOCKER-FORWARD"]?.slice(0, 4)).toEqual(rulesByChain(frame)["filter DOCKER-FORWARD"]);
  });
});

/** Returns what lets it go, and waits for its exit code. */
async function startProgram(args: readonly string[]): Promise<() => Promise<unknown>> {
  const env = { ...process.env, PAUSE_AFTER_SAVE: "0.05" };
  const program = `${import.meta.dirname}/ensure-docker.ts`;
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return async () => {
    const ended = once(child, "exit");
    child.stdin.end();
    return (await ended)[0];
  };
}

function expectedOf({ saved }: Scenario, family: 4 | 6): ReturnType<typeof rulesByChain> {
  return rulesByChain(saved[family] ?? "");
}

function linesOf(scenario: Scenario, family: 4 | 6): [table: string, line: string][] {
  return Object.entries(expectedOf(scenario, family)).flatMap(([chain, [, ...lines]]) =>
    lines.map((line): [string, string] => [chain.split(" ")[0] ?? "", line]),
  );
}

function ordered(rules: ReturnType<typeof rulesByChain>, { networks }: Scenario): ReturnType<typeof rulesByChain> {
  return networks.length === 1 ? rules : sorted(rules);
}

function sorted(rules: ReturnType<typeof rulesByChain>): ReturnType<typeof rulesByChain> {
  return Object.fromEntries(Object.entries(rules).map(([chain, lines]) => [chain, lines.toSorted()]));
}
