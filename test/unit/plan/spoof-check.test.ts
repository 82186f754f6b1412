import { describe, expect, test } from "vitest";
import { addNftRules, nothingFound, removeNftRules } from "../../../src/plan/nft-rules.ts";
import { spoofCheck, spoofCheckOwner, spoofCheckProblem } from "../../../src/plan/spoof-check.ts";
import { mustMac } from "../net/must.ts";

const whose = { containerId: "container99", ifname: "net1" };
const chain = "cni-br-iface-container99-net1";
const comment = 'comment "macspoofchk-container99-net1"';
const owner = {
  table: { family: "bridge", name: "nat" },
  shared: ["PREROUTING"],
  chains: [chain, `${chain}-mac`],
  comment: { is: "macspoofchk-container99-net1" },
};

test("the whole transaction", () => {
  const rules = spoofCheck(whose, { port: "net0", mac: mustMac("02:00:00:00:12:34") });
  expect(addNftRules(rules, nothingFound)).toBe(`add table bridge nat
add chain bridge nat PREROUTING { type filter hook prerouting priority -300 ; policy accept ; }
add chain bridge nat ${chain}
flush chain bridge nat ${chain}
add chain bridge nat ${chain}-mac
flush chain bridge nat ${chain}-mac
add rule bridge nat PREROUTING iifname "net0" jump ${chain} ${comment}
add rule bridge nat ${chain} jump ${chain}-mac ${comment}
add rule bridge nat ${chain}-mac ether saddr 02:00:00:00:12:34 return ${comment}
add rule bridge nat ${chain}-mac drop ${comment}
`);
});

test("its owner is known without the interface", () => {
  expect(spoofCheck(whose, { port: "net0", mac: mustMac("02:00:00:00:12:34") }).owner).toEqual(owner);
  expect(spoofCheckOwner(whose)).toEqual(owner);
});

test("taking it away", () => {
  expect(
    removeNftRules(spoofCheckOwner(whose), {
      rules: [{ chain: "PREROUTING", handle: 4n }],
      chains: [chain, `${chain}-mac`],
    }),
  ).toBe(`delete rule bridge nat PREROUTING handle 4
flush chain bridge nat ${chain}
flush chain bridge nat ${chain}-mac
delete chain bridge nat ${chain}
delete chain bridge nat ${chain}-mac
`);
});

describe("the name of an interface", () => {
  test.for(["eth0", "eth0.100", "a_b-c", "0"])("may be %s", (ifname) => {
    expect(spoofCheckProblem({ ...whose, ifname })).toBe(undefined);
  });

  test.for(["eth0@x", 'e"', "e;f", "é"])("may not be %s, which has no chains then", (ifname) => {
    const problem = `macspoofchk: ${JSON.stringify(ifname)} cannot be part of the name of an nftables chain`;
    expect(spoofCheckProblem({ ...whose, ifname })).toBe(problem);
    expect(spoofCheckOwner({ ...whose, ifname }).chains).toEqual([]);
  });
});
