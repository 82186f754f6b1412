// Beside the Go plugin: the same rules in the same order, and either removes and checks what the other wrote.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { ours, reference } from "../../harness/plugin.ts";
import { attached, type Calling, filterRules, succeed } from "./firewall.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

interface Attachment {
  readonly prevResult: object;
  readonly calling: Calling;
}

const sameBridge = { ingressPolicy: "same-bridge" };
const one: Attachment = { prevResult: attached(["10.1.2.3/24"]), calling: {} };
const dual: Attachment = {
  prevResult: attached(["10.1.2.4/24", "fd00::4/64"], "b1"),
  calling: { containerId: "c2", network: "n2", config: sameBridge },
};
const third: Attachment = {
  prevResult: attached(["10.2.2.5/24", "10.2.3.5/24", "fd01::5/64"], "b2"),
  calling: { containerId: "c3", network: "n3", config: { ...sameBridge, iptablesAdminChainName: "OURS" } },
};
const six: Attachment = { prevResult: attached(["fd00::6/64"]), calling: { containerId: "c4" } };

const cases: readonly (readonly [string, readonly Attachment[]])[] = [
  ["one address", [one]],
  ["both families, kept apart", [dual]],
  ["IPv6 alone", [six]],
  ["several networks", [one, dual, third, six]],
  ["the same in another order", [third, six, dual, one]],
];

/** The older plugin of Debian has one comment for what newer ones, and ours, write for both policies. */
function older(rules: unknown): unknown {
  return JSON.parse(JSON.stringify(rules).replaceAll("same-bridge|isolated", "same-bridge"));
}

async function callAll(verb: "ADD" | "DEL" | "CHECK", attachments: readonly Attachment[], directory: string) {
  for (const { prevResult, calling } of attachments) {
    const printed = await succeed(host, verb, prevResult, { ...calling, directory });
    if (verb === "ADD") expect(printed).toMatchObject(prevResult);
  }
}

describe.each(cases)("with %s", (_, attachments) => {
  test("the rules are those of the Go plugin, once or twice, and after DEL", async () => {
    await callAll("ADD", attachments, reference);
    const theirs = await filterRules(host);
    await callAll("DEL", attachments, reference);
    const left = await filterRules(host);
    await host.sh("for i in iptables ip6tables; do $i -F; $i -X; done");
    for (const times of [1, 2]) {
      await callAll("ADD", attachments, ours);
      expect(older(await filterRules(host)), `${times}`).toEqual(theirs);
    }
    await callAll("CHECK", attachments, ours);
    await callAll("DEL", attachments, ours);
    expect(older(await filterRules(host))).toEqual(left);
    await callAll("DEL", attachments, ours);
    expect(older(await filterRules(host))).toEqual(left);
  });

  test.each([
    ["ours", "theirs", ours, reference],
    ["theirs", "ours", reference, ours],
  ])("%s is checked and removed by %s", async (_writer, _remover, writer, remover) => {
    await callAll("ADD", attachments, writer);
    // those that keep networks apart have other comments in the older plugin
    const isOpen = attachments.every(({ calling }) => calling.config === undefined);
    if (isOpen || remover === reference) await callAll("CHECK", attachments, remover);
    await callAll("DEL", attachments, remover);
    expect(JSON.stringify(await filterRules(host))).not.toMatch(/10\.|fd0/);
  });
});

test("without any address nothing is written", async () => {
  const prevResult = attached([]);
  await succeed(host, "ADD", prevResult, { config: sameBridge });
  await succeed(host, "CHECK", prevResult, { config: sameBridge });
  await succeed(host, "DEL", prevResult, { config: sameBridge });
  expect(await filterRules(host)).toEqual({ 4: {}, 6: {} });
  expect(await host.sh("ls -A /run/dockbridge 2> /dev/null || true")).toBe("");
});
