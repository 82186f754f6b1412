// Beside the Go reference plugins, and in their place: what one of the two made, the other uses and removes.
import { describe, expect, test } from "vitest";
import { Host } from "../harness/host.ts";
import { callSuccessfully, ours, reference } from "../harness/plugin.ts";
import { askTcp, serveTcp } from "../harness/traffic.ts";

const config = {
  cniVersion: "1.0.0",
  name: "n1",
  type: "bridge",
  bridge: "b0",
  isDefaultGateway: true,
  ipMasq: true,
  hairpinMode: true,
  mtu: 1400,
  dns: { nameservers: ["192.0.2.53"], search: ["a.example"] },
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
    routes: [{ dst: "192.0.2.0/24" }, { dst: "198.51.100.0/24", gw: "10.1.2.9" }],
  },
};

type Directory = typeof ours;

/** What a person sees of the host after an ADD; names and MAC addresses that are made up stand for themselves. */
async function observe(host: Host): Promise<Record<string, string>> {
  const made = (text: string) =>
    text
      .replaceAll(/veth[0-9a-f]+/g, "<veth>")
      .replaceAll(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "<mac>")
      .replaceAll(/fe80::[0-9a-f:]+/g, "<link-local>");
  const show = async (command: string) => made(await host.sh(command));
  return {
    rules: await show("iptables-save -t nat | grep -v '^#'; ip6tables-save -t nat | grep -v '^#'"),
    containerAddresses: await show("ip -n c1 -brief address show eth0 | tr -s ' ' | sed 's/@if[0-9]*//'"),
    containerRoutes: await show("ip -n c1 route; ip -n c1 -6 route | grep -v '^fe80'"),
    bridgeAddresses: await show("ip -brief address show b0 | tr -s ' '"),
    port: await show("ip -details -oneline link show master b0 | grep -o 'mtu [0-9]*\\|state [A-Z]*\\|hairpin o[nf]*'"),
    containerLink: await show("ip -n c1 -details -oneline link show eth0 | grep -o 'mtu [0-9]*\\|state [A-Z]*'"),
    reservations: await show("cd /var/lib/cni/networks/n1 && grep -r . . | sort"),
    settings: await show("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
    containerSettings: await show(
      "ip netns exec c1 sh -c 'cd /proc/sys/net; cat ipv4/conf/eth0/arp_notify ipv6/conf/eth0/disable_ipv6 ipv6/conf/lo/disable_ipv6'",
    ),
  };
}

async function attach(
  directory: Directory,
  version: string,
): Promise<{ result: unknown; seen: Record<string, string> }> {
  await using host = await Host.start();
  const netns = await host.container("c1");
  const result = await callSuccessfully(host, {
    verb: "ADD",
    directory,
    config: { ...config, cniVersion: version },
    netns,
  });
  const text = JSON.stringify(result)
    .replaceAll(/veth[0-9a-f]+/g, "<veth>")
    .replaceAll(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "<mac>");
  return { result: JSON.parse(text), seen: await observe(host) };
}

test.each(["0.2.0", "0.3.1", "0.4.0", "1.0.0"])(
  "version %s: the result and the host are those of the reference",
  async (version) => {
    const [theirs, mine] = [await attach(reference, version), await attach(ours, version)];
    expect(mine.result).toEqual(theirs.result);
    expect(mine.seen).toEqual(theirs.seen);
  },
);

/** The CHECK of the reference does not find a route whose gateway is left open, be it its own. */
const checkable = { ...config, ipam: { ...config.ipam, routes: [{ dst: "198.51.100.0/24", gw: "10.1.2.9" }] } };

const changeovers = [
  { from: "the reference", to: "ours", made: reference, removed: ours },
  { from: "ours", to: "the reference", made: ours, removed: reference },
];

describe.each(changeovers)("from $from to $to", ({ made, removed }) => {
  test("what was attached before is checked, joined by others, and removed", async () => {
    await using host = await Host.start();
    const [one, two] = [await host.container("c1"), await host.container("c2")];
    const prevResult = await callSuccessfully(host, { verb: "ADD", directory: made, config: checkable, netns: one });

    const second = { directory: removed, config: checkable, netns: two, containerId: "c2" };
    const result = await callSuccessfully(host, { verb: "ADD", ...second });
    expect(result.ips.map((ip: { address: string }) => ip.address)).toEqual(["10.1.2.3/24", "fd00:1::3/64"]);
    await serveTcp({ host, netns: one }, 8004);
    expect(await askTcp({ host, netns: two }, "10.1.2.2", 8004)).toBe("10.1.2.3");

    const first = { directory: removed, config: { ...checkable, prevResult }, netns: one };
    await callSuccessfully(host, { verb: "CHECK", ...first });
    await callSuccessfully(host, { verb: "DEL", ...first });
    await callSuccessfully(host, { verb: "DEL", ...second });
    expect(
      await host.sh("iptables-save -t nat | grep -c CNI- || true; ip6tables-save -t nat | grep -c CNI- || true"),
    ).toBe("0\n0");
    expect(await host.sh("ip -oneline link show master b0; ls /var/lib/cni/networks/n1 | grep -v last")).toBe("lock");
  });

  test("without a namespace and without prevResult nothing is left either", async () => {
    await using host = await Host.start();
    const netns = await host.container("c1");
    await callSuccessfully(host, { verb: "ADD", directory: made, config: checkable, netns });
    await host.sh("ip netns delete c1");
    await callSuccessfully(host, {
      verb: "DEL",
      directory: removed,
      config: checkable,
      netns: removed === ours ? netns : "",
    });
    expect(await host.sh("ls /var/lib/cni/networks/n1 | grep -v last")).toBe("lock");
    // the reference forgets the rules of a container whose addresses nobody tells it
    const rules = await host.sh(
      "iptables-save -t nat | grep -c CNI- || true; ip6tables-save -t nat | grep -c CNI- || true",
    );
    if (removed === ours) expect(rules).toBe("0\n0");
  });
});
