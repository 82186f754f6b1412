// Masquerading and the check of MAC addresses with nftables, as a runtime, an administrator and the Go plugins see them.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../harness/host.ts";
import { type Call, callPlugin, callSuccessfully, ours, reference } from "../harness/plugin.ts";
import { programsOf } from "../harness/strace.ts";
import { askTcp, connectHosts, serveTcp } from "../harness/traffic.ts";

const config = {
  cniVersion: "1.0.0",
  name: "unit-test",
  type: "bridge",
  bridge: "b0",
  isDefaultGateway: true,
  ipMasq: true,
  ipMasqBackend: "nftables",
  macspoofchk: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.9.0.0/24" }], [{ subnet: "fd00:9::/64" }]] },
};
const masquerading = { ...config, macspoofchk: false };
const spoofChecking = { ...config, ipMasq: false, ipMasqBackend: undefined };

const MASQUERADE = "ip saddr 10.9.0.2 ip daddr != 10.9.0.0/24 masquerade comment";
const COMMENT = '"6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one"';

/** What `nft list ruleset` showed after an ADD of the Go plugin v1.9.1; names and MAC addresses that are made up stand for themselves. */
const afterAdd = `table bridge nat {
	chain PREROUTING {
		type filter hook prerouting priority dstnat; policy accept;
		iifname "<veth>" jump cni-br-iface-one-eth0 comment "macspoofchk-one-eth0"
	}

	chain cni-br-iface-one-eth0 {
		jump cni-br-iface-one-eth0-mac comment "macspoofchk-one-eth0"
	}

	chain cni-br-iface-one-eth0-mac {
		ether saddr <mac> return comment "macspoofchk-one-eth0"
		drop comment "macspoofchk-one-eth0"
	}
}
table inet cni_plugins_masquerade {
	comment "Masquerading for plugins from github.com/containernetworking/plugins"
	chain masq_checks {
		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
		${MASQUERADE} ${COMMENT}
		ip6 saddr fd00:9::2 ip6 daddr != fd00:9::/64 masquerade comment ${COMMENT}
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 224.0.0.0/4 return
		ip6 daddr ff00::/8 return
		goto masq_checks
	}
}`;

/** The same after its DEL. */
const afterDel = `table bridge nat {
	chain PREROUTING {
		type filter hook prerouting priority dstnat; policy accept;
	}
}
table inet cni_plugins_masquerade {
	comment "Masquerading for plugins from github.com/containernetworking/plugins"
	chain masq_checks {
		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 224.0.0.0/4 return
		ip6 daddr ff00::/8 return
		goto masq_checks
	}
}`;

let host: Host;
let netns: string;

beforeEach(async () => {
  host = await Host.start();
  netns = await host.container("c1");
});
afterEach(() => host[Symbol.asyncDispose]());

const call = (verb: Call["verb"], more: Partial<Call> = {}): Call => ({
  verb,
  config,
  containerId: "one",
  netns,
  ...more,
});

/** What a person sees of nftables, with the tables in the order of their names: the two are made by processes of their own. */
async function ruleset(): Promise<string> {
  const text = await host.sh("nft list tables | sort | while read -r table; do nft list $table; done");
  return text.replaceAll(/veth[0-9a-f]{8}/g, "<veth>").replaceAll(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "<mac>");
}

/** Rules and chains of attachments, of either backend. */
async function remains(): Promise<string> {
  return host.sh(`nft list ruleset | grep -E 'masquerade comment|macspoofchk|cni-br-iface' || true
    iptables-save -t nat | grep CNI- || true; ip6tables-save -t nat | grep CNI- || true`);
}

describe("rules", () => {
  test("are those of the Go plugin, line by line, and DEL leaves what it leaves", async () => {
    await callSuccessfully(host, call("ADD"));
    expect(await ruleset()).toBe(afterAdd);
    await callSuccessfully(host, call("DEL"));
    expect(await ruleset()).toBe(afterDel);
    await callSuccessfully(host, call("DEL"));
    expect(await ruleset()).toBe(afterDel);
  });

  test("have the names and addresses that the result tells", async () => {
    const { interfaces } = await callSuccessfully(host, call("ADD"));
    const rules = await host.sh("nft list ruleset");
    expect(rules).toContain(`iifname "${interfaces[1].name}" jump`);
    expect(rules).toContain(`ether saddr ${interfaces[2].mac} return`);
  });

  test("have the MAC address that was asked for", async () => {
    const mac = "02:00:00:00:00:42";
    await callSuccessfully(host, call("ADD", { config: { ...config, runtimeConfig: { mac } } }));
    expect(await host.sh("nft list ruleset")).toContain(`ether saddr ${mac} return`);
    expect(await host.sh("ip -n c1 link show eth0")).toContain(mac);
  });

  test.each(["iptables", undefined])("with the backend %s are those of iptables", async (ipMasqBackend) => {
    await callSuccessfully(host, call("ADD", { config: { ...masquerading, ipMasqBackend } }));
    expect(await host.sh("iptables-save -t nat")).toContain("-A POSTROUTING -s 10.9.0.2/32");
    expect(await host.sh("nft list ruleset")).not.toContain("cni_plugins_masquerade");
    await callSuccessfully(host, call("DEL", { config: { ...masquerading, ipMasqBackend } }));
    expect(await remains()).toBe("");
  });

  test("without addresses are none of masquerading", async () => {
    await callSuccessfully(host, call("ADD", { config: { ...masquerading, ipam: {} } }));
    expect(await ruleset()).toBe("");
  });

  test("stay as they are when the same ADD comes again, and is refused", async () => {
    await callSuccessfully(host, call("ADD"));
    expect((await callPlugin(host, call("ADD"))).exitCode).toBe(1);
    expect(await ruleset()).toBe(afterAdd);
  });

  test("that an earlier ADD left are replaced", async () => {
    await callSuccessfully(host, call("ADD"));
    await host.sh("ip -n c1 link delete eth0; rm /var/lib/cni/networks/unit-test/*");
    await callSuccessfully(host, call("ADD"));
    expect(await ruleset()).toBe(afterAdd);
  });

  test("of two interfaces of a container are two's: DEL of one leaves the other's", async () => {
    await callSuccessfully(host, call("ADD"));
    const free = { ...config, ipam: { type: "host-local", subnet: "10.9.0.0/24", rangeStart: "10.9.0.9" } };
    await callSuccessfully(host, call("ADD", { ifname: "eth1", config: free }));
    await callSuccessfully(host, call("DEL", { ifname: "eth1", config: free }));
    expect(await ruleset()).toBe(afterAdd);
  });

  test("of many containers that come and go at the same time", async () => {
    const many = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => ({ containerId: `id${i}`, netns: await host.container(`n${i}`) })),
    );
    await Promise.all(many.map((each) => callSuccessfully(host, call("ADD", each))));
    expect((await remains()).match(/masquerade comment/g)).toHaveLength(24);
    expect((await remains()).match(/iifname/g)).toHaveLength(12);
    await Promise.all(many.map((each) => callSuccessfully(host, call("DEL", each))));
    expect(await ruleset()).toBe(afterDel);
  });
});

describe("a call runs", () => {
  test.each([
    { name: "masquerading", config: masquerading, programs: ["nft"] },
    { name: "checking MAC addresses", config: spoofChecking, programs: ["nft"] },
    { name: "both", config, programs: ["nft", "nft"] },
  ])("one nft a table at ADD, DEL and CHECK for $name", async ({ config, programs }) => {
    expect(await programsOf(host, call("ADD", { config }))).toEqual(["bridge", ...programs]);
    expect(await programsOf(host, call("DEL", { config }))).toEqual(["bridge", ...programs]);
    const prevResult = await callSuccessfully(host, call("ADD", { config }));
    expect(await programsOf(host, call("CHECK", { config: { ...config, prevResult } }))).toEqual([
      "bridge",
      ...programs,
    ]);
  });
});

describe("DEL removes the rules", () => {
  test.each([
    { when: "the namespace is gone", change: "ip netns delete c1" },
    { when: "the namespace is not told", change: "true", given: "" },
    { when: "the link is gone", change: "ip -n c1 link delete eth0" },
    { when: "a rule is gone", change: "nft flush chain inet cni_plugins_masquerade masq_checks" },
    { when: "a chain is empty", change: "nft flush chain bridge nat PREROUTING" },
    { when: "the tables are gone", change: "nft flush ruleset" },
  ])("when $when", async ({ change, given = netns }) => {
    await callSuccessfully(host, call("ADD"));
    await host.sh(change);
    await callSuccessfully(host, call("DEL", { netns: given ?? netns }));
    expect(await remains()).toBe("");
  });

  test.each([
    { from: "nftables", to: "iptables" },
    { from: "iptables", to: "nftables" },
    { from: "nftables", to: undefined },
    { from: undefined, to: "nftables" },
  ])("when the backend was $from at ADD and is $to now", async ({ from, to }) => {
    await callSuccessfully(host, call("ADD", { config: { ...masquerading, ipMasqBackend: from } }));
    expect(await remains()).not.toBe("");
    await host.sh("ip netns delete c1");
    await callSuccessfully(host, call("DEL", { config: { ...masquerading, ipMasqBackend: to } }));
    expect(await remains()).toBe("");
  });

  test("and says so when it could not, having done the rest", async () => {
    await callSuccessfully(host, call("ADD"));
    const { exitCode, stdout } = await callPlugin(
      host,
      call("DEL", { env: { PATH: tools({ nft: "echo tired >&2; exit 1" }) } }),
    );
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: `${host.directory}/nft refused the rules: tired` });
    expect(await host.sh("ip -n c1 -brief link; ls /var/lib/cni/networks/unit-test")).not.toMatch(/eth0|10\.9\.0\.2/);
    await callSuccessfully(host, call("DEL"));
    expect(await remains()).toBe("");
  });
});

describe("a failed ADD takes the rules back", () => {
  test.each([
    { at: "a route", change: { ipam: { ...config.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] } } },
    { at: "the result", change: { cniVersion: "0.2.0", macspoofchk: true, ipMasq: false, ipam: {} } },
  ])("when it fails at $at", async ({ change }) => {
    expect((await callPlugin(host, call("ADD", { config: { ...config, ...change } }))).exitCode).toBe(1);
    expect(await remains()).toBe("");
    expect(await host.sh("ip -oneline link | grep -v ' lo:' || true")).toBe("");
  });

  test.each([
    { rules: "of masquerading", failing: masquerading },
    { rules: "of the check of MAC addresses", failing: spoofChecking },
  ])("when nft refuses those $rules, and says what nft said", async ({ failing }) => {
    const env = { PATH: tools({ nft: "echo tired >&2; exit 1" }) };
    const { stdout } = await callPlugin(host, call("ADD", { config: failing, env }));
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: `${host.directory}/nft refused the rules: tired` });
    expect(await host.sh("ip -oneline link | grep -v ' lo:' || true")).toBe("");
    expect(await host.sh("ls /var/lib/cni/networks/unit-test | grep -v -e lock -e last || true")).toBe("");
  });

  test("before anything is done when the interface cannot be in a chain's name", async () => {
    const { stdout } = await callPlugin(host, call("ADD", { ifname: "eth0@1" }));
    expect(JSON.parse(stdout)).toMatchObject({ code: 4, msg: expect.stringContaining('macspoofchk: "eth0@1"') });
    expect(await host.sh("ip -oneline link | grep -v ' lo:' || true; ls /var/lib/cni")).toBe("");
  });
});

describe("without a program", () => {
  /** Runs the call on a host that has none of /usr/sbin but these. */
  async function only(programs: readonly string[], what: Call) {
    for (const name of programs) await host.sh(`cp "$(command -v ${name})" ${host.directory}/`);
    await host.sh("mount --bind /run/netns /usr/sbin");
    const ran = await callPlugin(host, { ...what, env: { PATH: host.directory } });
    await host.sh("umount /usr/sbin");
    return ran;
  }

  test("iptables, a backend that is left open is nftables, at DEL too", async () => {
    const open = { ...masquerading, ipMasqBackend: undefined };
    expect(await only(["nft"], call("ADD", { config: open }))).toMatchObject({ exitCode: 0 });
    expect(await remains()).toContain(MASQUERADE);
    expect(await only(["nft"], call("DEL", { config: open }))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(await only(["nft"], call("DEL", { config: open }))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(await remains()).toBe("");
  });

  test("iptables, nftables needs none", async () => {
    expect(await only(["nft"], call("ADD"))).toMatchObject({ exitCode: 0 });
    expect(await only(["nft"], call("DEL"))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(await remains()).toBe("");
  });

  test.each([masquerading, spoofChecking])("nft, the error names it and where it was looked for", async (needing) => {
    const { stdout } = await only([], call("ADD", { config: needing }));
    const message = `the network needs nft, which is in none of ${host.directory}:/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin`;
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: message });
    expect(await host.sh("ip -oneline link | grep -v ' lo:' || true")).toBe("");
  });
});

describe("CHECK", () => {
  const masqChain = "inet cni_plugins_masquerade masq_checks";
  const masquerade = "nft add rule inet cni_plugins_masquerade";
  test.each([
    {
      change: `nft flush chain ${masqChain}`,
      says: [
        /no rule of: nft add rule inet \S+ masq_checks ip saddr/,
        /no rule of: nft add rule inet \S+ masq_checks ip6 saddr/,
      ],
    },
    {
      change: `nft delete rule ${masqChain} handle $(nft -a list chain ${masqChain} | sed -n '/ip6 saddr/s/.*handle //p')`,
      says: [/^there is no rule of: nft add rule inet cni_plugins_masquerade masq_checks ip6 saddr/],
    },
    {
      change: `nft replace rule ${masqChain} handle $(nft -a list chain ${masqChain} | sed -n '/ip saddr/s/.*handle //p') $(nft list chain ${masqChain} | grep 'ip saddr' | sed 's/saddr [0-9.]*/saddr 10.9.9.9/')`,
      says: [
        /no rule of: nft add .* ip saddr 10.9.0.2 /,
        /a rule that is not the container's: nft add .* ip saddr 10.9.9.9/,
      ],
    },
    {
      change: "nft delete table inet cni_plugins_masquerade",
      says: [
        ...["ip daddr 224.0.0.0/4 return", "ip6 daddr ff00::/8 return", "goto masq_checks"].map(
          (rule) => `there is no rule of: ${masquerade} postrouting ${rule}`,
        ),
        /ip saddr/,
        /ip6 saddr/,
      ],
    },
    {
      change:
        "nft flush chain inet cni_plugins_masquerade postrouting; nft add rule inet cni_plugins_masquerade postrouting ip daddr 224.0.0.0/4 return",
      says: ["ip6 daddr ff00::/8 return", "goto masq_checks"].map(
        (rule) => `there is no rule of: ${masquerade} postrouting ${rule}`,
      ),
    },
    {
      change: "nft flush chain bridge nat PREROUTING",
      says: [
        /^there is no rule of: nft add rule bridge nat PREROUTING iifname "veth\w+" jump cni-br-iface-one-eth0 comment/,
      ],
    },
    {
      change: "nft flush chain bridge nat cni-br-iface-one-eth0",
      says: [/^there is no rule of: nft add rule bridge nat cni-br-iface-one-eth0 jump cni-br-iface-one-eth0-mac/],
    },
    {
      change: "nft flush chain bridge nat cni-br-iface-one-eth0-mac",
      says: [/ether saddr \S+ return/, / drop /],
    },
  ])("says what is missing after: $change", async ({ change, says }) => {
    const prevResult = await callSuccessfully(host, call("ADD"));
    const check = call("CHECK", { config: { ...config, prevResult } });
    await callSuccessfully(host, check);
    await host.sh(change);
    const { exitCode, stdout } = await callPlugin(host, check);
    expect(exitCode).toBe(1);
    const { code, msg } = JSON.parse(stdout);
    expect(code).toBe(999);
    expect(msg.split("; ")).toEqual(says.map((text) => expect.stringMatching(text)));
  });
});

test("GC removes the masquerading of containers that are not known any more", async () => {
  const other = await host.container("c2");
  await callSuccessfully(host, call("ADD"));
  await callSuccessfully(host, call("ADD", { containerId: "two", netns: other }));
  await host.sh("ip netns delete c2");
  const attachments = [{ containerID: "one", ifname: "eth0" }];
  const gc = { ...masquerading, cniVersion: "1.1.0", "cni.dev/valid-attachments": attachments };
  await callSuccessfully(host, call("GC", { config: gc }));
  expect((await remains()).match(/id: \w+/g)).toEqual(["id: one", "id: one"]);
});

const changeovers = [
  { from: "the reference", to: "ours", made: reference, removed: ours },
  { from: "ours", to: "the reference", made: ours, removed: reference },
];

describe.each(changeovers)("macspoofchk from $from to $to", ({ made, removed }) => {
  test("the rules are the same, and are removed", async () => {
    await callSuccessfully(host, call("ADD", { config: spoofChecking, directory: made }));
    const whole = await ruleset();
    expect(afterAdd.startsWith(whole)).toBe(true);
    await callSuccessfully(host, call("DEL", { config: spoofChecking, directory: removed }));
    expect(await remains()).toBe("");
  });
});

describe("traffic", () => {
  test.each(["10.9.0.0/24", "fd00:9::/64"])("from %s has the host's address outside", async (subnet) => {
    await using outside = await Host.start();
    const isIpv4 = subnet.startsWith("10");
    const addresses = isIpv4
      ? { a: "192.0.2.1/24", b: "192.0.2.2/24" }
      : { a: "2001:db8::1/64 nodad", b: "2001:db8::2/64 nodad" };
    await connectHosts(host, outside, addresses);
    await callSuccessfully(host, call("ADD", { config: { ...config, ipam: { type: "host-local", subnet } } }));
    await serveTcp({ host: outside }, 8080);
    expect(await askTcp({ host, netns }, isIpv4 ? "192.0.2.2" : "2001:db8::2", 8080)).toBe(
      isIpv4 ? "192.0.2.1" : "2001:db8::1",
    );
    const other = await host.container("c2");
    await callSuccessfully(
      host,
      call("ADD", { config: { ...config, ipam: { type: "host-local", subnet } }, containerId: "two", netns: other }),
    );
    await serveTcp({ host, netns: other }, 8081);
    const [container, second] = isIpv4 ? ["10.9.0.2", "10.9.0.3"] : ["fd00:9::2", "fd00:9::3"];
    expect(await askTcp({ host, netns }, second, 8081)).toBe(container);
  });

  test.each([
    { macspoofchk: true, answer: expect.not.stringContaining("10.9.0.2") },
    { macspoofchk: false, answer: "10.9.0.2" },
  ])(
    "with another MAC address than the container's own, macspoofchk: $macspoofchk",
    async ({ macspoofchk, answer }) => {
      await callSuccessfully(host, call("ADD", { config: { ...spoofChecking, macspoofchk } }));
      await serveTcp({ host }, 8080);
      const setMac = (mac: string) =>
        host.sh(`ip -n c1 link set eth0 address ${mac}; ip neighbour flush dev b0; ip -n c1 neighbour flush dev eth0`);
      const own = await host.sh("ip netns exec c1 cat /sys/class/net/eth0/address");
      expect(await askTcp({ host, netns }, "10.9.0.1", 8080)).toBe("10.9.0.2");
      await setMac("02:00:00:00:00:77");
      expect(await askTcp({ host, netns }, "10.9.0.1", 8080)).toEqual(answer);
      await setMac(own);
      expect(await askTcp({ host, netns }, "10.9.0.1", 8080)).toBe("10.9.0.2");
    },
  );
});

/** A PATH in which these programs come first, as shell scripts. */
function tools(scripts: Readonly<Record<string, string>>): string {
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(host.directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(host.directory, name), 0o755);
  }
  return `${host.directory}:${process.env["PATH"]}`;
}
