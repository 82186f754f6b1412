// Every network of conf/ through cnitool: what conf/README.md says of it holds, and nothing is left.
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CnitoolCall, cnitool, writeConflists } from "../harness/cnitool.ts";
import { Host } from "../harness/host.ts";
import { connectHosts, probe, serve } from "../harness/traffic.ts";

let host: Host;
let outside: Host;

beforeEach(async () => {
  [host, outside] = [await Host.start(), await Host.start()];
  await connectHosts(host, outside, { a: "192.0.2.1/24", b: "192.0.2.2/24" });
  await outside.sh("ip route add default via 192.0.2.1");
});
afterEach(async () => {
  await outside[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const outsideAddress = "192.0.2.2";
const hostAddress = "192.0.2.1";
const fast = 1_000_000_000;
const limits = { ingressRate: fast, ingressBurst: fast, egressRate: fast, egressBurst: fast };
/** Each plugin gets those that it declares. */
const capabilities = JSON.stringify({
  portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
  bandwidth: limits,
});

/** What the server sees of each client: `ours` is the client's own address, `host` the host's. */
interface Reach {
  readonly neighbour: "ours" | "-";
  readonly outside: "ours" | "host" | "no route";
  /** The machine outside, at the port of the host and at the container's own address. */
  readonly published: "ours" | "-" | "refused";
  readonly direct: "ours" | "-";
}

const expected: Readonly<Record<string, Reach>> = {
  "10-docker0.conflist": { neighbour: "ours", outside: "host", published: "ours", direct: "-" },
  "20-user-network.conflist": { neighbour: "ours", outside: "host", published: "ours", direct: "-" },
  "30-internal.conflist": { neighbour: "ours", outside: "no route", published: "refused", direct: "-" },
  "40-icc-off.conflist": { neighbour: "-", outside: "host", published: "ours", direct: "-" },
  "50-dual-stack.conflist": { neighbour: "ours", outside: "host", published: "ours", direct: "-" },
  "60-routed.conflist": { neighbour: "ours", outside: "ours", published: "refused", direct: "ours" },
  "80-same-bridge.conflist": { neighbour: "ours", outside: "host", published: "ours", direct: "ours" },
  "90-kubernetes.conflist": { neighbour: "ours", outside: "host", published: "refused", direct: "ours" },
  "91-kubernetes-limits.conflist": { neighbour: "ours", outside: "host", published: "ours", direct: "ours" },
};

const macvlan = "70-macvlan.conflist";

test("every file has its expectations", () => {
  const files = readdirSync("conf").filter((file) => file.endsWith(".conflist"));
  expect(files.filter((file) => file !== macvlan)).toEqual(Object.keys(expected));
  expect(files).toContain(macvlan);
});

test(macvlan, async () => {
  await host.sh("ip link set uplink down; ip link set uplink name eth0; ip link set eth0 up");
  await host.sh("ip address flush dev eth0; ip address add 192.168.1.10/24 dev eth0");
  await outside.sh("ip address add 192.168.1.1/24 dev uplink");
  const directory = writeConflists(host, { [macvlan]: readFileSync(`conf/${macvlan}`, "utf8") });
  const run = async (verb: CnitoolCall["verb"], name: string) => {
    const call = { verb, network: "lan", netns: `/run/netns/${name}`, directory };
    const { exitCode, stdout, stderr } = await cnitool(host, call);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    return stdout;
  };
  const [one, two] = ["one", "two"].map((name) => ({ host, netns: `/run/netns/${name}` }) as const);
  if (one === undefined || two === undefined) throw new Error("two spots were made");
  await host.sh("ip netns add one; ip netns add two");
  await run("status", "one");
  expect(JSON.parse(await run("add", "one")).ips[0].address).toBe("192.168.1.192/24");
  await run("add", "two");
  await run("check", "one");
  for (const spot of [one, { host }, { host: outside }]) await serve(spot, 80);
  // a neighbour, the host, the router, and what is behind it
  const addresses = ["192.168.1.192", "192.168.1.10", "192.168.1.1", outsideAddress];
  expect(
    await probe(
      two,
      addresses.map((address) => ["tcp", address, 80]),
    ),
  ).toEqual(addresses.map(() => "192.168.1.193"));
  expect(await probe({ host }, [["tcp", "192.168.1.192", 80]])).toEqual(["192.168.1.10"]);
  expect(await probe({ host: outside }, [["tcp", "192.168.1.192", 80]])).toEqual(["192.168.1.1"]);
  await run("del", "one");
  await run("del", "two");
  expect(await host.sh("ip -brief link | wc -l; ip route")).toBe(
    "2\n192.168.1.0/24 dev eth0 proto kernel scope link src 192.168.1.10",
  );
  expect(await host.sh("ls /var/lib/cni/networks/lan | grep -v -e last_ -e lock || true")).toBe("");
}, 30_000);

test.each(Object.entries(expected))(
  "%s",
  async (file, reach) => {
    const text = readFileSync(`conf/${file}`, "utf8");
    const directory = writeConflists(host, { [file]: text });
    const network: string = JSON.parse(text).name;
    const run = async (verb: CnitoolCall["verb"], name: string, withPorts = false) => {
      const call = { verb, network, netns: `/run/netns/${name}`, directory };
      const { exitCode, stdout, stderr } = await cnitool(
        host,
        withPorts ? { ...call, env: { CAP_ARGS: capabilities } } : call,
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      return stdout;
    };
    const [one, two] = ["one", "two"].map((name) => ({ host, netns: `/run/netns/${name}` }) as const);
    if (one === undefined || two === undefined) throw new Error("two spots were made");
    for (const { netns } of [one, two]) await host.sh(`ip netns add ${netns.split("/").at(-1)}`);
    await run("status", "one");
    const address = JSON.parse(await run("add", "one", true)).ips[0].address.split("/")[0];
    const neighbour = JSON.parse(await run("add", "two")).ips[0].address.split("/")[0];
    await run("check", "one", true);
    await run("check", "two");

    for (const spot of [one, { host: outside }]) await serve(spot, 80);
    const meaning = { ours: neighbour, host: hostAddress, "-": "-", refused: "refused", "no route": "ENETUNREACH" };
    expect(
      await probe(two, [
        ["tcp", address, 80],
        ["tcp", outsideAddress, 80],
      ]),
    ).toEqual([meaning[reach.neighbour], meaning[reach.outside]]);
    const fromOutside = { ...meaning, ours: outsideAddress };
    expect(
      await probe({ host: outside }, [
        ["tcp", hostAddress, 8080],
        ["tcp", address, 80],
      ]),
    ).toEqual([fromOutside[reach.published], fromOutside[reach.direct]]);

    await run("del", "one", true);
    await run("del", "two");
    expect(await host.sh("ip -oneline link | grep -e veth -e ifb -e bwp | grep -vc uplink || true")).toBe("0");
    expect(
      await host.sh(
        `(iptables-save; ip6tables-save) | grep -c -e '${address.replace(/\.\d+\.\d+$/, "")}' -e br- -e cni0 -e CNI-DN -e docker0 || true`,
      ),
    ).toBe("0");
    expect(await host.sh(`ls /var/lib/cni/networks/${network} | grep -v -e last_ -e lock || true`)).toBe("");
  },
  30_000,
);
