import { createSocket } from "node:dgram";
import { once } from "node:events";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { forgetUdpFlows } from "../../src/kernel/conntrack.ts";
import { listFlows } from "../../src/kernel/netlink/conntrack.ts";
import { openNetfilter } from "../../src/kernel/netlink/nftables.ts";
import { NetlinkSocket } from "../../src/kernel/netlink/socket.ts";
import { printIp } from "../../src/net/ip.ts";
import { ip } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";

const UDP = 17;

beforeAll(() => {
  leaveTheMachine();
  sh(`ip link set lo up
    ip address add 192.0.2.1/24 dev lo; ip address add 198.51.100.2/32 dev lo; ip address add fd00::1/64 dev lo nodad
    ip link add out type veth peer name far; ip link set out up; ip link set far up
    ip address add 203.0.113.1/24 dev out; ip neighbour add 203.0.113.9 lladdr 02:00:00:00:00:01 dev out
    iptables -t nat -A OUTPUT -p udp -d 192.0.2.1 --dport 5300:5399 -j DNAT --to-destination 198.51.100.2
    ip6tables -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT`);
});

let socket: NetlinkSocket;
let host: NetlinkSocket;
/** Another one in each test: flows stay for half a minute. */
let port = 5300;
let other = 0;

beforeEach(() => {
  const opened = openNetfilter();
  if (opened === undefined) throw new Error("this kernel has no netfilter");
  [socket, host] = [opened, new NetlinkSocket()];
  port += 2;
  other = port + 1;
});

async function send(address: string, to: number): Promise<void> {
  const client = createSocket(address.includes(":") ? "udp6" : "udp4");
  client.send("x", to, address);
  await once(client, "listening");
  await new Promise((resolve) => client.close(() => resolve(undefined)));
}

/** Whom flows to the port were for, and who answers. */
const flows = (family: 4 | 6, at = port) =>
  listFlows(socket, family, { protocol: UDP, port: at }).map(
    ({ destination, replySource }) =>
      `${destination === undefined ? "" : printIp(destination)} -> ${replySource === undefined ? "" : printIp(replySource)}`,
  );

async function traffic(): Promise<void> {
  await send("192.0.2.1", port);
  await send("198.51.100.2", port);
  await send("203.0.113.9", port);
  await send("192.0.2.1", other);
  await send("fd00::1", port);
}

describe("tracked connections", () => {
  test("are found by port", async () => {
    await traffic();
    expect(flows(4).sort()).toEqual([
      "192.0.2.1 -> 198.51.100.2",
      "198.51.100.2 -> 198.51.100.2",
      "203.0.113.9 -> 203.0.113.9",
    ]);
    expect(flows(4, other)).toEqual(["192.0.2.1 -> 198.51.100.2"]);
    expect(flows(6)).toEqual(["fd00::1 -> fd00::1"]);
    expect(flows(4, 1)).toEqual([]);
  });

  test("to the host are forgotten, others are not", async () => {
    await traffic();
    const published = { family: 4, hostPort: port, hostIp: undefined, container: undefined } as const;
    forgetUdpFlows([published], host);
    expect(flows(4)).toEqual(["203.0.113.9 -> 203.0.113.9"]);
    expect(flows(4, other)).toHaveLength(1);
    expect(flows(6)).toHaveLength(1);
    forgetUdpFlows([published, { ...published, family: 6 }], host);
    expect(flows(6)).toEqual([]);
  });

  test("to one address of the host are forgotten, those to others are not", async () => {
    await traffic();
    forgetUdpFlows([{ family: 4, hostPort: port, hostIp: ip("192.0.2.1"), container: undefined }], host);
    expect(flows(4).sort()).toEqual(["198.51.100.2 -> 198.51.100.2", "203.0.113.9 -> 203.0.113.9"]);
  });

  test("to a container are forgotten, wherever they were sent", async () => {
    await traffic();
    forgetUdpFlows([{ family: 4, hostPort: port, hostIp: undefined, container: ip("203.0.113.9") }], host);
    expect(flows(4)).toEqual([]);
  });
});
