// hostAccess: the host is on the link of its macvlans, as long as one of them is there, and nobody else notices.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostOn, type Lan, macvlanConfig, outsideOn, startLan } from "../../harness/lan.ts";
import { callPlugin, callSuccessfully } from "../../harness/plugin.ts";
import { probe, serve } from "../../harness/traffic.ts";

const config = { ...macvlanConfig, hostAccess: true };
const [one, two] = ["192.0.2.50", "192.0.2.51"];
const [one6, two6] = ["2001:db8::50", "2001:db8::51"];

let lan: Lan;
beforeEach(async () => {
  lan = await startLan();
});
afterEach(() => lan[Symbol.asyncDispose]());

const spot = (name: string) => ({ host: lan.host, netns: `/run/netns/${name}` });
const callOf = (verb: "ADD" | "DEL", name: string, more: object = {}) =>
  ({
    verb,
    plugin: "macvlan",
    containerId: name,
    netns: `/run/netns/${name}`,
    config: { ...config, ...more },
  }) as const;

async function attach(name: string, more: object = {}) {
  await lan.host.container(name);
  return callSuccessfully(lan.host, callOf("ADD", name, more));
}

/** Everything of the host's that a macvlan could change. */
async function state(): Promise<string> {
  const commands = ["ip link", "ip address", "ip route show table all", "ip -6 route show table all", "ip rule"];
  const outputs = await lan.host.sh(`${commands.join("; ")}; cat /etc/resolv.conf; ls /run/dockbridge/*/ || true`);
  return outputs.replaceAll(/ttl \d+|expires \d+sec|\/run\/dockbridge.*\n?|lock\n?/g, "").trim();
}

const hostLinks = () => lan.host.sh("ip -brief link | grep -c ^mvhost || true");

async function expectReached(name: string, addresses: readonly string[]): Promise<void> {
  await serve(spot(name), 80);
  expect(
    await probe(
      { host: lan.host },
      addresses.map((address) => ["tcp", address, 80]),
    ),
  ).toEqual(addresses.map((address) => (address.includes(":") ? hostOn[6] : hostOn[4])));
}

test.each([
  ["the first one goes first", ["c1", "c2"]],
  ["the last one goes first", ["c2", "c1"]],
])("both ways, both families, two containers; %s", async (_, order) => {
  const before = await state();
  await attach("c1");
  await attach("c2");
  expect(await hostLinks()).toBe("1");
  await serve({ host: lan.host }, 8080);
  await serve({ host: lan.outside }, 443);
  await expectReached("c1", [one, one6]);
  await expectReached("c2", [two, two6]);
  for (const [name, own, own6] of [
    ["c1", one, one6],
    ["c2", two, two6],
  ] as const) {
    expect(
      await probe(spot(name), [
        ["tcp", hostOn[4], 8080],
        ["udp", hostOn[4], 8080],
        ["tcp", hostOn[6], 8080],
        ["tcp", outsideOn[4], 443],
        ["tcp", outsideOn[6], 443],
      ]),
    ).toEqual([own, own, own6, own, own6]);
  }
  expect(
    await probe(spot("c2"), [
      ["tcp", one, 80],
      ["tcp", one6, 80],
    ]),
  ).toEqual([two, two6]);

  const [leaver = "", stayer = ""] = order;
  await callSuccessfully(lan.host, callOf("DEL", leaver));
  const [mine, mine6] = stayer === "c1" ? [one, one6] : [two, two6];
  expect(await probe({ host: lan.host }, [["tcp", mine, 80]])).toEqual([hostOn[4]]);
  expect(await probe({ host: lan.host }, [["tcp", mine6, 80]])).toEqual([hostOn[6]]);
  expect(await probe(spot(stayer), [["tcp", hostOn[6], 8080]])).toEqual([mine6]);
  expect(await lan.host.sh("ip route | grep -c mvhost; ip -6 route | grep -c '^2001.*mvhost'")).toBe("1\n1");
  await callSuccessfully(lan.host, callOf("DEL", leaver));
  await callSuccessfully(lan.host, callOf("DEL", stayer));
  expect(await state()).toBe(before);
});

test("other machines know the host by its own MAC address, before, meanwhile and after", async () => {
  const own = JSON.parse(await lan.host.sh("ip -json link show uplink"))[0].address;
  const macOf = async (address: string) => {
    await lan.outside.sh("ip neighbour flush all");
    await probe({ host: lan.outside }, [["ping", address]]);
    return (await lan.outside.sh(`ip neighbour show ${address}`)).split(" ")[4];
  };
  await attach("c1");
  // what is on the wire from now on, until the host has talked to the container in both families
  const dump = lan.outside.start("tcpdump", ["-l", "-n", "-e", "-i", "uplink", "arp or icmp6"]);
  await lan.outside.sh("sleep 0.5");
  await expectReached("c1", [one, one6]);
  await probe(spot("c1"), [["ping", hostOn[4]]]);
  await probe(spot("c1"), [["ping", hostOn[6]]]);
  for (const address of Object.values(hostOn)) expect(await macOf(address)).toBe(own);
  dump.kill("SIGTERM");
  const link = JSON.parse(await lan.host.sh("ip -json link show | sed 's/},$/},/'")).find((each: { ifname: string }) =>
    each.ifname.startsWith("mvhost"),
  );
  const { stdout } = await dump.finished;
  expect(stdout).toContain("who-has 192.0.2.1");
  const lines = stdout.split("\n").filter((line) => line.includes(link.address));
  expect(lines.filter((line) => line.includes(hostOn[4]) || line.includes("tgt is 2001:db8::1,"))).toEqual([]);
  await callSuccessfully(lan.host, callOf("DEL", "c1"));
  for (const address of Object.values(hostOn)) expect(await macOf(address)).toBe(own);
});

test("the host on another subnet than the containers: they have a route to it", async () => {
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.7.0.0/24" }], [{ subnet: "fd00:7::/64" }]] };
  const result = await attach("c1", { ipam });
  expect(result.routes.map((route: { dst: string }) => route.dst)).toEqual(["192.0.2.1/32", "2001:db8::1/128"]);
  await serve({ host: lan.host }, 8080);
  await expectReached("c1", ["10.7.0.2", "fd00:7::2"]);
  expect(
    await probe(spot("c1"), [
      ["tcp", hostOn[4], 8080],
      ["tcp", hostOn[6], 8080],
    ]),
  ).toEqual(["10.7.0.2", "fd00:7::2"]);
});

test("a parent without address: the host's address on the way out", async () => {
  await lan.host.sh("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up");
  await lan.host.sh("ip route add default via 192.0.2.2");
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.7.0.0/24" }]] };
  await attach("c1", { ipam, master: "lan0" });
  await serve({ host: lan.host }, 8080);
  await expectReached("c1", ["10.7.0.2"]);
  expect(await probe(spot("c1"), [["tcp", hostOn[4], 8080]])).toEqual(["10.7.0.2"]);
});

test("the host as the containers' gateway", async () => {
  const ranges = [[{ subnet: "192.0.2.0/24", rangeStart: "192.0.2.50", gateway: hostOn[4] }]];
  const ranges6 = [[{ subnet: "2001:db8::/64", rangeStart: "2001:db8::50", gateway: hostOn[6] }]];
  const ipam = { type: "host-local", ranges: [...ranges, ...ranges6], routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] };
  await attach("c1", { ipam });
  await serve({ host: lan.host }, 8080);
  expect(
    await probe(spot("c1"), [
      ["tcp", hostOn[4], 8080],
      ["tcp", hostOn[6], 8080],
    ]),
  ).toEqual([one, one6]);
});

test("networks of one parent share it, and each parent has its own", async () => {
  await lan.host.sh("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up");
  const other = (subnet: string) => ({ ipam: { type: "host-local", subnet } });
  await attach("c1", { name: "a", ...other("10.7.0.0/24") });
  await attach("c2", { name: "b", ...other("10.8.0.0/24") });
  await attach("c3", { name: "c", ...other("10.9.0.0/24"), master: "lan0" });
  expect(await hostLinks()).toBe("2");
  await callSuccessfully(lan.host, callOf("DEL", "c3", { name: "c", ...other("10.9.0.0/24"), master: "lan0" }));
  await callSuccessfully(lan.host, callOf("DEL", "c1", { name: "a", ...other("10.7.0.0/24") }));
  await expectReached("c2", ["10.8.0.2"]);
  expect(await hostLinks()).toBe("1");
});

describe("when things go wrong", () => {
  test("a container whose namespace is gone does not count, and its address is another one's", async () => {
    await attach("c1");
    await attach("c2");
    await lan.host.sh("ip netns delete c1; rm /var/lib/cni/networks/n1/192.0.2.50 /var/lib/cni/networks/n1/2001*50");
    const args = "IgnoreUnknown=1;IP=192.0.2.50";
    await lan.host.container("c3");
    await callSuccessfully(lan.host, { ...callOf("ADD", "c3"), args });
    await expectReached("c3", [one]);
    // late, and not to the harm of the one that has the address now
    await callSuccessfully(lan.host, callOf("DEL", "c1"));
    expect(await probe({ host: lan.host }, [["tcp", one, 80]])).toEqual([hostOn[4]]);
    await lan.host.sh("ip netns delete c2");
    await callSuccessfully(lan.host, callOf("DEL", "c3"));
    expect(await hostLinks()).toBe("0");
  });

  test("a container that comes again, on another parent and with another address, leaves nothing of before", async () => {
    await attach("c1");
    await attach("c2");
    await lan.host.sh(`ip netns delete c1; ip netns add c1; rm /var/lib/cni/networks/n1/*50
      ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up`);
    const ipam = { type: "host-local", subnet: "10.7.0.0/24", dataDir: "/var/lib/cni/other" };
    await callSuccessfully(lan.host, callOf("ADD", "c1", { master: "lan0", ipam }));
    expect(await lan.host.sh("ip route | grep mvhost | cut -d' ' -f1")).toBe("10.7.0.2\n192.0.2.51");
    await callSuccessfully(lan.host, callOf("DEL", "c1", { master: "lan0", ipam }));
    await callSuccessfully(lan.host, callOf("DEL", "c2"));
    expect(await hostLinks()).toBe("0");
  });

  test("a record that somebody has damaged is none", async () => {
    await attach("c1");
    for (const damage of [
      "",
      "{",
      "null",
      '{"format":1,"parents":[null,{"parent":7},{"parent":"a","uses":[{"hostAccess":null}]}]}',
    ]) {
      await lan.host.sh(`printf %s '${damage}' > $(ls -d /run/dockbridge/*/)macvlan`);
      await callSuccessfully(lan.host, callOf("DEL", "c1"));
      await callSuccessfully(lan.host, callOf("ADD", "c1"));
    }
  });

  test("somebody deletes the host's link: the next ADD brings it back for all, and DEL bears it", async () => {
    await attach("c1");
    await lan.host.sh("ip link delete $(ip -brief link | grep -o '^mvhost[^@]*')");
    await attach("c2");
    await expectReached("c1", [one, one6]);
    await serve({ host: lan.host }, 8080);
    expect(await probe(spot("c1"), [["tcp", hostOn[6], 8080]])).toEqual([one6]);
    await lan.host.sh("ip link delete $(ip -brief link | grep -o '^mvhost[^@]*')");
    for (const name of ["c1", "c2"]) await callSuccessfully(lan.host, callOf("DEL", name));
    expect(await hostLinks()).toBe("0");
  });

  test("somebody deletes the parent: DEL succeeds, and nothing is left", async () => {
    await attach("c1");
    await lan.host.sh("ip link delete uplink");
    await callSuccessfully(lan.host, callOf("DEL", "c1"));
    expect(await lan.host.sh("ip -brief link | wc -l; ls /run/dockbridge/*")).toBe("1\nlock");
  });

  test("an ADD that fails takes back what it has made, and leaves what others use", async () => {
    await lan.host.container("c2");
    const before = await state();
    const ipam = { ...config.ipam, routes: [{ dst: "198.51.100.0/24", gw: "203.0.113.1" }] };
    expect((await callPlugin(lan.host, callOf("ADD", "c2", { ipam }))).exitCode).toBe(1);
    expect(await state()).toBe(before);
    await attach("c1");
    const withOne = await state();
    expect((await callPlugin(lan.host, callOf("ADD", "c2", { ipam }))).exitCode).toBe(1);
    expect(await state()).toBe(withOne);
    expect(
      await lan.host.sh("ip -n c2 -oneline link | wc -l; ls /var/lib/cni/networks/n1 | grep -c -e ^192 -e ^2001"),
    ).toBe("1\n2");
  });

  test("CHECK names each difference", async () => {
    const prevResult = await attach("c1");
    const check = async () => {
      const call = { ...callOf("ADD", "c1"), verb: "CHECK", config: { ...config, prevResult } } as const;
      const { exitCode, stdout } = await callPlugin(lan.host, call);
      return exitCode === 0 ? "" : JSON.parse(stdout).msg.replaceAll(/mvhost\w+/g, "<link>");
    };
    expect(await check()).toBe("");
    await lan.host.sh(
      "ip route delete 192.0.2.50; ip neighbour delete 2001:db8::50 dev $(ip -brief link | grep -o '^mvhost[^@]*')",
    );
    expect(await check()).toBe(
      "the host has no route to 192.0.2.50 by <link>; the host does not know the MAC address of 2001:db8::50",
    );
    await callSuccessfully(lan.host, callOf("DEL", "c1"));
    const again = await callSuccessfully(lan.host, callOf("ADD", "c1"));
    Object.assign(prevResult, again);
    expect(await check()).toBe("");
    await lan.host.sh(`ip address delete ${hostOn[6]}/64 dev uplink; ip address add 2001:db8::7/64 dev uplink nodad`);
    expect(await check()).toBe("the container has no route to the host's address 2001:db8::7");
    await lan.host.sh("ip link delete $(ip -brief link | grep -o '^mvhost[^@]*')");
    expect(await check()).toBe("the host's interface <link> is gone");
  });

  test("GC removes what those have left that are neither valid nor alive", async () => {
    await attach("c1");
    await attach("c2");
    await lan.host.sh("ip netns delete c1; ip netns delete c2");
    const gc = (valid: readonly string[]) =>
      callSuccessfully(lan.host, {
        verb: "GC",
        plugin: "macvlan",
        config: {
          ...config,
          cniVersion: "1.1.0",
          "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
        },
      });
    await gc(["c1", "c2"]);
    expect(await hostLinks()).toBe("1");
    await gc([]);
    expect(await hostLinks()).toBe("0");
    expect(await lan.host.sh("ls /var/lib/cni/networks/n1 /run/dockbridge/* | grep -v -e last -e lock -e :")).toBe("");
  });
});

test("twenty at once, each reached; and gone at once", async () => {
  const before = await state();
  const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
  await lan.host.sh(names.map((name) => `ip netns add ${name}`).join("; "));
  const results = await Promise.all(names.map((name) => callSuccessfully(lan.host, callOf("ADD", name))));
  const addresses = results.map((result) => result.ips[0].address.split("/")[0]);
  const answers = await probe(
    { host: lan.host },
    addresses.map((address) => ["ping", address]),
  );
  expect(answers).toEqual(names.map(() => "answered"));
  await Promise.all(names.map((name) => callSuccessfully(lan.host, callOf("DEL", name))));
  expect(await state()).toBe(before);
});

describe("other machines", () => {
  const hostLink = "$(ip -brief link | grep -o '^mvhost[^@]*')";

  test("do not get in by the host's link, whatever they know of it", async () => {
    await attach("c1");
    await serve({ host: lan.host }, 8080);
    const [{ addr_info: addresses }] = JSON.parse(await lan.host.sh(`ip -json address show dev ${hostLink}`));
    const { local } = addresses.find(({ scope }: { scope: string }) => scope === "link");
    const direct = await probe({ host: lan.outside }, [["tcp", hostOn[6], 8080]]);
    const mac = (await lan.host.sh(`cat /sys/class/net/${hostLink}/address`)).trim();
    await lan.outside.sh(
      `ip neighbour replace ${local} lladdr ${mac} dev uplink; ip -6 route add ${hostOn[6]}/128 via ${local} dev uplink`,
    );
    const byLink = await probe({ host: lan.outside }, [["tcp", hostOn[6], 8080]]);
    await lan.outside.sh(`ip -6 route delete ${hostOn[6]}/128`);
    expect([
      direct,
      byLink.includes(direct[0] ?? ""),
      await probe({ host: lan.outside }, [["tcp", hostOn[6], 8080]]),
    ]).toEqual([direct, false, direct]);
    expect(direct).toEqual(["2001:db8::2"]);
    // and the container does, as long as it is there
    await expectReached("c1", [one, one6]);
    expect(await probe(spot("c1"), [["tcp", hostOn[6], 8080]])).toEqual([one6]);
  });

  test("who looks whether an address is free gets one answer, from the parent", async () => {
    await attach("c1");
    const own = JSON.parse(await lan.host.sh("ip -json link show uplink"))[0].address;
    const dump = lan.outside.start("tcpdump", ["-l", "-n", "-e", "-i", "uplink", "arp"]);
    await lan.outside.sh(
      `sleep 0.5; busybox arping -D -c 1 -w 1 -I uplink ${hostOn[4]} > /dev/null || true; sleep 0.5`,
    );
    dump.kill("SIGTERM");
    const { stdout } = await dump.finished;
    const answers = stdout.split("\n").filter((line) => line.includes(`Reply ${hostOn[4]} is-at`));
    expect(answers.map((line) => line.split(" ")[1])).toEqual([own]);
  });
});

describe("what the kernel has taken away is there again after the next ADD", () => {
  test.each([
    [
      "with the parent's address",
      "ip address delete 192.0.2.1/24 dev uplink; ip address add 192.0.2.1/24 dev uplink",
      "uplink",
    ],
    [
      "with the host's link, which went down",
      "l=$(ip -brief link | grep -o '^mvhost[^@]*'); ip link set $l down; ip link set $l up",
      "",
    ],
  ])("%s", async (_, command) => {
    await attach("c1");
    await lan.host.sh(command);
    await attach("c2");
    await expectReached("c1", [one, one6]);
    await expectReached("c2", [two, two6]);
  });
});

test("one parent by two names, and a macvlan of it, is one parent", async () => {
  await lan.host.sh("ip link property add dev uplink altname uplink-alt");
  await lan.host.sh("ip link add mv0 link uplink type macvlan mode bridge; ip link set mv0 up");
  for (const [name, master] of [
    ["c1", "uplink-alt"],
    ["c2", "mv0"],
    ["c3", "uplink"],
  ] as const) {
    const prevResult = await attach(name, { master });
    const call = { ...callOf("ADD", name), verb: "CHECK", config: { ...config, master, prevResult } } as const;
    expect((await callPlugin(lan.host, call)).stdout).toBe("");
  }
  expect(await hostLinks()).toBe("1");
});

describe("who is left keeps the host's access", () => {
  test("when the record of him is lost, and others come and go", async () => {
    await attach("c1");
    await lan.host.sh("rm -r /run/dockbridge");
    await attach("c2");
    await callSuccessfully(lan.host, callOf("DEL", "c2"));
    await expectReached("c1", [one, one6]);
    expect(await lan.host.sh("ip route | grep -c mvhost")).toBe("1");
  });

  test("when another container had his address", async () => {
    const ipam = { type: "static", addresses: [{ address: "192.0.2.99/24" }] };
    await attach("c1", { ipam });
    await attach("c2", { ipam });
    await callSuccessfully(lan.host, callOf("DEL", "c2", { ipam }));
    await expectReached("c1", ["192.0.2.99"]);
  });
});

test("a link of the name that is not the host's is refused, and left alone", async () => {
  await attach("c1");
  const name = (await lan.host.sh("ip -brief link | grep -o '^mvhost[^@]*'")).trim();
  await callSuccessfully(lan.host, callOf("DEL", "c1"));
  await lan.host.sh(`ip link add ${name} link uplink type macvlan mode private`);
  const { stdout } = await callPlugin(lan.host, callOf("ADD", "c1"));
  expect(JSON.parse(stdout).msg).toContain(`${name} exists, and is not the host's macvlan on uplink`);
  expect(await hostLinks()).toBe("1");
});

test("nobody needs room in /run to leave", async () => {
  await attach("c1");
  await attach("c2");
  const directory = (await lan.host.sh("ls -d /run/dockbridge/*")).trim();
  await lan.host.sh(
    `cp -a /run/dockbridge /tmp/kept; mount -t tmpfs -o size=8k full /run/dockbridge; cp -a /tmp/kept/. /run/dockbridge; rm -r /tmp/kept; dd if=/dev/zero of=/run/dockbridge/fill bs=1k 2> /dev/null || true`,
  );
  await lan.host.container("c3");
  const { stdout } = await callPlugin(lan.host, callOf("ADD", "c3"));
  expect(JSON.parse(stdout)).toMatchObject({
    code: 5,
    msg: expect.stringContaining(`cannot write ${directory}/macvlan: ENOSPC`),
  });
  for (const name of ["c3", "c1", "c2"]) await callSuccessfully(lan.host, callOf("DEL", name));
  expect(await hostLinks()).toBe("0");
  expect(await lan.host.sh(`ls ${directory}`)).toBe("lock");
});
