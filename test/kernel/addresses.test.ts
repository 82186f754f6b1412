import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { addAddress, deleteAddress, listAddresses } from "../../src/kernel/netlink/address.ts";
import { findLinks } from "../../src/kernel/netlink/link.ts";
import { cidr } from "../values.ts";
import { leaveTheMachine } from "./own-network.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const VETH = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up";
const SCOPE_LINK = 253;

function linkOf(side: Side, name = "v0") {
  const link = findLinks(side.socket, [name])[0];
  if (link === undefined) throw new Error(`there is no ${name}`);
  return { link: link.index, linkName: name, index: link.index, name };
}

/** What `ip address show` says of one address. */
async function shown(side: Side, address: string) {
  const { addr_info } = await side.ip("address show dev v0");
  return addr_info.find(({ local }: { local: string }) => local === address);
}

describe("an address that is added", () => {
  test.each([
    { text: "10.1.0.5/24", broadcast: "10.1.0.255" },
    { text: "10.1.0.5/30", broadcast: "10.1.0.7" },
    { text: "10.1.0.4/31", broadcast: undefined },
    { text: "10.1.0.5/32", broadcast: undefined },
    { text: "10.1.0.5/8", broadcast: "10.255.255.255" },
  ])("$text has the broadcast address $broadcast", async ({ text, broadcast }) => {
    await using side = await Side.open(VETH);
    side.socket.request(addAddress({ ...linkOf(side), cidr: cidr(text) }));
    const [local, length] = text.split("/");
    const info = await shown(side, String(local));
    expect(info).toMatchObject({ family: "inet", prefixlen: Number(length), scope: "global" });
    expect(info.broadcast).toBe(broadcast);
  });

  test("of IPv6 waits for duplicate address detection", async () => {
    await using side = await Side.open(VETH);
    side.socket.request(addAddress({ ...linkOf(side), cidr: cidr("fd00::5/64") }));
    expect(await shown(side, "fd00::5")).toMatchObject({ prefixlen: 64, scope: "global", tentative: true });
    expect(listAddresses(side.socket, linkOf(side))).toContainEqual({
      link: linkOf(side).link,
      cidr: cidr("fd00::5/64"),
      scope: 0,
      isTentative: true,
      isDuplicate: false,
    });
  });

  test("of IPv6 without duplicate address detection is good at once", async () => {
    await using side = await Side.open(VETH);
    side.socket.request(addAddress({ ...linkOf(side), cidr: cidr("fd00::5/64"), nodad: true }));
    const info = await shown(side, "fd00::5");
    expect(info).toMatchObject({ nodad: true });
    expect(info.tentative).toBeUndefined();
    expect(find(side, "fd00::5/64")?.isTentative).toBe(false);
  });

  test("of IPv4 takes no offence at nodad", async () => {
    await using side = await Side.open(VETH);
    side.socket.request(addAddress({ ...linkOf(side), cidr: cidr("10.1.0.5/24"), nodad: true }));
    expect(await shown(side, "10.1.0.5")).toMatchObject({ broadcast: "10.1.0.255" });
  });

  test.each(["10.1.0.5/24", "fd00::5/64"])("twice, %s, is EEXIST the second time", async (text) => {
    await using side = await Side.open(VETH);
    const address = { ...linkOf(side), cidr: cidr(text) };
    side.socket.request(addAddress(address));
    expect(() => side.socket.request(addAddress(address))).toThrow(`add address ${text} to v0: EEXIST`);
  });

  test("to a link that is not there is ENODEV", async () => {
    await using side = await Side.open();
    const request = addAddress({ link: 4711, linkName: "v0", cidr: cidr("10.1.0.5/24") });
    expect(() => side.socket.request(request)).toThrow("add address 10.1.0.5/24 to v0: ENODEV");
  });

  test("that cannot be one has the kernel's own words in its error", async () => {
    await using side = await Side.open(VETH);
    const request = addAddress({ ...linkOf(side), cidr: cidr("ff02::5/64") });
    expect(() => side.socket.request(request)).toThrow(/^add address ff02::5\/64 to v0: E\w+: .* \(.*multicast.*\)$/);
  });
});

describe("an address that is deleted", () => {
  test.each(["10.1.0.5/24", "fd00::5/64"])("%s is gone", async (text) => {
    await using side = await Side.open(`${VETH}; ip address add ${text} dev v0`);
    expect(find(side, text)).toBeDefined();
    side.socket.request(deleteAddress({ ...linkOf(side), cidr: cidr(text) }));
    expect(find(side, text)).toBeUndefined();
  });

  test.each(["10.1.0.5/24", "fd00::5/64"])("%s and is not there is EADDRNOTAVAIL", async (text) => {
    await using side = await Side.open(VETH);
    const request = deleteAddress({ ...linkOf(side), cidr: cidr(text) });
    expect(() => side.socket.request(request)).toThrow(`delete address ${text} of v0: EADDRNOTAVAIL`);
  });
});

describe("the list of addresses", () => {
  test("has those of one link, with their scopes", async () => {
    await using side = await Side.open(`${VETH}; ip address add 10.1.0.5/24 dev v0; ip address add 10.2.0.5/24 dev v1`);
    const addresses = listAddresses(side.socket, linkOf(side));
    expect(addresses.map(({ link }) => link)).toEqual([linkOf(side).link, linkOf(side).link]);
    expect(addresses[0]?.cidr).toEqual(cidr("10.1.0.5/24"));
    expect(addresses[1]).toMatchObject({ scope: SCOPE_LINK, cidr: { prefix: 64 } });
  });

  test("has the near address of a point-to-point link", async () => {
    await using side = await Side.open(`${VETH}; ip address add 10.1.0.5 peer 10.1.0.6/32 dev v0`);
    expect(find(side, "10.1.0.5/32")).toBeDefined();
  });

  test("tells an address that another host has", async () => {
    const side = await Side.open(VETH);
    await using _ = side;
    await using other = await Side.open();
    await side.sh(`ip link set v1 netns ${other.host.pid}`);
    await other.sh("ip link set v1 up; ip address add fd00::5/64 dev v1 nodad");
    side.socket.request(addAddress({ ...linkOf(side), cidr: cidr("fd00::5/64") }));
    for (const deadline = Date.now() + 20_000; find(side, "fd00::5/64")?.isDuplicate !== true; await sleep(100)) {
      expect(Date.now(), "the kernel did not find the duplicate").toBeLessThan(deadline);
    }
    expect(find(side, "fd00::5/64")).toMatchObject({ isDuplicate: true });
  });

  test("of a link that is not there is ENODEV", async () => {
    await using side = await Side.open();
    expect(() => listAddresses(side.socket, { index: 4711, name: "v0" })).toThrow("list the addresses of v0: ENODEV");
  });
});

function find(side: Side, text: string) {
  const { ip, prefix } = cidr(text);
  return listAddresses(side.socket, linkOf(side)).find(
    (address) => address.cidr.ip.value === ip.value && address.cidr.prefix === prefix,
  );
}
