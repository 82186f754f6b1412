import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { connect, createServer } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { bindInet, inetSocket } from "../../src/kernel/libc.ts";
import { isPortTaken } from "../../src/kernel/port-probe.ts";
import { ipToBytes } from "../../src/net/ip.ts";
import { ip } from "../values.ts";
import { leaveTheMachine, sh } from "./own-network.ts";

beforeAll(() => {
  leaveTheMachine();
  sh("ip link set lo up; ip address add 192.0.2.1/24 dev lo; ip address add fd00::1/64 dev lo nodad");
});

const any = { family: 4, protocol: "tcp", port: 8080, ip: undefined } as const;

test("a port that nobody has is free, again and again", () => {
  for (const protocol of ["tcp", "udp", "sctp"] as const) {
    for (const family of [4, 6] as const) {
      for (let i = 0; i < 3; i++) expect(isPortTaken({ ...any, family, protocol })).toBe(false);
    }
  }
});

test("an address that the host does not have is nobody's", () => {
  expect(isPortTaken({ ...any, ip: ip("203.0.113.1") })).toBe(false);
  expect(isPortTaken({ ...any, family: 6, ip: ip("2001:db8::1") })).toBe(false);
});

describe("a TCP server", () => {
  test.for([
    ["0.0.0.0", { ip: undefined }, true],
    ["0.0.0.0", { ip: ip("192.0.2.1") }, true],
    ["192.0.2.1", { ip: undefined }, true],
    ["192.0.2.1", { ip: ip("192.0.2.1") }, true],
    ["192.0.2.1", { ip: ip("127.0.0.1") }, false],
    ["0.0.0.0", { family: 6 }, false],
    ["0.0.0.0", { protocol: "udp" }, false],
    ["0.0.0.0", { port: 8081 }, false],
    ["fd00::1", { family: 6 }, true],
    ["fd00::1", { family: 6, ip: ip("fd00::1") }, true],
    ["fd00::1", { family: 6, ip: ip("::1") }, false],
    ["::", { family: 4 }, true],
  ] as const)("at %s, asked for %o: %s", async ([address, asked, expected]) => {
    const server = createServer().listen(8080, address);
    await once(server, "listening");
    expect(isPortTaken({ ...any, ...asked })).toBe(expected);
    server.close();
  });

  test("that has ended with clients leaves the port", async () => {
    const server = createServer((socket) => socket.end()).listen(8080);
    await once(server, "listening");
    const client = connect(8080, "127.0.0.1");
    await once(client, "close");
    server.close();
    await once(server, "close");
    expect(isPortTaken(any)).toBe(false);
  });
});

test.for([
  { protocol: "tcp", number: 6 },
  { protocol: "udp", number: 17 },
] as const)(
  "a socket of $protocol that is bound and would share the port has it, although it does not listen",
  ({ protocol, number }) => {
    const socket = inetSocket({ isIpv6: false, isStream: protocol === "tcp", protocol: number, reuse: true });
    bindInet(socket, ipToBytes(ip("0.0.0.0")), 8090);
    expect(isPortTaken({ ...any, protocol, port: 8090 })).toBe(true);
    closeSync(socket);
    expect(isPortTaken({ ...any, protocol, port: 8090 })).toBe(false);
  },
);

test("a UDP server has its port, and not that of TCP", async () => {
  const server = createSocket("udp4").bind(8080);
  await once(server, "listening");
  expect([isPortTaken({ ...any, protocol: "udp" }), isPortTaken(any)]).toEqual([true, false]);
  server.close();
});
