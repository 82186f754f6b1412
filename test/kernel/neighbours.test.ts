import { beforeAll, describe, expect, test } from "vitest";
import { findLinks } from "../../src/kernel/netlink/link.ts";
import { deleteNeighbour, listNeighbours, replaceNeighbour } from "../../src/kernel/netlink/neighbour.ts";
import { ip, mac } from "../values.ts";
import { leaveTheMachine } from "./own-network.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const NETWORK = `ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;
  ip address add 10.1.0.5/24 dev v0; ip address add fd00::5/64 dev v0 nodad`;
const address = mac("02:00:00:00:00:09");

function v0(side: Side): number {
  return findLinks(side.socket, ["v0"])[0]?.index ?? 0;
}

describe.each([
  { family: 4, text: "10.1.0.9" },
  { family: 6, text: "fd00::9" },
] as const)("a neighbour of IPv$family", ({ family, text }) => {
  test.each([
    { isPermanent: true, state: "PERMANENT" },
    { isPermanent: false, state: "REACHABLE" },
  ])("is set as $state", async ({ isPermanent, state }) => {
    await using side = await Side.open(NETWORK);
    const neighbour = { link: v0(side), ip: ip(text), mac: address, isPermanent };
    side.socket.request(replaceNeighbour(neighbour));
    expect(await side.ip(`neighbour show ${text} dev v0`)).toMatchObject({
      dst: text,
      lladdr: address,
      state: [state],
    });
    expect(listNeighbours(side.socket, family, v0(side))).toContainEqual(neighbour);
  });

  test("gets a new MAC address in place of its old one", async () => {
    await using side = await Side.open(`${NETWORK}; ip neighbour add ${text} lladdr 02:00:00:00:00:01 dev v0`);
    side.socket.request(replaceNeighbour({ link: v0(side), ip: ip(text), mac: address, isPermanent: true }));
    expect(await side.ip(`neighbour show ${text} dev v0`)).toMatchObject({ lladdr: address });
  });

  test("is deleted", async () => {
    await using side = await Side.open(`${NETWORK}; ip neighbour add ${text} lladdr ${address} dev v0`);
    side.socket.request(deleteNeighbour({ link: v0(side), ip: ip(text) }));
    const rest = listNeighbours(side.socket, family, v0(side));
    expect(rest.filter((neighbour) => neighbour.ip.value === ip(text).value && neighbour.mac !== undefined)).toEqual(
      [],
    );
  });

  test("that is not there is ENOENT when it is deleted", async () => {
    await using side = await Side.open(NETWORK);
    const request = deleteNeighbour({ link: v0(side), ip: ip(text) });
    expect(() => side.socket.request(request)).toThrow(`delete neighbour ${text}: ENOENT`);
  });

  test("of another link or family is not listed", async () => {
    const other = family === 4 ? "fd00::9" : "10.1.0.9";
    await using side = await Side.open(
      `${NETWORK}; ip neighbour add ${text} lladdr ${address} dev v1; ip neighbour add ${other} lladdr ${address} dev v0`,
    );
    const listed = listNeighbours(side.socket, family, v0(side));
    expect(listed.filter((neighbour) => neighbour.mac === address)).toEqual([]);
  });
});

test("a neighbour that does not answer has no MAC address", async () => {
  await using side = await Side.open(`${NETWORK}; ip neighbour add 10.1.0.7 dev v0 nud incomplete`);
  expect(listNeighbours(side.socket, 4, v0(side))).toEqual([
    { link: v0(side), ip: ip("10.1.0.7"), mac: undefined, isPermanent: false },
  ]);
});
