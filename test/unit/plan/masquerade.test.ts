import { describe, expect, test } from "vitest";
import { masqueradeChain, masqueradeChains, masqueradedIn } from "../../../src/plan/masquerade.ts";
import { type PrivateChain, parseSavedTable } from "../../../src/plan/private-chain.ts";
import { mustCidr } from "../net/must.ts";

const name = "CNI-2bbe0c48b91a7d1b8a6753a8";
const otherName = "CNI-0123456789abcdef01234567";
const whose = { chain: { name, otherName }, network: "test", containerId: "1234" };
const comment = String.raw`-m comment --comment "name: \"test\" id: \"1234\""`;

const chainOf = (family: 4 | 6, rules: readonly string[], jumps: readonly string[]): PrivateChain => ({
  family,
  table: "nat",
  name,
  otherName,
  rules,
  jumps: jumps.map((rule) => ({ from: "POSTROUTING", rule })),
});
const onlyIpv4 = chainOf(
  4,
  [`-d 10.1.2.0/24 ${comment} -j ACCEPT`, `! -d 224.0.0.0/4 ${comment} -j MASQUERADE`],
  [`-s 10.1.2.3/32 ${comment}`],
);
const onlyIpv6 = chainOf(
  6,
  [`-d 2001:db8::/64 ${comment} -j ACCEPT`, `! -d ff00::/8 ${comment} -j MASQUERADE`],
  [`-s 2001:db8::3/128 ${comment}`],
);

describe("masqueradeChains", () => {
  test.for([
    ["no address", [], []],
    ["IPv4", ["10.1.2.3/24"], [onlyIpv4]],
    ["IPv6", ["2001:db8::3/64"], [onlyIpv6]],
    ["both families, IPv4 first", ["2001:db8::3/64", "10.1.2.3/24"], [onlyIpv4, onlyIpv6]],
  ] as const)("of %s", ([, addresses, chains]) => {
    expect(masqueradeChains(whose, addresses.map(mustCidr))).toEqual(chains);
  });

  test("of two networks accept both before anything is masqueraded", () => {
    expect(masqueradeChains(whose, ["10.1.2.3/24", "10.2.0.5/16"].map(mustCidr))).toEqual([
      chainOf(
        4,
        [
          `-d 10.1.2.0/24 ${comment} -j ACCEPT`,
          `-d 10.2.0.0/16 ${comment} -j ACCEPT`,
          `! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
        ],
        [`-s 10.1.2.3/32 ${comment}`, `-s 10.2.0.5/32 ${comment}`],
      ),
    ]);
  });

  test("of two addresses in one network accept it once", () => {
    expect(masqueradeChains(whose, ["10.1.2.3/24", "10.1.2.4/24"].map(mustCidr))).toEqual([
      {
        ...onlyIpv4,
        jumps: [...onlyIpv4.jumps, { from: "POSTROUTING", rule: `-s 10.1.2.4/32 ${comment}` }],
      },
    ]);
  });
});

test("a comment is cut to what the kernel takes", () => {
  const [rule = ""] = masqueradeChain({ ...whose, containerId: "x".repeat(300) }, 4, [mustCidr("10.1.2.3/24")]).rules;
  const [, quoted = ""] = /--comment "(.*)" -j ACCEPT$/.exec(rule) ?? [];
  expect(quoted.replaceAll("\\", "")).toBe(`name: "test" id: "${"x".repeat(237)}`);
  expect(quoted.replaceAll("\\", "")).toHaveLength(255);
});

test("a chain to remove, of which the addresses are not known", () => {
  expect(masqueradeChain(whose, 6, [])).toMatchObject({ family: 6, table: "nat", name, jumps: [] });
});

describe("the containers of a network, as the rules tell", () => {
  const rule = (network: string, id: string, chain: string) =>
    `-A POSTROUTING -s 10.1.2.3/32 -m comment --comment "name: \\"${network}\\" id: \\"${id}\\"" -j ${chain}`;
  const [one, two] = ["CNI-111111111111111111111111", "CNI-222222222222222222222222"];
  const found = (...rules: readonly string[]) =>
    masqueradedIn(parseSavedTable(rules.join("\n")), "n1", 4).map(({ whose: { containerId }, chain }) => [
      containerId,
      chain.name,
    ]);

  test("are found, each chain once", () => {
    expect(found(rule("n1", "c1", one), rule("n1", "c1", one), rule("n1", "c2", two))).toEqual([
      ["c1", one],
      ["c2", two],
    ]);
  });

  test.for([
    ["of another network", rule("n2", "c1", one)],
    ["of a network whose name has more to it", rule('n1" id: "x', "c1", one)],
    ["to a chain of others", rule("n1", "c1", "CNI-DN-0123456789")],
    ["of another chain", rule("n1", "c1", one).replace("POSTROUTING", "FORWARD")],
    ["without comment", `-A POSTROUTING -s 10.1.2.3/32 -j ${one}`],
  ] as const)("are not found in a rule %s", ([, text]) => {
    expect(found(text)).toEqual([]);
  });

  test("have chains to remove with all that leads there", () => {
    const [found] = masqueradedIn(parseSavedTable(rule("n1", "c1", one)), "n1", 6);
    expect(found?.chain).toMatchObject({ family: 6, name: one, otherName: one, jumps: [] });
  });
});
