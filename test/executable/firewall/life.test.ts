// What becomes of the rules when calls come in another order than they should, and what the rules do.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin, callSuccessfully, startPlugin } from "../../harness/plugin.ts";
import { programsOf } from "../../harness/strace.ts";
import { attached, filterRules, firewall, firewallCall, succeed } from "./firewall.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
});
afterEach(() => host[Symbol.asyncDispose]());

const result = attached(["10.1.2.3/24"]);
const other = attached(["10.1.2.4/24"]);
const isolated = { config: { ingressPolicy: "isolated" } };

async function own(): Promise<readonly string[]> {
  const rules = await filterRules(host);
  return [...(rules[4]["filter CNI-FORWARD"] ?? []), ...(rules[6]["filter CNI-FORWARD"] ?? [])].filter((rule) =>
    /-[sd] /.test(rule),
  );
}

describe("DEL", () => {
  test("removes what ADD wrote without prevResult, namespace and configuration", async () => {
    await succeed(host, "ADD", attached(["10.1.2.3/24", "fd00::3/64"]));
    expect(await own()).toHaveLength(4);
    await callSuccessfully(host, { ...firewallCall("DEL", undefined), netns: "" });
    expect(await own()).toEqual([]);
    await callSuccessfully(host, { ...firewallCall("DEL", undefined), netns: "" });
  });

  test.each([
    { backend: "firewalld" },
    { ingressPolicy: "nonsense" },
    { ingressPolicy: 7, iptablesAdminChainName: [] },
    { prevResult: "nonsense" },
  ])("succeeds with %j", async (config) => {
    await succeed(host, "ADD", result);
    await succeed(host, "DEL", result, { config });
    expect(await own()).toEqual([]);
  });

  test("of a container that is not known leaves the rules of others", async () => {
    await succeed(host, "ADD", result);
    await succeed(host, "DEL", undefined, { containerId: "c9" });
    await succeed(host, "DEL", undefined, { ifname: "eth9" });
    await succeed(host, "DEL", undefined, { network: "n9" });
    expect(await own()).toHaveLength(2);
  });

  test("that comes late leaves the rules of the container that has the address by now", async () => {
    await succeed(host, "ADD", result);
    await succeed(host, "ADD", result, { containerId: "c2" });
    await succeed(host, "DEL", result);
    expect(await own()).toHaveLength(2);
    await succeed(host, "DEL", result, { containerId: "c2" });
    expect(await own()).toEqual([]);
  });

  test.each([
    "nonsense",
    "{}",
    '{"format": 1, "records": [null, {"network": "n1", "containerId": "c1", "ifname": "eth0", "rules": [{"family": 4, "rules": [5]}]}]}',
  ])("with the record %s works from prevResult", async (record) => {
    await succeed(host, "ADD", result);
    await host.sh(`for d in /run/dockbridge/*; do echo '${record}' > $d/firewall; done`);
    await succeed(host, "DEL", result);
    expect(await own()).toEqual([]);
  });

  test("without iptables on the host has nothing to do", async () => {
    await host.sh("mount -t tmpfs none /usr/sbin");
    await succeed(host, "DEL", result);
  });

  test("with nothing known starts no process and leaves nothing", async () => {
    expect(await programsOf(host, firewallCall("DEL", undefined))).toEqual(["firewall"]);
    expect(await host.sh("ls -A /run/dockbridge 2> /dev/null || true")).toBe("");
  });
});

describe("ADD", () => {
  test("once more with another address takes the first one's rules away", async () => {
    await succeed(host, "ADD", result);
    await succeed(host, "ADD", other);
    expect(await own()).toEqual([expect.stringContaining("-d 10.1.2.4/32"), expect.stringContaining("-s 10.1.2.4/32")]);
    await succeed(host, "ADD", attached([]));
    expect(await own()).toEqual([]);
  });

  test("uses the programs of the families that are in use, and one process of each", async () => {
    const dual = attached(["10.1.2.3/24", "fd00::3/64"]);
    await succeed(host, "ADD", dual, { containerId: "c0" });
    await succeed(host, "DEL", dual, { containerId: "c0" });
    expect(await programsOf(host, firewallCall("ADD", result))).toEqual(["firewall", "iptables-restore"]);
    expect(await programsOf(host, firewallCall("DEL", result))).toEqual(["firewall", "iptables-restore"]);
    const both = ["firewall", "iptables-restore", "ip6tables-restore"];
    expect(await programsOf(host, firewallCall("ADD", dual))).toEqual(both);
    expect(await programsOf(host, firewallCall("DEL", dual))).toEqual(both);
  });

  test("puts back what somebody has flushed, in its place", async () => {
    await succeed(host, "ADD", result, isolated);
    await succeed(host, "ADD", attached(["10.3.2.3/24"], "b3"), { containerId: "c3", network: "n3" });
    const before = await filterRules(host);
    await host.sh("iptables -F FORWARD; iptables -F CNI-ISOLATION-STAGE-1; iptables -D CNI-FORWARD 1");
    expect((await firewall(host, "CHECK", result, isolated)).stdout).toContain("there is no rule of");
    await succeed(host, "ADD", result, isolated);
    expect(await filterRules(host)).toEqual(before);
  });

  test("that iptables refuses leaves nothing of its own", async () => {
    await host.sh("iptables -N CNI-FORWARD; iptables -N CNI-ADMIN");
    const before = await filterRules(host);
    // the second family fails, so that the first is taken back
    await host.sh(
      `mkdir ${host.directory}/bin; printf '#!/bin/sh\\nexit 1\\n' > ${host.directory}/bin/ip6tables-restore`,
    );
    await host.sh(`chmod +x ${host.directory}/bin/*`);
    const env = { PATH: `${host.directory}/bin:/usr/sbin:/usr/bin` };
    const ran = await firewall(host, "ADD", attached(["10.1.2.3/24", "fd00::3/64"]), { env });
    expect(ran.exitCode).toBe(1);
    expect(await own()).toEqual([]);
    expect((await filterRules(host))[6]).toEqual(before[6]);
    expect(await host.sh("ls /run/dockbridge/*")).toBe("firewall.lock");
  });

  test("without prevResult is an error", async () => {
    const ran = await firewall(host, "ADD");
    expect(JSON.parse(ran.stdout)).toMatchObject({ code: 7, msg: expect.stringContaining("prevResult") });
  });

  test("many at a time, with many DELs: each container has its rules once, or none", async () => {
    const ids = Array.from({ length: 12 }, (_, i) => i);
    const calls = (verb: "ADD" | "DEL", some: readonly number[]) =>
      some.map((i) => succeed(host, verb, attached([`10.1.2.${i + 10}/24`]), { containerId: `c${i}` }));
    await Promise.all(calls("ADD", ids));
    expect(await own()).toHaveLength(24);
    await Promise.all([...calls("DEL", ids.slice(0, 6)), ...calls("ADD", ids.slice(6))]);
    expect(await own()).toHaveLength(12);
    await Promise.all(calls("DEL", ids));
    expect(await own()).toEqual([]);
    expect(await host.sh("ls /run/dockbridge/*")).toBe("firewall.lock");
  });

  test.each([5, 10, 15, 20, 25, 30, 35, 40, 45])(
    "killed after %i ms, its DEL leaves nothing, whatever it knows",
    async (milliseconds) => {
      const running = startPlugin(host, firewallCall("ADD", attached(["10.1.2.3/24", "fd00::3/64"])));
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      running.kill("SIGKILL");
      await running.finished;
      // iptables-restore may be on its way still
      await new Promise((resolve) => setTimeout(resolve, 100));
      await succeed(host, "DEL", undefined);
      expect(await own()).toEqual([]);
    },
  );
});

describe("another ingressPolicy of a bridge", () => {
  const policy = (ingressPolicy: string, containerId = "c1") => ({ config: { ingressPolicy }, containerId });
  const ofBridge = async () =>
    (await host.sh("iptables-save -t filter; ip6tables-save -t filter")).match(/^-A .* b0 .*$/gm);
  const dual = attached(["10.1.2.3/24", "fd00::3/64"]);
  const changes = ["open", "same-bridge", "isolated"].flatMap((from) =>
    ["open", "same-bridge", "isolated"].flatMap((to) => (from === to ? [] : [[from, to] as const])),
  );

  test.each(changes)("from %s to %s, the rules are those of the new one", async (from, to) => {
    await succeed(host, "ADD", dual, policy(to));
    const expected = await ofBridge();
    await host.sh("for i in iptables ip6tables; do $i -F; $i -X; done; rm -r /run/dockbridge");
    await succeed(host, "ADD", dual, policy(from));
    await succeed(host, "DEL", dual, policy(from));
    await succeed(host, "ADD", dual, policy(to, "c2"));
    expect(await ofBridge()).toEqual(expected);
    await succeed(host, "CHECK", dual, policy(to, "c2"));
    await succeed(host, "ADD", dual, policy(from, "c2"));
    await succeed(host, "ADD", dual, policy(to, "c2"));
    expect(await ofBridge()).toEqual(expected);
  });

  test("waits for the last container of the old one, and leaves other bridges", async () => {
    await succeed(host, "ADD", attached(["10.9.0.2/24"], "b9"), policy("isolated", "c9"));
    await succeed(host, "ADD", result, policy("isolated"));
    const before = await ofBridge();
    await succeed(host, "ADD", other, policy("open", "c2"));
    expect(await ofBridge()).toEqual(before);
    for (const [prevResult, calling] of [
      [result, policy("isolated")],
      [other, policy("open", "c2")],
    ] as const)
      await succeed(host, "CHECK", prevResult, calling);
    await succeed(host, "DEL", result, policy("isolated"));
    expect(await ofBridge()).toBe(null);
    await succeed(host, "CHECK", attached(["10.9.0.2/24"], "b9"), policy("isolated", "c9"));
  });

  test("of rules that nobody has noted is named by CHECK", async () => {
    await succeed(host, "ADD", result, policy("isolated"));
    await host.sh("rm /run/dockbridge/*/firewall");
    await succeed(host, "ADD", result, policy("same-bridge"));
    const { code, msg } = JSON.parse((await firewall(host, "CHECK", result, policy("same-bridge"))).stdout);
    expect(code).toBe(999);
    expect(msg.split("; ")).toEqual([
      expect.stringMatching(
        /^the rule "-i b0 ! -o b0 .*" is in CNI-ISOLATION-STAGE-1, but the ingressPolicy of b0 is same/,
      ),
      expect.stringMatching(
        /^the rule "-i b0 -o b0 .* -j DROP" is in CNI-ISOLATION-STAGE-1, but the ingressPolicy of b0 is/,
      ),
    ]);
  });

  test.each([4, 8, 12, 16, 20, 25, 30, 40, 50])(
    "goes again with an ADD that is ended after %i ms",
    async (milliseconds) => {
      const running = startPlugin(host, firewallCall("ADD", dual, policy("isolated")));
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      running.kill("SIGTERM");
      const { exitCode } = await running.finished;
      if (exitCode === 0) return;
      expect(await ofBridge()).toBe(null);
      expect(await own()).toEqual([]);
      expect(await host.sh("ls /run/dockbridge/*/firewall 2> /dev/null || true")).toBe("");
    },
  );

  test("stays after an ADD that fails when somebody else has written it, or needs it", async () => {
    await host.sh(`mkdir ${host.directory}/bin; ln -s /usr/bin/false ${host.directory}/bin/ip6tables-restore`);
    const env = { PATH: `${host.directory}/bin:/usr/sbin:/usr/bin` };
    expect((await firewall(host, "ADD", dual, { ...policy("isolated"), env })).exitCode).toBe(1);
    expect(await ofBridge()).toBe(null);
    await succeed(host, "ADD", other, policy("isolated", "c2"));
    const before = await ofBridge();
    expect((await firewall(host, "ADD", dual, { ...policy("isolated"), env })).exitCode).toBe(1);
    expect(await ofBridge()).toEqual(before);
    await succeed(host, "CHECK", other, policy("isolated", "c2"));
  });
});

describe("GC", () => {
  const gc = (valid: readonly object[], network = "n1") =>
    callPlugin(host, {
      ...firewallCall("GC", undefined),
      config: { cniVersion: "1.1.0", name: network, type: "firewall", "cni.dev/valid-attachments": valid },
    });

  test("removes the rules of containers that are neither valid nor there", async () => {
    for (const id of ["c1", "c2", "c3"]) await host.container(id);
    await succeed(host, "ADD", attached(["10.1.2.1/24"]), { containerId: "c1" });
    await succeed(host, "ADD", attached(["10.1.2.2/24"]), { containerId: "c2" });
    await succeed(host, "ADD", attached(["10.1.2.3/24"]), { containerId: "c3" });
    await host.sh("ip netns del c1; ip netns del c2");
    expect((await gc([], "n2")).exitCode).toBe(0);
    expect(await own()).toHaveLength(6);
    const ran = await gc([{ containerID: "c2", ifname: "eth0" }]);
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({
      exitCode: 0,
      stderr: "GC: removed the firewall rules of c1 eth0 in n1\n",
    });
    expect(await own()).toHaveLength(4);
  });
});

describe("CHECK", () => {
  test("names what is missing or at another place, and changes nothing", async () => {
    await succeed(host, "ADD", result, isolated);
    await succeed(host, "CHECK", result, isolated);
    await host.sh("iptables -D CNI-FORWARD -s 10.1.2.3/32 -j ACCEPT");
    await host.sh(
      "iptables -A CNI-ISOLATION-STAGE-1 -i b0 -o b0 -j RETURN; sysctl -qw net.bridge.bridge-nf-call-iptables=0",
    );
    await host.sh(
      `rule=$(iptables -S CNI-FORWARD | grep -- '-j CNI-ADMIN'); eval "iptables \${rule}"; iptables -D CNI-FORWARD 1`,
    );
    const before = await host.sh("(iptables-save; ip6tables-save) | grep -v ^#");
    const { exitCode, stdout } = await firewall(host, "CHECK", result, isolated);
    expect(exitCode).toBe(1);
    const { code, msg } = JSON.parse(stdout);
    expect(code).toBe(999);
    expect(msg.split("; ")).toEqual([
      "there is no rule of: iptables -t filter -A CNI-FORWARD -s 10.1.2.3/32 -j ACCEPT",
      expect.stringMatching(/^the rule ".* -j CNI-ADMIN" is below "-d 10.1.2.3\/32 .*" in CNI-FORWARD$/),
      "net/bridge/bridge-nf-call-iptables is not 1",
    ]);
    expect(await host.sh("(iptables-save; ip6tables-save) | grep -v ^#")).toBe(before);
  });

  test("on a host without any rules says so, and makes no chain", async () => {
    expect((await firewall(host, "CHECK", result)).exitCode).toBe(1);
    expect(await host.sh("iptables-save | grep -c CNI || true")).toBe("0");
  });
});

describe("STATUS", () => {
  const status = (config = {}) => firewall(host, "STATUS", undefined, { config: { cniVersion: "1.1.0", ...config } });

  test("is good, or tells what is missing", async () => {
    expect(await status()).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(JSON.parse((await status({ backend: "firewalld" })).stdout).code).toBe(2);
    await host.sh("mount -t tmpfs none /usr/sbin");
    expect(JSON.parse((await status()).stdout)).toMatchObject({
      code: 50,
      msg: expect.stringContaining("iptables-restore"),
    });
  });
});

describe("who reaches whom", () => {
  const networks = [
    { id: "a1", bridge: "ba", subnet: "10.1.0.0/24" },
    { id: "a2", bridge: "ba", subnet: "10.1.0.0/24" },
    { id: "b1", bridge: "bb", subnet: "10.2.0.0/24" },
  ];

  async function reach(from: string, ip: string): Promise<boolean> {
    return (await host.run("ip", ["netns", "exec", from, "busybox", "ping", "-c", "1", "-W", "1", ip])).exitCode === 0;
  }

  async function attachAll(policies: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const ips: Record<string, string> = {};
    for (const { id, bridge, subnet } of networks) {
      const netns = await host.container(id);
      const ipam = { type: "host-local", subnet };
      const config = { cniVersion: "1.0.0", name: bridge, type: "bridge", bridge, isDefaultGateway: true, ipam };
      const prevResult = await callSuccessfully(host, { verb: "ADD", config, containerId: id, netns });
      await succeed(host, "ADD", prevResult, {
        containerId: id,
        network: bridge,
        config: { ingressPolicy: policies[bridge] },
      });
      ips[id] = prevResult.ips[0].address.split("/")[0];
    }
    await host.sh("iptables -P FORWARD DROP");
    return ips;
  }

  test.each([
    ["open", "open", { a1: ["a2", "b1"], b1: ["a1", "a2"] }],
    ["same-bridge", "same-bridge", { a1: ["a2"], b1: [] }],
    ["isolated", "isolated", { a1: [], b1: [] }],
    ["isolated", "open", { a1: ["b1"], b1: ["a1", "a2"] }],
  ] as const)("with %s and %s", async (ba, bb, expected) => {
    const ips = await attachAll({ ba, bb });
    for (const from of ["a1", "b1"] as const) {
      const targets = ["a1", "a2", "b1"].filter((id) => id !== from);
      const reached = await Promise.all(targets.map(async (id) => ((await reach(from, ips[id] ?? "")) ? [id] : [])));
      expect(reached.flat()).toEqual(expected[from]);
    }
    expect(await reach("a1", "10.1.0.1")).toBe(true);
  });
});
