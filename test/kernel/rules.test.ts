import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findIptables } from "../../src/kernel/iptables.ts";
import type { Family } from "../../src/net/ip.ts";
import { masqueradeChain } from "../../src/plan/masquerade.ts";
import type { PrivateChain } from "../../src/plan/private-chain.ts";
import type { Step } from "../../src/plan/step.ts";
import { CniError } from "../../src/protocol/error.ts";
import { cidr } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

let run: PlanRun;

beforeAll(async () => {
  leaveTheMachine();
  run = await PlanRun.open();
});

afterEach(() => {
  run.recorded.splice(0);
  for (const program of ["iptables", "ip6tables"]) sh(`${program} -t nat -F; ${program} -t nat -X`);
});

afterAll(() => run[Symbol.asyncDispose]());

const whose = {
  chain: { name: "CNI-0123456789abcdef01234567", otherName: "CNI-76543210fedcba9876543210" },
  network: `a "b" 'c' \\d`,
  containerId: "c1",
};
const other = { ...whose, chain: { name: "CNI-other", otherName: "CNI-other2" }, containerId: "c2" };

/** What a second interface of the same container adds to the chain is another jump. */
const texts = { 4: ["10.1.0.2/24", "10.1.0.3/24"], 6: ["fd00::2/64", "fd00::3/64"] } as const;

describe.each([4, 6] as const)("of IPv%i", (family) => {
  const [first, second] = texts[family].map((text) => cidr(text));
  if (first === undefined || second === undefined) throw new Error("no addresses");
  const chain = masqueradeChain(whose, family, [first]);
  const add = (added: PrivateChain): Step => ({ do: "rules.add", chain: added });
  const remove = (removed: PrivateChain): Step => ({ do: "rules.remove", chain: removed });

  describe("rules.add", () => {
    test("makes the chain with its rules and the jump to it, and its inverse takes all of it away", async () => {
      await run.apply(add(chain));
      expect(rulesOf(family)).toEqual(expectedOf(chain));
      expect(run.recorded).toEqual([remove(chain)]);
      await run.undo();
      expect(rulesOf(family)).toEqual([]);
    });

    test("leaves what belongs to others, and its inverse does so too", async () => {
      const others = masqueradeChain(other, family, [second]);
      await run.apply(add(others));
      await run.apply(add(chain));
      expect(rulesOf(family)).toEqual([...expectedOf(chain), ...expectedOf(others)].sort());
      await run.apply(remove(chain));
      expect(rulesOf(family)).toEqual(expectedOf(others));
    });

    test("twice makes it once", async () => {
      await run.apply(add(chain));
      await run.apply(add(chain));
      expect(rulesOf(family)).toEqual(expectedOf(chain));
    });

    test("replaces the rules of a chain that exists, and adds the jump that is missing", async () => {
      iptables(family, `-N ${chain.name}`, `-A ${chain.name} -j RETURN`);
      await run.apply(add(chain));
      expect(rulesOf(family)).toEqual(expectedOf(chain));
    });

    test("keeps the jumps that lead to a chain already", async () => {
      const both = masqueradeChain(whose, family, [first, second]);
      await run.apply(add(masqueradeChain(whose, family, [second])));
      await run.apply(add(both));
      expect(rulesOf(family)).toEqual(expectedOf(both));
    });

    test("goes on beside the steps that follow", async () => {
      await run.apply(
        add(chain),
        { do: "link.add-bridge", place: "host", bridge: { name: "b0" } },
        add({ ...chain, name: "CNI-2", jumps: [] }),
      );
      expect(run.places.findLink("host", "b0")).toBeDefined();
      expect(rulesOf(family)).toEqual(expect.arrayContaining(expectedOf(chain)));
      await run.undo();
      expect(rulesOf(family)).toEqual([]);
    });

    test("is carried out and recorded also when a step behind it fails", async () => {
      const failing: Step = { do: "link.delete", place: "host", link: "b9" };
      await expect(run.apply(add(chain), failing)).rejects.toThrow("delete link b9: ENODEV");
      await run.undo();
      expect(rulesOf(family)).toEqual([]);
    });

    test("of a rule that iptables refuses makes nothing, and says what it said", async () => {
      const wrong = { ...chain, rules: ["-j NO-SUCH-TARGET"] };
      const error = await run.apply(add(wrong)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CniError);
      expect(error).toMatchObject({ message: expect.stringMatching(/restore refused the rules: .*NO-SUCH-TARGET/s) });
      expect(error).toMatchObject({ details: expect.stringContaining("-j NO-SUCH-TARGET") });
      expect(rulesOf(family)).toEqual([]);
    });
  });

  describe("rules.remove", () => {
    test("twice is no error, and neither is it once when nothing is there", async () => {
      await run.apply(remove(chain));
      await run.apply(add(chain));
      await run.apply(remove(chain));
      await run.apply(remove(chain));
      expect(rulesOf(family)).toEqual([]);
    });

    test("takes the chain away although its jump is missing", async () => {
      await run.apply(add({ ...chain, jumps: [] }));
      await run.apply(remove(chain));
      expect(rulesOf(family)).toEqual([]);
    });

    test("takes the jump away although it is there twice", async () => {
      await run.apply(add(chain));
      iptables(family, ...chain.jumps.map(({ from, rule }) => `-A ${from} ${rule} -j ${chain.name}`));
      await run.apply(remove(chain));
      expect(rulesOf(family)).toEqual([]);
    });

    test("takes only its own jump away when another one still leads to the chain", async () => {
      const both = masqueradeChain(whose, family, [first, second]);
      await run.apply(add(both));
      await run.apply(remove(chain));
      const rest = masqueradeChain(whose, family, [second]);
      expect(rulesOf(family)).toEqual(expectedOf({ ...both, jumps: rest.jumps }));
      await run.apply(remove(rest));
      expect(rulesOf(family)).toEqual([]);
    });

    test("with no jumps given takes away the chain and all that leads to it", async () => {
      await run.apply(add(masqueradeChain(whose, family, [first, second])));
      await run.apply(remove(masqueradeChain(whose, family, [])));
      expect(rulesOf(family)).toEqual([]);
    });

    test("with no jumps given and nothing there is no error", async () => {
      await run.apply(remove(masqueradeChain(whose, family, [])));
      expect(rulesOf(family)).toEqual([]);
    });
  });
});

test("several changes at the same time are all carried out", async () => {
  const chains = Array.from({ length: 8 }, (_, i) =>
    masqueradeChain({ ...whose, chain: { name: `CNI-${i}`, otherName: `CNI-other-${i}` } }, i % 2 === 0 ? 4 : 6, [
      cidr(i % 2 === 0 ? `10.1.0.${i}/24` : `fd00::${i}/64`),
    ]),
  );
  await run.apply(...chains.map((chain): Step => ({ do: "rules.add", chain })));
  expect([...rulesOf(4), ...rulesOf(6)].sort()).toEqual(chains.flatMap(expectedOf).sort());
  await run.undo();
  expect([...rulesOf(4), ...rulesOf(6)]).toEqual([]);
});

describe("finding iptables", () => {
  const directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([
    { family: 4, action: "restore", name: "iptables-restore" },
    { family: 6, action: "save", name: "ip6tables-save" },
  ] as const)("finds $name in PATH before the usual places", ({ family, action, name }) => {
    writeFileSync(join(directory, name), "");
    expect(findIptables(family, action, { PATH: `relative:${directory}:/usr/sbin` })).toBe(join(directory, name));
  });

  test("finds it in the usual places when there is no PATH", () => {
    expect(findIptables(4, "restore", {})).toMatch(/^\/.*\/iptables-restore$/);
  });

  test("passes over what is no file", () => {
    symlinkSync("/no/such/file", join(directory, "iptables-save"));
    expect(findIptables(4, "save", { PATH: directory })).not.toContain(directory);
  });
});

function iptables(family: Family, ...lines: readonly string[]): void {
  sh(`${program(family)}-restore --noflush <<'END'\n*nat\n${lines.join("\n")}\nCOMMIT\nEND`);
}

/** Chains that are not built in and all rules, as the program itself lists them. */
function rulesOf(family: Family): string[] {
  return sh(`${program(family)} -t nat -S`)
    .split("\n")
    .filter((line) => !line.startsWith("-P "))
    .sort();
}

function expectedOf({ name, rules, jumps }: PrivateChain): string[] {
  return [
    `-N ${name}`,
    ...rules.map((rule) => `-A ${name} ${rule}`),
    ...jumps.map(({ from, rule }) => `-A ${from} ${rule} -j ${name}`),
  ].sort();
}

function program(family: Family): string {
  return family === 4 ? "iptables" : "ip6tables";
}
