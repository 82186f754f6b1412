// Who reaches whom, cell by cell, in networks of every kind: Docker Engine 29 without its proxy. Real packets, TCP and UDP.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { connectHosts, type Probe, probe, serve } from "../../harness/traffic.ts";
import { attach } from "./docker.ts";

let host: Host;
let outside: Host;

/** Which port of the host leads where; 80 and 81 are served by each container, 80 alone is published. */
const port = { a1: 8080, b1: 8081, n1: 8082, u1: 8083, r1: 8084, loopback: 8085 } as const;
const web = (hostPort: number, hostIP?: string) =>
  (["tcp", "udp"] as const).map((protocol) => ({
    hostPort,
    containerPort: 80,
    protocol,
    ...(hostIP === undefined ? {} : { hostIP }),
  }));

/** Each network has its own third byte in 10.9.0.0/16 and fd00:9::/32, and its containers .2, .3. */
const networks = {
  a: { net: 1, docker: {}, containers: { a1: [...web(port.a1), ...web(port.loopback, "127.0.0.1")], a2: [] } },
  b: { net: 2, docker: {}, containers: { b1: web(port.b1) } },
  n: { net: 3, docker: { icc: false }, containers: { n1: web(port.n1), n2: [] } },
  i: { net: 4, docker: { internal: true }, containers: { i1: [], i2: [] } },
  r: {
    net: 5,
    docker: { gatewayModeIPv4: "routed", gatewayModeIPv6: "routed" },
    containers: { r1: web(port.r1) },
  },
  u: {
    net: 6,
    docker: { gatewayModeIPv4: "nat-unprotected", gatewayModeIPv6: "nat-unprotected" },
    containers: { u1: web(port.u1) },
  },
} as const;

const subnet = (family: 4 | 6, net: number) => (family === 4 ? `10.9.${net}.0/24` : `fd00:9:${net}::/64`);
const addressIn = (family: 4 | 6, net: number, n: number) =>
  family === 4 ? `10.9.${net}.${n}` : `fd00:9:${net}::${n}`;

/** Names of addresses: of containers, of gateways (`gw-a`), of the host and the machine outside. */
function addressOf(family: 4 | 6, name: string): string {
  if (name === "host") return family === 4 ? "203.0.113.1" : "fd00:8::1";
  if (name === "outside") return family === 4 ? "203.0.113.2" : "fd00:8::2";
  if (name === "localhost") return family === 4 ? "127.0.0.1" : "::1";
  const network = networks[name.replace("gw-", "").charAt(0) as keyof typeof networks];
  return addressIn(family, network.net, name.startsWith("gw-") ? 1 : Number(name.charAt(1)) + 1);
}

beforeAll(async () => {
  [host, outside] = [await Host.start(), await Host.start()];
  await connectHosts(host, outside, { a: "203.0.113.1/24", b: "203.0.113.2/24" });
  await host.sh("ip address add fd00:8::1/64 dev uplink nodad");
  await outside.sh("ip address add fd00:8::2/64 dev uplink nodad");
  for (const [name, { net, docker, containers }] of Object.entries(networks)) {
    const ranges = [[{ subnet: subnet(4, net) }], [{ subnet: subnet(6, net) }]];
    const config = {
      ...{ cniVersion: "1.1.0", name, type: "bridge", bridge: `br-${name}`, docker },
      ipam: { type: "host-local", ranges },
    };
    for (const [id, ports] of Object.entries(containers)) {
      await attach(host, { config, name: id, ports });
      await serve({ host, netns: `/run/netns/${id}` }, 80, 81);
    }
  }
  await outside.sh("ip route add 10.9.0.0/16 via 203.0.113.1; ip -6 route add fd00:9::/32 via fd00:8::1");
  // by hand, to show that it is not for the want of a route
  await host.sh("ip -n i1 route add default via 10.9.4.1; ip -n i1 -6 route add default via fd00:9:4::1");
  await serve({ host }, 90);
  await serve({ host: outside }, 80);
}, 60_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await outside?.[Symbol.asyncDispose]();
});

const spot = (name: string) => {
  if (name === "outside") return { host: outside };
  return name === "host" ? { host } : { host, netns: `/run/netns/${name}` };
};

/** Row of the reference, from, to, and at which address the server sees the client; `-` for nothing. */
type Cell = readonly [row: number, from: string, to: string, expected: string];

const cells: readonly Cell[] = [
  [1, "a1", "a2:80", "a1"],
  [1, "a2", "a1:81", "a2"],
  [1, "a1", "a2 ping", "answered"],
  [2, "n2", "n1:80", "-"],
  [2, "n1", "n2:81", "-"],
  [2, "n1", "n2 ping", "-"],
  [4, "b1", "a1:81", "-"],
  [4, "b1", "a2:80", "-"],
  [4, "b1", "a1 ping", "-"],
  [5, "b1", "a1:80", "-"],
  [5, "n1", "b1:80", "-"],
  [6, "outside", "a1:81", "-"],
  [6, "outside", "a2:80", "-"],
  [7, "outside", "a1:80", "-"],
  [7, "outside", "n1:80", "-"],
  [8, "outside", `host:${port.a1}`, "outside"],
  [8, "outside", `host:${port.n1}`, "outside"],
  [8, "outside", `host:${port.u1}`, "outside"],
  [10, "outside", "a1 ping", "-"],
  [11, "a1", "gw-a:90", "a1"],
  [11, "a1", "host:90", "a1"],
  [11, "n1", "gw-n:90", "n1"],
  [12, "a1", "outside:80", "host"],
  [12, "n1", "outside:80", "host"],
  [12, "u1", "outside:80", "host"],
  [12, "a1", "outside ping", "answered"],
  [14, "a1", `host:${port.a1}`, "gw-a"],
  [14, "a1", `gw-a:${port.a1}`, "gw-a"],
  [15, "n1", `host:${port.n1}`, "-"],
  [17, "a2", `host:${port.a1}`, "a2"],
  [17, "a2", `gw-a:${port.a1}`, "a2"],
  [18, "n2", `host:${port.n1}`, "-"],
  [20, "b1", `host:${port.a1}`, "gw-a"],
  [20, "b1", `gw-b:${port.a1}`, "gw-a"],
  [20, "a1", `host:${port.n1}`, "gw-n"],
  [22, "host", "a1:80", "gw-a"],
  [22, "host", "a1:81", "gw-a"],
  [22, "host", "n2:81", "gw-n"],
  [23, "host", `host:${port.a1}`, "gw-a"],
  [25, "i1", "outside:80", "-"],
  [25, "i1", "outside ping", "-"],
  [26, "i1", "i2:80", "i1"],
  [26, "i2", "i1 ping", "answered"],
  [27, "i1", "gw-i:90", "i1"],
  [27, "i1", "host:90", "i1"],
  [28, "i1", `gw-i:${port.a1}`, "-"],
  [28, "i1", `host:${port.a1}`, "-"],
  [29, "i1", "a1:80", "-"],
  [29, "i1", "u1:80", "-"],
  [29, "i1", "r1:80", "-"],
  [30, "outside", "i1:80", "-"],
  [30, "b1", "i1:80", "-"],
  [30, "r1", "i1:80", "-"],
  [31, "host", "i1:80", "gw-i"],
  [32, "outside", "r1:80", "outside"],
  [32, "outside", "r1:81", "-"],
  [32, "outside", "r1 ping", "answered"],
  [33, "a1", "r1:80", "gw-r"],
  [33, "a1", "r1:81", "-"],
  [33, "a1", "r1 ping", "answered"],
  [34, "r1", "outside:80", "r1"],
  [35, "outside", "u1:80", "outside"],
  [35, "outside", "u1:81", "outside"],
  [35, "outside", "u1 ping", "answered"],
  [36, "a1", "u1:80", "gw-u"],
  [36, "a1", "u1:81", "gw-u"],
  [36, "a1", "u1 ping", "answered"],
];

function probeOf(family: 4 | 6, way: "tcp" | "udp", to: string): Probe {
  const [, name = "", wanted = ""] = /^([^ :]+)[ :](\w+)$/.exec(to) ?? [];
  const address = addressOf(family, name);
  return wanted === "ping" ? ["ping", address] : [way, address, Number(wanted)];
}

/** All cells of one source at once. */
async function answersTo(
  family: 4 | 6,
  way: "tcp" | "udp",
  asked: readonly Cell[],
): Promise<ReadonlyMap<Cell, string>> {
  const sources = [...new Set(asked.map(([, from]) => from))];
  const answers = await Promise.all(
    sources.map(async (source) => {
      const own = asked.filter(([, from]) => from === source);
      const found = await probe(
        spot(source),
        own.map(([, , to]) => probeOf(family, way, to)),
      );
      return own.map((cell, i) => [cell, found[i] ?? ""] as const);
    }),
  );
  return new Map(answers.flat());
}

describe.each([
  [4, "tcp"],
  [4, "udp"],
  [6, "tcp"],
  [6, "udp"],
] as const)("IPv%d %s", (family, way) => {
  let answers: ReadonlyMap<Cell, string>;

  beforeAll(async () => {
    answers = await answersTo(family, way, cells);
  }, 60_000);

  test.each(cells)("row %d: %s -> %s: %s", (...cell) => {
    const [, , , expected] = cell;
    const found = [...answers].find(([key]) => key.every((value, i) => value === cell[i]))?.[1];
    expect(found).toBe(expected === "-" || expected === "answered" ? expected : addressOf(family, expected));
  });
});

describe("what only IPv4 has", () => {
  test.each(["tcp", "udp"] as const)("row 24: the host reaches a published port at 127.0.0.1 by %s", async (way) => {
    const found = await probe({ host }, [
      [way, "127.0.0.1", port.a1],
      [way, "127.0.0.1", port.loopback],
    ]);
    expect(found).toEqual([addressOf(4, "gw-a"), addressOf(4, "gw-a")]);
  });

  test("row 21: a port on 127.0.0.1 is closed on other addresses of the host", async () => {
    const address = addressOf(4, "host");
    expect(await probe(spot("a2"), [["tcp", address, port.loopback]])).toEqual(["refused"]);
    expect(await probe(spot("outside"), [["tcp", address, port.loopback]])).toEqual(["refused"]);
  });

  test("row 9: a forged packet from outside does not reach it; without the rule of the raw table it would", async () => {
    await outside.sh(`ip route del local 127.0.0.0/8 dev lo table local; ip route del local 127.0.0.1 dev lo table local
      echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
      ip route add 127.0.0.1/32 via 203.0.113.1 dev uplink src 203.0.113.2`);
    const forged = () => probe(spot("outside"), [["udp", "127.0.0.1", port.loopback]]);
    // whether an answer finds its way back is another matter: it is the packet that counts
    const received = async () =>
      Number(await host.sh("iptables -t nat -vnxL DOCKER | awk '/dpt:8085/ && /udp/ {print $1}'"));
    const before = await received();
    await forged();
    expect(await received()).toBe(before);
    await host.sh("iptables -t raw -D PREROUTING -d 127.0.0.1/32 ! -i lo -p udp -m udp --dport 8085 -j DROP");
    await forged();
    expect(await received()).toBeGreaterThan(before);
  });
});

test("row 3: icc off needs bridged traffic to meet the rules", async () => {
  expect(await probe(spot("n2"), [["tcp", addressOf(4, "n1"), 80]])).toEqual(["-"]);
  await host.sh("echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables");
  expect(await probe(spot("n2"), [["tcp", addressOf(4, "n1"), 80]])).toEqual([addressOf(4, "n2")]);
});
