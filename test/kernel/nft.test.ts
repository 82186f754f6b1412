import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../src/kernel/find-program.ts";
import { sha512 } from "../../src/kernel/libc.ts";
import { findNftRules, readNftTable, startAddingNftRules, startRemovingNftRules } from "../../src/kernel/nft.ts";
import { masqueradeHash, masqueradeNetworkHash } from "../../src/net/hashed-name.ts";
import { nftDifferences } from "../../src/plan/nft-listing.ts";
import { forgottenMasquerades, masqueradeOwner, nftMasquerade } from "../../src/plan/nft-masquerade.ts";
import { type NftRules, nothingFound } from "../../src/plan/nft-rules.ts";
import { spoofCheck } from "../../src/plan/spoof-check.ts";
import type { Step } from "../../src/plan/step.ts";
import { CniError } from "../../src/protocol/error.ts";
import { cidr, mac } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

let run: PlanRun;
const directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));

beforeAll(async () => {
  leaveTheMachine();
  run = await PlanRun.open();
});

afterEach(() => {
  run.recorded.splice(0);
  sh("nft flush ruleset");
});

afterAll(async () => {
  await run[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const add = (rules: NftRules): Step => ({ do: "nft.add", rules });
const remove = ({ owner }: Pick<NftRules, "owner">): Step => ({ do: "nft.remove", owner });

describe("masquerading", () => {
  const of = (network: string, containerId: string, ...addresses: readonly string[]): NftRules => {
    const whose = { network, containerId, ifname: "eth0" };
    return nftMasquerade({ ...whose, hash: masqueradeHash(sha512, whose) }, addresses.map(cidr));
  };
  const one = of("unit-test", "one", "192.168.1.1/24");
  const two = of("unit-test", "two", "192.168.1.2/24", "2001:db8::2/64");
  const three = of("unit-test", "three", "192.168.99.5/24");
  const others = of("alternate", "one", "192.168.1.1/24");
  const four = of("unit-test", "four", "192.168.1.1/24");

  test("four attachments, two of one address and network each", async () => {
    await run.apply(add(one), add(two), add(three), add(others));
    // as `nft list ruleset` shows what the Go plugin v1.9.1 made
    expect(sh("nft list ruleset").replaceAll(/^\t\tip6? saddr .*\n/gm, "")).toBe(`table inet cni_plugins_masquerade {
	comment "Masquerading for plugins from github.com/containernetworking/plugins"
	chain masq_checks {
		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 224.0.0.0/4 return
		ip6 daddr ff00::/8 return
		goto masq_checks
	}
}`);
    const comment = (hashes: string, network: string, id: string) =>
      `masquerade comment "${hashes}, net: ${network}, if: eth0, id: ${id}"`;
    const hash = (network: string, containerId: string) =>
      masqueradeHash(sha512, { network, containerId, ifname: "eth0" });
    expect(masquerades().sort()).toEqual(
      [
        `ip saddr 192.168.1.1 ip daddr != 192.168.1.0/24 ${comment("6fd94d501e58f0aa-287fc69eff0574a2", "unit-test", "one")}`,
        `ip saddr 192.168.1.2 ip daddr != 192.168.1.0/24 ${comment(hash("unit-test", "two"), "unit-test", "two")}`,
        `ip6 saddr 2001:db8::2 ip6 daddr != 2001:db8::/64 ${comment(hash("unit-test", "two"), "unit-test", "two")}`,
        `ip saddr 192.168.99.5 ip daddr != 192.168.99.0/24 ${comment(hash("unit-test", "three"), "unit-test", "three")}`,
        `ip saddr 192.168.1.1 ip daddr != 192.168.1.0/24 ${comment(hash("alternate", "one"), "alternate", "one")}`,
      ].sort(),
    );
  });

  test("a new attachment gets the address of an old one, whose end leaves it alone", async () => {
    await run.apply(add(one));
    await run.apply(add(four));
    await run.apply(remove(one));
    expect(ids()).toEqual(["four"]);
    await run.undo();
    expect(ids()).toEqual([]);
  });

  test("twice is once, and puts right the rules that lead there", async () => {
    await run.apply(add(one));
    sh("nft flush chain inet cni_plugins_masquerade postrouting");
    await run.apply(add(one));
    expect(ids()).toEqual(["one"]);
    expect(sh("nft list chain inet cni_plugins_masquerade postrouting")).toContain("goto masq_checks");
  });

  test("comes in place of what was there of the attachment", async () => {
    await run.apply(add(two));
    await run.apply(add(of("unit-test", "two", "192.168.1.7/24")));
    expect(masquerades()).toEqual([expect.stringContaining("ip saddr 192.168.1.7 ")]);
  });

  test("GC removes what is not valid, of its own network", async () => {
    await run.apply(add(one), add(two), add(three), add(others), add(four));
    const hashes = [two, three, one].map(({ owner }) =>
      "startsWith" in owner.comment ? owner.comment.startsWith : "",
    );
    const gc = async (network: string, valid: readonly string[]) =>
      run.apply(remove({ owner: forgottenMasquerades(masqueradeNetworkHash(sha512, network), valid) }));

    await gc("unit-test", hashes);
    expect(ids()).toEqual(["one", "one", "three", "two", "two"]);
    await gc("alternate", [masqueradeHash(sha512, { network: "alternate", containerId: "one", ifname: "eth0" })]);
    expect(ids()).toEqual(["one", "one", "three", "two", "two"]);
    await gc("unit-test", []);
    await gc("alternate", []);
    expect(ids()).toEqual([]);
    expect(sh("nft list ruleset")).toContain("goto masq_checks");
  });

  test("many at the same time are all made, and all taken away", async () => {
    const many = Array.from({ length: 30 }, (_, i) => of("unit-test", `c${i}`, `10.1.0.${i + 1}/16`));
    await run.apply(...many.map(add));
    expect(ids()).toHaveLength(30);
    await run.apply(...many.map(remove));
    expect(ids()).toEqual([]);
  });

  test("hundreds are found, more than the kernel tells at once", async () => {
    const many = Array.from({ length: 250 }, (_, i) => `10.2.${i}.1/24`);
    await run.apply(add(of("unit-test", "many", ...many)), add(one));
    expect(findNftRules(of("unit-test", "many").owner).rules).toHaveLength(250);
    await run.apply(remove(of("unit-test", "many")));
    expect(ids()).toEqual(["one"]);
  });

  test("rules that others have put into the chain stay", async () => {
    await run.apply(add(one));
    sh("nft add rule inet cni_plugins_masquerade masq_checks ip saddr 10.7.7.7 masquerade");
    await run.apply(remove(one));
    expect(masquerades()).toEqual(["ip saddr 10.7.7.7 masquerade"]);
  });
});

describe("the check of MAC addresses", () => {
  const whose = { containerId: "container99", ifname: "net1" };
  const rules = spoofCheck(whose, { port: "net0", mac: mac("02:00:00:00:12:34") });

  test("is made, and its inverse takes away all but what others may have rules in", async () => {
    await run.apply(add(rules));
    expect(sh("nft list ruleset")).toBe(`table bridge nat {
	chain PREROUTING {
		type filter hook prerouting priority dstnat; policy accept;
		iifname "net0" jump cni-br-iface-container99-net1 comment "macspoofchk-container99-net1"
	}

	chain cni-br-iface-container99-net1 {
		jump cni-br-iface-container99-net1-mac comment "macspoofchk-container99-net1"
	}

	chain cni-br-iface-container99-net1-mac {
		ether saddr 02:00:00:00:12:34 return comment "macspoofchk-container99-net1"
		drop comment "macspoofchk-container99-net1"
	}
}`);
    expect(run.recorded).toEqual([remove(rules)]);
    await run.undo();
    expect(sh("nft list table bridge nat")).toBe(
      "table bridge nat {\n\tchain PREROUTING {\n\t\ttype filter hook prerouting priority dstnat; policy accept;\n\t}\n}",
    );
  });

  test("twice is once", async () => {
    await run.apply(add(rules));
    const before = sh("nft list ruleset");
    await run.apply(add(rules));
    expect(sh("nft list ruleset")).toBe(before);
  });

  test("is taken away twice, or when nothing is there, without an error", async () => {
    await run.apply(remove(rules));
    await run.apply(add(rules));
    await run.apply(remove(rules));
    await run.apply(remove(rules));
    expect(sh("nft list ruleset")).not.toContain("cni-br-iface");
  });

  test.each([
    {
      left: "the rule that leads there",
      gone: "nft delete chain bridge nat cni-br-iface-container99-net1-mac 2>&1 || true",
    },
    { left: "no rule that leads there", gone: "nft flush chain bridge nat PREROUTING" },
    {
      left: "empty chains",
      gone: "for c in PREROUTING cni-br-iface-container99-net1; do nft flush chain bridge nat $c; done",
    },
    {
      left: "two rules that lead there, as a repeated ADD of the Go plugin leaves them",
      gone: `nft 'add rule bridge nat PREROUTING iifname "net0" jump cni-br-iface-container99-net1 comment "macspoofchk-container99-net1"'`,
    },
  ])("is taken away when there is $left", async ({ gone }) => {
    await run.apply(add(rules));
    sh(gone);
    await run.apply(remove(rules));
    expect(sh("nft list ruleset")).not.toMatch(/cni-br-iface|macspoofchk/);
  });

  test("is not taken for that of an interface whose name goes on", async () => {
    const longer = spoofCheck({ ...whose, ifname: "net10" }, { port: "net9", mac: mac("02:00:00:00:12:35") });
    await run.apply(add(rules), add(longer));
    await run.apply(remove(rules));
    expect(findNftRules(rules.owner)).toEqual(nothingFound);
    expect(findNftRules(longer.owner)).toMatchObject({
      rules: [{ handle: expect.any(BigInt) }],
      chains: longer.owner.chains,
    });
  });

  test("is in force when what follows `rules.await` is done", async () => {
    await run.apply(add(rules), { do: "rules.await" });
    expect(nftDifferences(rules, readNftTable(rules.owner.table, process.env))).toEqual([]);
    const failing = { ...rules, base: ["add chain bridge"] };
    const bridge: Step = { do: "link.add-bridge", place: "host", bridge: { name: "b7" } };
    await expect(run.apply(add(failing), { do: "rules.await" }, bridge)).rejects.toThrow("refused the rules");
    expect(run.places.findLink("host", "b7")).toBe(undefined);
  });
});

describe("failures", () => {
  const rules = nftMasquerade({ hash: "a-b", network: "n1", containerId: "c1", ifname: "eth0" }, [cidr("10.1.0.2/16")]);

  /** Its PATH has an `nft` that does this. */
  function withNft(script: string): { readonly PATH: string } {
    writeFileSync(join(directory, "nft"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, "nft"), 0o755);
    return { PATH: `${directory}:${process.env["PATH"]}` };
  }

  test("nft's own words are in the error, and nothing is left", async () => {
    const wrong = { ...rules, rules: [...rules.rules, { chain: "nowhere", rule: "drop" }] };
    const error = await run.apply(add(wrong)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CniError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^\/.*\/nft refused the rules: .*No such file or directory.*nowhere/s),
      details: expect.stringContaining("add rule inet cni_plugins_masquerade nowhere drop"),
    });
    expect(sh("nft list ruleset")).toBe("");
  });

  test("adding: what nft says, or how it ended", () => {
    expect(startAddingNftRules(rules, withNft("echo tired >&2; exit 1")).finish).toThrow("refused the rules: tired");
    expect(startAddingNftRules(rules, withNft("exit 3")).finish).toThrow("refused the rules: exit status 3");
  });

  test("removing: the same", async () => {
    await run.apply(add(rules));
    const change = startRemovingNftRules(rules.owner, withNft("echo tired >&2; exit 1"));
    expect(change.finish).toThrow("refused the rules: tired");
  });

  test("removing starts nothing when nothing is there", async () => {
    await startRemovingNftRules(rules.owner, withNft(`touch ${directory}/started`)).finish();
    expect(sh(`ls ${directory}`)).toBe("nft");
  });

  test("when somebody else was faster, it goes by what is there by then", async () => {
    await run.apply(add(rules));
    const real = findProgram("nft", {});
    // the first start finds the rule gone
    const env = withNft(
      `mkdir ${directory}/once 2> /dev/null && ${real} flush chain inet cni_plugins_masquerade masq_checks; exec ${real} "$@"`,
    );
    await startRemovingNftRules(rules.owner, env).finish();
    expect(findNftRules(masqueradeOwner("a-b"))).toEqual(nothingFound);
    rmSync(`${directory}/once`, { recursive: true });

    await run.apply(add(rules));
    await startAddingNftRules(rules, env).finish();
    expect(ids()).toEqual(["c1"]);
  });
});

function masquerades(): string[] {
  return sh("nft list chain inet cni_plugins_masquerade masq_checks")
    .split("\n")
    .flatMap((line) => (/masquerade( comment|$)/.test(line) ? [line.trim()] : []));
}

/** Of the containers that have rules. */
function ids(): string[] {
  return masquerades()
    .flatMap((line) => /id: ([^"]*)"/.exec(line)?.[1] ?? [])
    .sort();
}
