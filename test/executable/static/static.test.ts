// Beside the Go plugin, by itself and behind a bridge.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { type Call, callPlugin, callSuccessfully, ours, reference } from "../../harness/plugin.ts";
import { programsOf } from "../../harness/strace.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const ipam = {
  type: "static",
  addresses: [{ address: "10.1.2.5/24", gateway: "10.1.2.1" }, { address: "fd00:12::5/64" }],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "192.0.2.0/24", gw: "10.1.2.9" }],
  dns: { nameservers: ["192.0.2.53"], domain: "x.test", search: ["y.test"], options: ["ndots:2"] },
};
const config = { cniVersion: "1.0.0", name: "n1", type: "bridge", bridge: "b0", ipam };
const call = (verb: Call["verb"], more: Partial<Call> = {}): Call => ({
  verb,
  plugin: "static",
  netns: "/run/netns/c1",
  config,
  ...more,
});

describe("prints what the Go plugin prints", () => {
  const cases: readonly { readonly config?: typeof config & object; readonly args?: string }[] = [
    {},
    { config: { ...config, ipam: { type: "static" } as typeof ipam } },
    { args: "IP=10.2.2.5/24,10.3.2.5/16;GATEWAY=10.3.2.1" },
    { args: "IP=10.1.2.5/24,10.1.2.5/16" },
    { config: { ...config, ipam: { ...ipam, addresses: [...ipam.addresses, ...ipam.addresses] } } },
    { config: { ...config, ...{ args: { cni: { ips: ["10.2.2.5/24"] } } } }, args: "IgnoreUnknown=true;X=1" },
    { config: { ...config, ...{ runtimeConfig: { ips: ["10.2.2.5/24", "fd00::9/64"] } } } },
    ...["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0"].map((cniVersion) => ({ config: { ...config, cniVersion } })),
  ];

  test.each(cases)("for %j", async (more) => {
    const theirs = await callSuccessfully(host, call("ADD", { ...more, directory: reference }));
    // newer ones leave empty DNS out from 1.0.0 on
    if (theirs.cniVersion === "1.0.0" && Object.keys(theirs.dns).length === 0) delete theirs.dns;
    expect(await callSuccessfully(host, call("ADD", more))).toEqual(theirs);
  });
});

test("CHECK asks for what is written to be in prevResult", async () => {
  const prevResult = await callSuccessfully(host, call("ADD"));
  const check = async (prev: object | undefined) =>
    (await callPlugin(host, call("CHECK", { config: { ...config, prevResult: prev } }))).stdout;
  expect(await check(prevResult)).toBe("");
  expect(await check({ ...prevResult, ips: prevResult.ips.slice(1) })).toContain("no address 10.1.2.5");
  expect(
    await check({ ...prevResult, ips: [{ address: "10.1.2.5/24", gateway: "10.1.2.7" }, prevResult.ips[1]] }),
  ).toContain("has the gateway 10.1.2.7 in prevResult instead of 10.1.2.1");
  expect(
    await check({ ...prevResult, ips: [{ ...prevResult.ips[0], address: "10.1.2.5/16" }, prevResult.ips[1]] }),
  ).toContain("prevResult has 10.1.2.5/16 instead of 10.1.2.5/24");
  expect(JSON.parse(await check(undefined)).code).toBe(7);
});

test("DEL, GC and STATUS keep nothing", async () => {
  const wrong = { ...config, cniVersion: "1.1.0", ipam: 5 };
  for (const verb of ["DEL", "GC"] as const)
    expect(await callPlugin(host, call(verb, { config: wrong, netns: "" }))).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
  expect((await callPlugin(host, call("STATUS", { config: { ...config, cniVersion: "1.1.0" } }))).exitCode).toBe(0);
  expect(JSON.parse((await callPlugin(host, call("STATUS", { config: wrong }))).stdout).code).toBe(6);
});

describe("behind a bridge", () => {
  const behind = (verb: Call["verb"], more: Partial<Call> = {}) => call(verb, { plugin: "bridge", ...more });

  test("it runs in the bridge's process, and the container is the same as with the Go plugin", async () => {
    await host.container("c1");
    const show = () => host.sh("ip -n c1 -o addr show eth0 scope global | awk '{print $4}'; ip -n c1 route");
    expect(await programsOf(host, behind("ADD"))).toEqual(["bridge"]);
    const [own, result] = [await show(), await callPlugin(host, behind("CHECK"))];
    expect(JSON.parse(result.stdout).msg).toContain("prevResult");
    await callSuccessfully(host, behind("DEL"));
    const printed = await callSuccessfully(host, behind("ADD"));
    await callSuccessfully(host, behind("CHECK", { config: { ...config, prevResult: printed } }));
    expect(await programsOf(host, behind("DEL"))).toEqual(["bridge"]);

    await host.sh(`ln -s ${reference}/static ${host.directory}/`);
    const path = `${host.directory}:${ours}`;
    expect(await programsOf(host, behind("ADD", { path }))).toEqual(["bridge", "static"]);
    expect(await show()).toBe(own);
    await callSuccessfully(host, behind("DEL", { path }));
  });

  test("all verbs go through", async () => {
    await host.container("c1");
    const newest = { ...config, cniVersion: "1.1.0" };
    await callSuccessfully(host, behind("STATUS", { config: newest }));
    await callSuccessfully(host, behind("GC", { config: newest }));
    const bad = { ...newest, ipam: { type: "static", addresses: [{ address: "x" }] } };
    expect(JSON.parse((await callPlugin(host, behind("STATUS", { config: bad }))).stdout).code).toBe(7);
    expect(JSON.parse((await callPlugin(host, behind("ADD", { config: bad }))).stdout).code).toBe(7);
    expect(await host.sh("ip -o link | wc -l")).toBe("1");
    await callSuccessfully(host, behind("DEL", { config: bad }));
  });

  test("in a network of Docker, with its rules", async () => {
    await host.container("c1");
    const docker = { ...config, docker: {}, ipam: { ...ipam, routes: [] } };
    const result = await callSuccessfully(host, behind("ADD", { config: docker }));
    expect(result.ips[0]).toEqual({ address: "10.1.2.5/24", gateway: "10.1.2.1", interface: 2 });
    await callSuccessfully(host, behind("DEL", { config: docker }));
  });
});
