import { expect, test } from "vitest";
import { bridgeConfig as config } from "../harness/configuration.ts";
import { Host } from "../harness/host.ts";
import { callPlugin, callSuccessfully } from "../harness/plugin.ts";

const names = Array.from({ length: 20 }, (_, i) => `c${i}`);

test("twenty containers are attached at once to a bridge that is not there yet, and detached at once", async () => {
  await using host = await Host.start();
  await host.sh(names.map((name) => `ip netns add ${name}`).join("; "));
  const call = (verb: "ADD" | "DEL") => (name: string) =>
    callSuccessfully(host, { verb, config, containerId: name, netns: `/run/netns/${name}` });

  const results = await Promise.all(names.map(call("ADD")));
  expect(new Set(results.map((result) => result.ips[0].address)).size).toBe(20);
  expect(await host.sh("ip -oneline link show master b0 | wc -l")).toBe("20");
  expect(await host.sh("ip -oneline -4 address show dev b0 | wc -l")).toBe("1");
  expect(await host.sh("iptables-save -t nat | grep -c -e '-j MASQUERADE'")).toBe("20");

  await Promise.all(names.map(call("DEL")));
  expect(await host.sh("ip -oneline link show master b0 | wc -l")).toBe("0");
  expect(await host.sh("iptables-save -t nat | grep -c CNI- || true")).toBe("0");
  expect(await host.sh("ls /var/lib/cni/networks/n1")).toBe("last_reserved_ip.0\nlock");
});

test("ADDs that fail beside others that do not take nothing from them", async () => {
  await using host = await Host.start();
  await host.sh(names.map((name) => `ip netns add ${name}`).join("; "));
  const routes = [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }];
  const outcomes = await Promise.all(
    names.map((name, i) => {
      const ipam = i % 2 === 0 ? config.ipam : { ...config.ipam, routes };
      return callPlugin(host, {
        verb: "ADD",
        config: { ...config, ipam },
        containerId: name,
        netns: `/run/netns/${name}`,
      });
    }),
  );
  expect(outcomes.map((outcome) => outcome.exitCode)).toEqual(names.map((_, i) => i % 2));
  expect(await host.sh("ip -oneline link show master b0 | wc -l")).toBe("10");
  expect(await host.sh("ip -oneline -4 address show dev b0 | awk '{ print $4 }'")).toBe("10.1.2.1/24");
  expect(await host.sh("ls /var/lib/cni/networks/n1 | grep -c ^10")).toBe("10");
  expect(await host.sh("iptables-save -t nat | grep -c -e '-j MASQUERADE'")).toBe("10");
});
