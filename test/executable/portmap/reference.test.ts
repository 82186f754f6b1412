// Beside the Go plugin: the same rules, and either removes and checks what the other wrote.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rulesByChain } from "../../docker-networks.ts";
import { Host } from "../../harness/host.ts";
import { ours, reference } from "../../harness/plugin.ts";
import { attach, type Publishing, portmap, publish, unpublish, web } from "./portmap.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const many = [
  web,
  { hostPort: 8081, containerPort: 81, protocol: "tcp", hostIP: "127.0.0.1" },
  { hostPort: 53, containerPort: 5353, protocol: "udp", hostIP: "0.0.0.0" },
  { hostPort: 54, containerPort: 54, protocol: "udp", hostIP: "::" },
  { hostPort: 90, containerPort: 90, protocol: "sctp" },
  ...Array.from({ length: 20 }, (_, i) => ({ hostPort: 10_000 + i, containerPort: 1, protocol: "tcp" })),
];

// the Go plugin of Debian is older than the version 1.1.0 and masqAll
const config = { cniVersion: "1.0.0" };
const cases: readonly (readonly [string, Publishing])[] = [
  ["one port", { config }],
  ["many ports", { config, ports: many }],
  ["no snat", { config: { ...config, snat: false }, ports: many }],
  ["another bit", { config: { ...config, markMasqBit: 5 } }],
  ["a chain of somebody else's", { config: { ...config, externalSetMarkChain: "MARK-IT" } }],
  [
    "conditions",
    { config: { ...config, conditionsV4: ["!", "-d", "192.0.2.0/24"], conditionsV6: ["-s", "fd00::/8"] } },
  ],
];

const nat = async (family: "ip" | "ip6") => rulesByChain(await host.sh(`${family}tables-save -t nat`));
const both = async () => ({ 4: await nat("ip"), 6: await nat("ip6") });

async function attached(): Promise<unknown> {
  await host.sh("iptables -t nat -N MARK-IT; ip6tables -t nat -N MARK-IT");
  return attach(host, "c1", { ...config, ipMasq: false });
}

describe.each(cases)("with %s", (_, publishing) => {
  test("the rules are those of the Go plugin, once or twice", async () => {
    const result = await attached();
    await publish(host, result, { ...publishing, directory: reference });
    const theirs = await both();
    await unpublish(host, result, { ...publishing, directory: reference });
    const left = await both();
    await host.sh("for i in iptables ip6tables; do $i -t nat -F; $i -t nat -X; $i -t nat -N MARK-IT; done");
    const printed = await publish(host, result, publishing);
    expect(printed).toEqual({ ...(result as object), cniVersion: "1.0.0" });
    expect(await both()).toEqual(theirs);
    await publish(host, result, publishing);
    expect(await both()).toEqual(theirs);
    expect((await portmap(host, "CHECK", result, publishing)).stdout).toBe("");
    await unpublish(host, result, publishing);
    expect(await both()).toEqual(left);
    await unpublish(host, result, publishing);
  });

  test.each([
    ["ours", "theirs", ours, reference],
    ["theirs", "ours", reference, ours],
  ])("%s is checked and removed by %s", async (_writer, _remover, writer, remover) => {
    const result = await attached();
    await publish(host, result, { ...publishing, directory: writer });
    // CHECK of the Go plugin of Debian looks for the rules of IPv4 in IPv6, too, so it has never worked
    if (remover === ours) expect((await portmap(host, "CHECK", result, publishing)).stdout).toBe("");
    await unpublish(host, result, { ...publishing, directory: remover });
    const { 4: rules4, 6: rules6 } = await both();
    expect(JSON.stringify([rules4, rules6])).not.toMatch(/CNI-DN-/);
  });
});

test("a DEL that knows nothing removes what the Go plugin wrote", async () => {
  const result = await attached();
  await publish(host, result, { config, ports: many, directory: reference });
  await unpublish(host, undefined, { ports: [] });
  expect(JSON.stringify(await both())).not.toMatch(/CNI-DN-/);
});
