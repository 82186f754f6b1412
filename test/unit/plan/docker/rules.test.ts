import { describe, expect, test } from "vitest";
import { chainNames, chainPrefixProblem, chainsOf } from "../../../../src/plan/docker/chain-names.ts";
import { endpointRules } from "../../../../src/plan/docker/endpoint-rules.ts";
import { frameRules } from "../../../../src/plan/docker/frame.ts";
import type { DockerNetwork } from "../../../../src/plan/docker/network.ts";
import { networkRules } from "../../../../src/plan/docker/network-rules.ts";
import { ensureEndpoint, release, rulesOfEndpoint, rulesOfNetwork } from "../../../../src/plan/docker/steps.ts";
import { ruleInterfaceProblem } from "../../../../src/plan/rule-interface.ts";
import type { Rule } from "../../../../src/plan/rule-set.ts";
import { dockerNetwork, dockerSubnet, foundNetwork } from "../../../docker-networks.ts";
import { ip } from "../../../values.ts";

/** As Docker would call iptables. */
const calls = (rules: readonly Rule[]) =>
  rules.map(({ table, chain, text, at }) => `${table} ${at === "head" ? "-I" : "-A"} ${chain} ${text}`);

const subnet = "192.0.2.0/24";
const subnet6 = "2001:db8:1::/64";
const withMode = (gatewayMode: "nat" | "nat-unprotected" | "routed" | "isolated", more: Partial<DockerNetwork> = {}) =>
  dockerNetwork("br1", [], {
    subnets: { 4: dockerSubnet(subnet, { gatewayMode }), 6: dockerSubnet(subnet6, { gatewayMode }) },
    ...more,
  });

describe("the frame", () => {
  test("has its chains in two tables", () => {
    expect(
      chainsOf("P")
        .map(({ table, name }) => `${table} ${name}`)
        .sort(),
    ).toEqual([
      "filter P",
      "filter P-BRIDGE",
      "filter P-CT",
      "filter P-FORWARD",
      "filter P-INTERNAL",
      "filter P-USER",
      "nat P",
    ]);
  });

  test("is written so that P-USER and P-CT end at the head", () => {
    expect(calls(frameRules("P"))).toEqual([
      "nat -A PREROUTING -m addrtype --dst-type LOCAL -j P",
      "nat -A OUTPUT -m addrtype --dst-type LOCAL -j P",
      "filter -I FORWARD -j P-FORWARD",
      "filter -I P-FORWARD -j P-BRIDGE",
      "filter -I P-FORWARD -j P-INTERNAL",
      "filter -I P-FORWARD -j P-CT",
      "filter -I FORWARD -j P-USER",
    ]);
  });
});

describe("a network", () => {
  const masquerade = "nat -I POSTROUTING -s 192.0.2.0/24 ! -o br1 -j MASQUERADE";
  const local = "nat -I POSTROUTING -o br1 -m addrtype --src-type LOCAL -j MASQUERADE";
  const outgoing = "filter -A DOCKER-FORWARD -i br1 -j ACCEPT";
  const drop = "filter -A DOCKER ! -i br1 -o br1 -j DROP";
  const end = [
    "filter -A DOCKER-CT -o br1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "filter -A DOCKER-BRIDGE -o br1 -j DOCKER",
  ];

  test.for<[string, Partial<DockerNetwork>, string[]]>([
    ["by default", {}, [masquerade, local, outgoing, drop, ...end]],
    ["without masquerading", { masquerade: false }, [local, outgoing, drop, ...end]],
    [
      "without icc",
      { icc: false },
      [
        masquerade,
        local,
        "filter -A DOCKER-FORWARD -i br1 -o br1 -j DROP",
        "filter -A DOCKER-FORWARD -i br1 ! -o br1 -j ACCEPT",
        drop,
        ...end,
      ],
    ],
    ["routed", withMode("routed"), [local, "filter -A DOCKER -o br1 -p icmp -j ACCEPT", outgoing, drop, ...end]],
    [
      "unprotected",
      withMode("nat-unprotected"),
      [masquerade, local, outgoing, "filter -A DOCKER ! -i br1 -o br1 -j ACCEPT", ...end],
    ],
    [
      "with an address for what is sent",
      { subnets: { 4: dockerSubnet(subnet, { snat: ip("203.0.113.7") }) } },
      [
        "nat -I POSTROUTING -s 192.0.2.0/24 ! -o br1 -j SNAT --to-source 203.0.113.7",
        "nat -I POSTROUTING -o br1 -m addrtype --src-type LOCAL -j SNAT --to-source 203.0.113.7",
        outgoing,
        drop,
        ...end,
      ],
    ],
    [
      "internal",
      { internal: true },
      [
        "filter -I DOCKER-INTERNAL ! -d 192.0.2.0/24 -i br1 -j DROP",
        "filter -I DOCKER-INTERNAL ! -s 192.0.2.0/24 -o br1 -j DROP",
        "filter -A DOCKER-FORWARD -i br1 -o br1 -j ACCEPT",
      ],
    ],
    [
      "internal and isolated, without icc",
      withMode("isolated", { internal: true, icc: false }),
      [
        "filter -I DOCKER-INTERNAL ! -d 192.0.2.0/24 -i br1 -j DROP",
        "filter -I DOCKER-INTERNAL ! -s 192.0.2.0/24 -o br1 -j DROP",
        "filter -A DOCKER-FORWARD -i br1 -o br1 -j DROP",
      ],
    ],
  ])("%s", ([, more, expected]) => {
    expect(calls(networkRules(dockerNetwork("br1", [subnet], more), 4))).toEqual(expected);
  });

  test("of IPv6 that is internal leaves link-local addresses alone, and has its own ping when it is routed", () => {
    expect(calls(networkRules(withMode("nat", { internal: true }), 6)).slice(0, 2)).toEqual([
      "filter -I DOCKER-INTERNAL ! -d 2001:db8:1::/64 -i br1 ! -o br1 -j DROP",
      "filter -I DOCKER-INTERNAL ! -s 2001:db8:1::/64 ! -i br1 -o br1 -j DROP",
    ]);
    expect(calls(networkRules(withMode("routed"), 6))).toContain("filter -A DOCKER -o br1 -p ipv6-icmp -j ACCEPT");
  });

  test("without a subnet of the family has no rules of it", () => {
    expect(networkRules(dockerNetwork("br1", [subnet]), 6)).toEqual([]);
  });

  test("has the chains of its prefix only", () => {
    const rules = networkRules(dockerNetwork("br1", [subnet], { chainPrefix: "P" }), 4);
    expect(calls(rules).join("\n")).not.toContain("DOCKER");
  });
});

describe("an endpoint", () => {
  const eth1 = "raw -A PREROUTING -d 192.0.2.2/32 -i eth1 -j ACCEPT";
  const drop = "raw -A PREROUTING -d 192.0.2.2/32 ! -i br1 -j DROP";

  test.for<[string, Partial<DockerNetwork>, string[]]>([
    ["is closed", {}, [drop]],
    ["is open to trusted interfaces", { trustedHostInterfaces: ["eth1"] }, [eth1, drop]],
    ["is open where direct routing is allowed", { allowDirectRouting: true, trustedHostInterfaces: ["eth1"] }, []],
    ["is open in a routed network", withMode("routed"), []],
    ["is open in an unprotected network", withMode("nat-unprotected"), []],
    ["needs nothing in an internal network", { internal: true, trustedHostInterfaces: ["eth1"] }, []],
    ["has no rules in a network without its family", { subnets: { 6: dockerSubnet(subnet6) } }, []],
  ])("%s", ([, more, expected]) => {
    expect(calls(endpointRules(dockerNetwork("br1", [subnet], more), ip("192.0.2.2")))).toEqual(expected);
  });

  test("of IPv6 is an address, too", () => {
    const rules = endpointRules(dockerNetwork("br1", [subnet6]), ip("2001:db8:1::2"));
    expect(calls(rules)).toEqual(["raw -A PREROUTING -d 2001:db8:1::2/128 ! -i br1 -j DROP"]);
  });
});

describe("steps", () => {
  const twins = dockerNetwork("br1", [subnet, subnet6]);
  const [c1, c6] = [ip("192.0.2.2"), ip("2001:db8:1::2")];

  test("one for each family of the network, also without an address of it", () => {
    const families = (steps: ReturnType<typeof ensureEndpoint>) =>
      steps.map((step) => (step.do === "rules.ensure" ? step.rules.family : undefined));
    expect(families(foundNetwork(twins))).toEqual([4, 6]);
    expect(families(ensureEndpoint(twins, { addresses: [c1] }))).toEqual([4, 6]);
    expect(families(ensureEndpoint(dockerNetwork("br1", [subnet]), { addresses: [c1] }))).toEqual([4]);
  });

  test("of an endpoint expect what those of the network make", () => {
    const [network] = foundNetwork(twins);
    const [endpoint] = ensureEndpoint(twins, { addresses: [c1, c6] });
    if (network?.do !== "rules.ensure" || endpoint?.do !== "rules.ensure") throw new Error("other steps");
    expect(endpoint.rules.standing).toEqual([...network.rules.standing, ...(network.rules.founding ?? [])]);
    expect(endpoint.rules.own).toEqual(endpointRules(twins, c1));
    expect(endpoint.rules.chains).toEqual(network.rules.chains);
  });

  test("release the same rules", () => {
    expect(release(rulesOfEndpoint(twins, { addresses: [c6] }))).toEqual([
      { do: "rules.release", family: 6, rules: endpointRules(twins, c6) },
    ]);
    expect(release(rulesOfNetwork(twins))).toEqual(
      ([4, 6] as const).map((family) => ({ do: "rules.release", family, rules: networkRules(twins, family) })),
    );
  });
});

describe("names", () => {
  test.for(["DOCKER", "D", "my_net-1", "a234567890123456789", "DOCKERS-USERS"])("%s is a prefix", (prefix) => {
    expect(chainPrefixProblem(prefix)).toBeUndefined();
    for (const name of Object.values(chainNames(prefix))) expect(name.length).toBeLessThanOrEqual(28);
  });

  test.for([
    ["", "begin with a letter"],
    ["-P", "begin with a letter"],
    ["1", "begin with a letter"],
    ["a b", "must be letters"],
    ["a\n", "must be letters"],
    ["é", "must be letters"],
    ["a2345678901234567890", "at most 19"],
    ["FORWARD", "iptables uses itself"],
    ["DROP", "iptables uses itself"],
    ["LOG", "iptables uses itself"],
    ["DOCKER-USER", "another prefix"],
    ["X-INTERNAL", "another prefix"],
  ] as const)("%j is no prefix: %s", ([prefix, problem]) => {
    expect(chainPrefixProblem(prefix)).toContain(problem);
  });

  test.for(["br0", "br-0123456789ab", "a+b", "a!b", "eth0.100", "é"])("%s is an interface in rules", (name) => {
    expect(ruleInterfaceProblem(name)).toBeUndefined();
  });

  test.for(["br+", "+", "!br", "-br", 'a"b', "a'b", "a\\b"])("%s is none", (name) => {
    expect(ruleInterfaceProblem(name)).toContain("iptables");
  });
});
