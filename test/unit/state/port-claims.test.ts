import { describe, expect, test } from "vitest";
import type { HostPort } from "../../../src/net/host-port.ts";
import { PortClaims } from "../../../src/state/port-claims.ts";
import { ip } from "../../values.ts";

const port = (number: number, address?: string): HostPort => ({
  family: 4,
  protocol: "tcp",
  port: number,
  ip: address === undefined ? undefined : ip(address),
});

function line(containerId: string, ports: readonly object[], addresses: readonly string[]): string {
  return JSON.stringify({
    network: "n",
    plugin: "portmap",
    containerId,
    ifname: "eth0",
    ports,
    addresses,
    remains: [],
    nft: [],
  });
}

const file = [
  '{"format":2}',
  line("c1", [{ family: 4, protocol: "tcp", port: 8080 }], ["10.0.0.2"]),
  line("c10", [{ family: 4, protocol: "tcp", port: 80, ip: "192.0.2.1" }], ["10.0.0.20"]),
  line('c"2', [{ family: 4, protocol: "tcp", port: 30_000 }], ["2001:db8::2"]),
  "",
].join("\n");
const idsOf = (claims: ReturnType<PortClaims["all"]>) => claims.map(({ containerId }) => containerId);

describe("claims", () => {
  const claims = new PortClaims(file);

  test("are a line each", () => {
    expect(idsOf(claims.all())).toEqual(["c1", "c10", 'c"2']);
    expect(claims.all()[1]?.ports).toEqual([port(80, "192.0.2.1")]);
    expect(claims.all()[0]?.ports).toEqual([port(8080)]);
  });

  test.for([
    ["of a container", { containerId: "c1" }, ["c1"]],
    ["of one whose id has to be quoted", { containerId: 'c"2' }, ['c"2']],
    ["for a port", { containerId: "x", ports: [port(8080)] }, ["c1"]],
    ["for a port of one address", { containerId: "x", ports: [port(80)] }, ["c10"]],
    ["for a port that begins like another", { containerId: "x", ports: [port(3000), port(808)] }, []],
    ["of a container with the address", { containerId: "x", addresses: ["10.0.0.2", "2001:db8::2"] }, ["c1", 'c"2']],
    ["of several", { containerId: "c10", ports: [port(30_000)] }, ["c10", 'c"2']],
  ] as const)("%s are found", ([, question, ids]) => {
    expect(idsOf(claims.about(question))).toEqual(ids);
  });

  test.for([
    ["nothing", ""],
    ["another format", file.replace("2}", "3}")],
    ["lines that are no claims", '{"format":2}\n5\nnull\n{}\n{"network":"n","ports":[]}\n{'],
  ])("are none in %s", ([, text]) => {
    expect(new PortClaims(text ?? "").all()).toEqual([]);
  });
});
