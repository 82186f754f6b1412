import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { addAddress, listAddresses } from "../../src/kernel/netlink/address.ts";
import { RTNLGRP_LINK } from "../../src/kernel/netlink/constants.ts";
import { deleteLink, findLinks, listLinks, parseLink, setLink } from "../../src/kernel/netlink/link.ts";
import { listNeighbours } from "../../src/kernel/netlink/neighbour.ts";
import { addBridge } from "../../src/kernel/netlink/new-link.ts";
import { NetlinkSocket, type Outcome } from "../../src/kernel/netlink/socket.ts";
import { cidr } from "../values.ts";
import { leaveTheMachine, ownNetwork } from "./own-network.ts";
import { Side } from "./side.ts";

beforeAll(leaveTheMachine);

const BRIDGE = "ip link add b0 up type bridge";

function b0(side: Side) {
  return { index: findLinks(side.socket, ["b0"])[0]?.index ?? 0, name: "b0" };
}

function addressNumber(side: Side, number: number) {
  return addAddress({ link: b0(side).index, linkName: "b0", cidr: cidr(`10.1.${number >> 8}.${number & 255}/32`) });
}

/** A command line for `ip -batch`, with a line for each number. */
function batch(count: number, line: string): string {
  return `seq 0 ${count - 1} | awk '{ printf "${line}\\n", int($1 / 256), $1 % 256 }' | ip -batch -`;
}

function errnoOf(outcome: Outcome): string | undefined {
  return "error" in outcome ? outcome.error.errno : undefined;
}

describe("a dump", () => {
  test("has all of 300 addresses", async () => {
    await using side = await Side.open(`${BRIDGE}; ${batch(300, "address add 10.1.%d.%d/32 dev b0")}`);
    const addresses = listAddresses(side.socket, b0(side)).filter(({ cidr: { ip } }) => ip.family === 4);
    expect(new Set(addresses.map(({ cidr: { ip } }) => ip.value)).size).toBe(300);
  });

  test("has all of 300 neighbours", async () => {
    await using side = await Side.open(
      `${BRIDGE}; ${batch(300, "neighbour add 10.1.%d.%d lladdr 02:00:00:00:00:01 dev b0")}`,
    );
    // the kernel has made some of its own, for multicast
    const permanent = listNeighbours(side.socket, 4, b0(side).index).filter(({ isPermanent }) => isPermanent);
    expect(new Set(permanent.map(({ ip }) => ip.value)).size).toBe(300);
  });

  test("has all of 100 links", async () => {
    await using side = await Side.open(batch(50, "link add v%d-%d type veth peer"));
    expect(listLinks(side.socket)).toHaveLength(101);
  });

  test("while links come and go has all that stay, or says that it may not", async () => {
    await using side = await Side.open(batch(50, "link add v%d-%d type veth peer"));
    const flapping = "link add b0 type bridge\nlink delete b0\n".repeat(100_000);
    const changes = side.host.start("ip", ["-batch", "-"], { input: flapping });
    let hasEnded = false;
    const ended = changes.finished.then(() => {
      hasEnded = true;
    });
    for (const deadline = Date.now() + 2_000; Date.now() < deadline; await nextTurn()) {
      const outcome = dumpLinks(side);
      if (outcome !== "interrupted") expect(outcome).toBe(101);
    }
    expect(hasEnded, "the links came and went all the time").toBe(false);
    changes.kill("SIGKILL");
    await ended;
    expect(dumpLinks(side)).toBe(101);
  });

  test("that fails throws, and the socket is good for the next request", async () => {
    await using side = await Side.open(BRIDGE);
    expect(() => listAddresses(side.socket, { index: 4711, name: "b9" })).toThrow("list the addresses of b9: ENODEV");
    expect(findLinks(side.socket, ["b0"])[0]?.name).toBe("b0");
    expect(listLinks(side.socket).map(({ name }) => name)).toEqual(["lo", "b0"]);
  });
});

describe("a batch", () => {
  test("in which a request fails carries out those behind it, and has an outcome for each", async () => {
    await using side = await Side.open(BRIDGE);
    const outcomes = side.socket.requestAll([
      addBridge({ name: "b1" }),
      addBridge({ name: "b0" }),
      setLink("b1", { up: true }),
      deleteLink("b9"),
      addBridge({ name: "b2" }),
    ]);
    expect(outcomes.map(errnoOf)).toEqual([undefined, "EEXIST", undefined, "ENODEV", undefined]);
    expect(outcomes.flatMap((outcome) => ("error" in outcome ? [outcome.error.message] : []))).toEqual([
      expect.stringMatching(/^add link b0: EEXIST/),
      expect.stringMatching(/^delete link b9: ENODEV/),
    ]);
    expect(findLinks(side.socket, ["b1", "b2"])).toMatchObject([{ isUp: true }, { isUp: false }]);
  });

  test("has each request's own answer, also behind one that fails", async () => {
    await using side = await Side.open(BRIDGE);
    expect(findLinks(side.socket, ["lo", "b9", "b0", "lo"]).map((link) => link?.name)).toEqual([
      "lo",
      undefined,
      "b0",
      "lo",
    ]);
  });

  test.each([100, 1000])("of %i requests has an outcome for each", async (count) => {
    await using side = await Side.open(BRIDGE);
    const outcomes = side.socket.requestAll(Array.from({ length: count }, (_, i) => addressNumber(side, i)));
    expect(outcomes.filter((outcome) => "error" in outcome)).toEqual([]);
    expect(outcomes).toHaveLength(count);
    expect(await side.sh("ip -4 -oneline address show dev b0 | wc -l")).toBe(String(count));
  });

  test("of 300 questions has an answer to each", async () => {
    await using side = await Side.open(BRIDGE);
    const names = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? "b0" : "lo"));
    expect(findLinks(side.socket, names).map((link) => link?.name)).toEqual(names);
  });
});

describe("a socket", () => {
  test("stays in the namespace it was opened in", async () => {
    await using one = await Side.open("ip link add only-here type bridge");
    await using other = await Side.open();
    const before = ownNetwork();
    expect(findLinks(one.socket, ["only-here"])[0]?.name).toBe("only-here");
    expect(other.netns.run(() => findLinks(one.socket, ["only-here"])[0]?.name)).toBe("only-here");
    expect(findLinks(other.socket, ["only-here"])).toEqual([undefined]);
    expect(ownNetwork()).toBe(before);
  });

  test("that has joined a group is told of changes, and answers requests as before", async () => {
    await using side = await Side.open();
    using events = side.netns.run(() => new NetlinkSocket());
    events.join(RTNLGRP_LINK);
    side.socket.request(addBridge({ name: "b0" }));
    const [news] = events.nextChanges(5_000);
    expect(parseLink(news ?? expect.fail("no message"))).toMatchObject({ name: "b0", kind: "bridge" });
    side.socket.request(addBridge({ name: "b1" }));
    expect(findLinks(events, ["b1"])[0]?.name).toBe("b1");
  });

  test("waits for changes no longer than it is told", async () => {
    await using side = await Side.open();
    using events = side.netns.run(() => new NetlinkSocket());
    events.join(RTNLGRP_LINK);
    const start = performance.now();
    expect(events.nextChanges(200)).toEqual([]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
  });
});

/** How many links there are besides b0. */
function dumpLinks(side: Side): number | "interrupted" {
  try {
    return listLinks(side.socket).filter(({ name }) => name !== "b0").length;
  } catch (error) {
    expect(String(error)).toMatch(/list links, which changed 5 times while being read: EINTR/);
    return "interrupted";
  }
}
