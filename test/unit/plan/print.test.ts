import { describe, expect, test } from "vitest";
import { tokenBucket } from "../../../src/net/token-bucket.ts";
import { printPlan } from "../../../src/plan/print.ts";
import type { Step } from "../../../src/plan/step.ts";
import { mustCidr, mustIp, mustMac } from "../net/must.ts";
import { chain, nftRules, ruleSet } from "./examples.ts";

const mac = mustMac("02:00:00:00:00:01");
const cidr = mustCidr("10.1.0.5/16");
const on = { place: "host", link: "cni0" } as const;
const inside = { place: "container", link: "eth0" } as const;

/** A new kind of step has to show here how it is printed. */
const examples: Readonly<Record<Step["do"], readonly (readonly [Step, string])[]>> = {
  "link.add-bridge": [
    [{ do: "link.add-bridge", place: "host", bridge: { name: "cni0" } }, "ip link add cni0 type bridge"],
    [
      { do: "link.add-bridge", place: "host", bridge: { name: "cni0", vlanFiltering: true } },
      "ip link add cni0 type bridge vlan_filtering 1",
    ],
    [
      { do: "link.add-bridge", place: "container", bridge: { name: "br0", mtu: 1400, mac } },
      "nsenter --net=container ip link add br0 mtu 1400 address 02:00:00:00:00:01 type bridge",
    ],
  ],
  "link.add-veth": [
    [
      { do: "link.add-veth", host: { name: "veth1" }, container: { name: "eth0" } },
      "ip link add veth1 type veth peer eth0 netns container",
    ],
    [
      { do: "link.add-veth", host: { name: "veth1", mtu: 1400 }, container: { name: "eth0", mtu: 1400, mac } },
      "ip link add veth1 mtu 1400 type veth peer eth0 mtu 1400 address 02:00:00:00:00:01 netns container",
    ],
  ],
  "link.add-veth-here": [
    [
      { do: "link.add-veth-here", place: "host", end: { name: "cni0.100" }, peer: { name: "veth1" } },
      "ip link add cni0.100 type veth peer veth1",
    ],
    [
      { do: "link.add-veth-here", place: "container", end: { name: "a", mtu: 1400 }, peer: { name: "b", mtu: 1300 } },
      "nsenter --net=container ip link add a mtu 1400 type veth peer b mtu 1300",
    ],
  ],
  "link.add-ifb": [
    [
      { do: "link.add-ifb", place: "host", ifb: { name: "bwp1", mtu: 1400, txqlen: 0 } },
      "ip link add bwp1 mtu 1400 txqueuelen 0 type ifb",
    ],
  ],
  "qdisc.add": [
    [
      { do: "qdisc.add", ...on, qdisc: { kind: "tbf", bucket: tokenBucket(8_000_000, 800_000) } },
      "tc qdisc add dev cni0 root handle 1: tbf rate 8000000bit burst 100000 limit 125000",
    ],
    [
      { do: "qdisc.add", ...inside, qdisc: { kind: "ingress" } },
      "nsenter --net=container tc qdisc add dev eth0 ingress",
    ],
  ],
  "qdisc.delete": [[{ do: "qdisc.delete", ...on, at: "root" }, "tc qdisc delete dev cni0 root"]],
  "filter.sources": [
    [
      { do: "filter.sources", ...on, macs: [mustMac("02:00:03:02:01:00")] },
      'tc filter replace dev cni0 parent ffff: prio 1 handle 1 bpf da bytecode "6,32 0 0 8,21 0 3 50462976,40 0 0 6,21 0 1 512,6 0 0 0,6 0 0 2"',
    ],
  ],
  "filter.redirect": [
    [
      { do: "filter.redirect", ...on, to: "bwp1" },
      "tc filter add dev cni0 parent ffff: prio 1 protocol all u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev bwp1",
    ],
  ],
  "link.add-macvlan": [
    [
      {
        do: "link.add-macvlan",
        place: "container",
        macvlan: { name: "eth0", mtu: 1400, mac, mode: "private", queueLength: 500 },
        parent: { place: "host", link: "lan0" },
      },
      "ip link add eth0 mtu 1400 address 02:00:00:00:00:01 link lan0 netns container type macvlan mode private bcqueuelen 500",
    ],
    [
      {
        do: "link.add-macvlan",
        place: "container",
        macvlan: { name: "eth0", mode: "bridge" },
        parent: { place: "container", link: "eth1" },
      },
      "nsenter --net=container ip link add eth0 link eth1 type macvlan mode bridge",
    ],
  ],
  "link.add-vlan": [
    [
      { do: "link.add-vlan", place: "host", vlan: { name: "lan0.10", mtu: 1400, id: 10 }, parent: "lan0" },
      "ip link add lan0.10 mtu 1400 link lan0 type vlan id 10",
    ],
  ],
  "link.add-dummy": [
    [
      { do: "link.add-dummy", place: "host", dummy: { name: "dm-0123456789ab" } },
      "ip link add dm-0123456789ab type dummy",
    ],
  ],
  "link.delete": [
    [{ do: "link.delete", ...on }, "ip link delete cni0"],
    [{ do: "link.delete", ...inside }, "nsenter --net=container ip link delete eth0"],
  ],
  "link.set": [
    [{ do: "link.set", ...on, up: true }, "ip link set cni0 up"],
    [{ do: "link.set", ...inside, up: false }, "nsenter --net=container ip link set eth0 down"],
    [{ do: "link.set", ...on, mac }, "ip link set cni0 address 02:00:00:00:00:01"],
    [
      { do: "link.set", ...inside, mtu: 1400, txqlen: 0, promisc: true, allmulti: false },
      "nsenter --net=container ip link set eth0 mtu 1400 txqueuelen 0 promisc on allmulticast off",
    ],
    [
      { do: "link.set", place: "host", link: "veth1", up: true, mac, master: "cni0", alias: "n1/c1/eth0" },
      "ip link set veth1 address 02:00:00:00:00:01 master cni0 alias n1/c1/eth0 up",
    ],
  ],
  "port.set": [
    [{ do: "port.set", ...on, hairpin: true }, "bridge link set dev cni0 hairpin on"],
    [{ do: "port.set", ...on, hairpin: true, isolated: true }, "bridge link set dev cni0 hairpin on isolated on"],
    [{ do: "port.set", ...on, isolated: false }, "bridge link set dev cni0 isolated off"],
    [{ do: "port.set", ...inside, hairpin: false }, "nsenter --net=container bridge link set dev eth0 hairpin off"],
  ],
  "vlan.add": [
    [
      { do: "vlan.add", ...on, vlans: [{ first: 10, last: 10, isPvid: true, isUntagged: true }] },
      "bridge vlan add dev cni0 vid 10 pvid untagged master",
    ],
    [
      {
        do: "vlan.add",
        ...inside,
        vlans: [
          { first: 10, last: 10, isPvid: true, isUntagged: false },
          { first: 200, last: 210, isPvid: false, isUntagged: false },
        ],
      },
      "nsenter --net=container bridge vlan add dev eth0 vid 10 pvid master\nnsenter --net=container bridge vlan add dev eth0 vid 200-210 master",
    ],
  ],
  "vlan.delete": [
    [
      {
        do: "vlan.delete",
        ...on,
        vlans: [
          { first: 1, last: 1 },
          { first: 3, last: 4094 },
        ],
      },
      "bridge vlan delete dev cni0 vid 1 master\nbridge vlan delete dev cni0 vid 3-4094 master",
    ],
  ],
  "address.add": [
    [{ do: "address.add", ...on, cidr }, "ip address add 10.1.0.5/16 dev cni0"],
    [{ do: "address.add", ...on, cidr, nodad: false }, "ip address add 10.1.0.5/16 dev cni0"],
    [
      { do: "address.add", ...inside, cidr: mustCidr("2001:db8::5/64"), nodad: true },
      "nsenter --net=container ip address add 2001:db8::5/64 dev eth0 nodad",
    ],
  ],
  "address.delete": [
    [{ do: "address.delete", ...on, cidr }, "ip address delete 10.1.0.5/16 dev cni0"],
    [{ do: "address.delete", ...inside, cidr }, "nsenter --net=container ip address delete 10.1.0.5/16 dev eth0"],
  ],
  "route.add": [
    [
      { do: "route.add", ...on, dst: mustCidr("10.1.0.5/32"), src: mustIp("192.0.2.1") },
      "ip route add 10.1.0.5/32 dev cni0 src 192.0.2.1",
    ],
    [{ do: "route.add", ...on, dst: mustCidr("10.2.0.0/16") }, "ip route add 10.2.0.0/16 dev cni0"],
    [
      {
        do: "route.add",
        ...inside,
        dst: mustCidr("0.0.0.0/0"),
        gw: mustIp("10.1.0.1"),
        mtu: 1400,
        advmss: 1360,
        priority: 5,
        table: 100,
        scope: 0,
      },
      "nsenter --net=container ip route add 0.0.0.0/0 via 10.1.0.1 mtu 1400 advmss 1360 metric 5 table 100 scope 0 dev eth0",
    ],
  ],
  "route.delete": [
    [
      { do: "route.delete", ...on, dst: mustCidr("10.1.0.5/32"), priority: 7 },
      "ip route delete 10.1.0.5/32 metric 7 dev cni0",
    ],
  ],
  "neighbour.set": [
    [
      { do: "neighbour.set", ...on, ip: mustIp("10.1.0.5"), mac },
      "ip neighbour replace 10.1.0.5 lladdr 02:00:00:00:00:01 dev cni0 nud permanent",
    ],
  ],
  "neighbour.delete": [
    [{ do: "neighbour.delete", ...on, ip: mustIp("fd00::5") }, "ip neighbour delete fd00::5 dev cni0"],
  ],
  "sysctl.set": [
    [{ do: "sysctl.set", place: "host", key: "net/ipv4/ip_forward", value: "1" }, "sysctl -w net/ipv4/ip_forward=1"],
    [
      { do: "sysctl.set", place: "container", key: "net/ipv4/conf/eth0/arp_notify", value: "1", optional: true },
      "nsenter --net=container sysctl -w net/ipv4/conf/eth0/arp_notify=1 || true",
    ],
    [
      {
        do: "sysctl.set",
        place: "host",
        key: "net/bridge/bridge-nf-call-iptables",
        value: "1",
        module: "br_netfilter",
      },
      "modprobe br_netfilter; sysctl -w net/bridge/bridge-nf-call-iptables=1",
    ],
  ],
  "address.announce": [
    [
      { do: "address.announce", ...inside, ip: mustIp("10.1.0.5"), mac },
      "nsenter --net=container arping -c 1 -U -I eth0 10.1.0.5",
    ],
    [{ do: "address.announce", ...inside, ip: mustIp("fd00::5"), mac }, "nsenter --net=container ndsend fd00::5 eth0"],
  ],
  "address.await-dad": [
    [{ do: "address.await-dad", ...inside }, "# wait until nobody else can have the IPv6 addresses of eth0"],
  ],
  "link.await-up": [[{ do: "link.await-up", ...on }, "# wait until cni0 is up and running"]],
  "rules.add": [
    [
      { do: "rules.add", chain },
      `iptables-restore --noflush <<END
*nat
-N CNI-1
-A CNI-1 -d 10.1.0.0/16 -j ACCEPT
-A CNI-1 ! -d 224.0.0.0/4 -j MASQUERADE
-A POSTROUTING -s 10.1.0.5/32 -j CNI-1
-A POSTROUTING -s 10.2.0.5/32 -j CNI-1
COMMIT
END`,
    ],
  ],
  "rules.ensure": [
    [
      { do: "rules.ensure", rules: { ...ruleSet, forwarding: true } },
      `# make this host forward IPv4
iptables -t filter -I FORWARD -j X
iptables -t raw -A PREROUTING -d 10.1.0.5/32 ! -i cni0 -j DROP`,
    ],
    [
      { do: "rules.ensure", rules: { ...ruleSet, family: 6, standing: [] } },
      "ip6tables -t raw -A PREROUTING -d 10.1.0.5/32 ! -i cni0 -j DROP",
    ],
  ],
  "rules.release": [
    [
      { do: "rules.release", family: 6, rules: ruleSet.own },
      `ip6tables-restore --noflush <<END
*raw
-D PREROUTING -d 10.1.0.5/32 ! -i cni0 -j DROP
COMMIT
END`,
    ],
  ],
  "rules.remove": [
    [
      { do: "rules.remove", chain: { ...chain, family: 6, rules: [], jumps: [] } },
      `ip6tables-restore --noflush <<END
*nat
-F CNI-1
-X CNI-1
COMMIT
END`,
    ],
  ],
  "nft.add": [
    [
      { do: "nft.add", rules: nftRules },
      `nft -f - <<END
add table bridge nat
add chain bridge nat own
flush chain bridge nat own
add rule bridge nat PREROUTING jump own comment "c1"
add rule bridge nat own drop comment "c1"
END`,
    ],
  ],
  "nft.remove": [
    [
      { do: "nft.remove", owner: nftRules.owner },
      `for handle in $(nft -a list chain bridge nat PREROUTING | sed -n '/comment "c1"/s/.*# handle //p'); do nft delete rule bridge nat PREROUTING handle $handle; done
nft -f - <<END
flush chain bridge nat own
delete chain bridge nat own
END`,
    ],
    [
      {
        do: "nft.remove",
        owner: { ...nftRules.owner, chains: [], comment: { startsWith: "n1-", except: ["n1-c1", "n1-c2"] } },
      },
      `for handle in $(nft -a list chain bridge nat PREROUTING | grep -v 'comment "n1-c1' | grep -v 'comment "n1-c2' | sed -n '/comment "n1-/s/.*# handle //p'); do nft delete rule bridge nat PREROUTING handle $handle; done`,
    ],
  ],
  "rules.await": [[{ do: "rules.await" }, "# wait until all rules are in force"]],
};

describe.for(Object.entries(examples))("%s", ([kind, steps]) => {
  test("has an example of its own kind", () => {
    expect(steps.map(([step]) => step.do)).toEqual(steps.map(() => kind));
    expect(steps).not.toHaveLength(0);
  });

  test.for(steps.map(([step, printed]) => ({ step, printed })))("$printed", ({ step, printed }) => {
    expect(printPlan([step])).toBe(`${printed}\n`);
  });
});

test("a plan is one step a line, in order", () => {
  const plan = printPlan([
    { do: "link.set", ...on, up: true },
    { do: "link.delete", ...on },
  ]);
  expect(plan).toBe("ip link set cni0 up\nip link delete cni0\n");
});

test("no steps are no text", () => {
  expect(printPlan([])).toBe("");
});
