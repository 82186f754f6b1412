import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callPlugin, ours, reference, startPlugin } from "../../harness/plugin.ts";
import { type Calling, dataDir, makeContainer, stateOf, succeed, tuning, tuningCall } from "./tuning.ts";

let host: Host;

beforeEach(async () => {
  host = await Host.start();
  await makeContainer(host);
});
afterEach(() => host[Symbol.asyncDispose]());

const file = `${dataDir}/c1_eth0.json`;
const keys = ["net/ipv4/conf/eth0/arp_notify", "net/ipv4/ip_local_port_range", "net/ipv4/ip_default_ttl"];
const sysctl = {
  "net.ipv4.conf.IFNAME.arp_notify": "1",
  "net/ipv4/ip_local_port_range": "1024 65000",
  "net.ipv4.ip_default_ttl": "77",
};
const everything = { sysctl, mac: "02:00:00:00:00:99", mtu: 1400, promisc: true, allmulti: true, txQLen: 5 };
/** The Go plugin of Debian is older than txQLen. */
const { txQLen: _, ...known } = everything;
const noFile = () => host.sh(`ls ${dataDir} 2> /dev/null || true`);

describe("beside the Go plugin", () => {
  const cases: readonly (readonly [string, object, Calling])[] = [
    ["nothing", {}, {}],
    ["nothing, as podman has it", {}, { args: "IgnoreUnknown=1;K8S_POD_NAME=web" }],
    ["settings of the kernel", { sysctl }, {}],
    ["each of the link", { mac: "02:00:00:00:00:aa" }, {}],
    ["the MTU", { mtu: 1400 }, {}],
    ["switches", { promisc: true, allmulti: true }, {}],
    ["switches off", { promisc: false, allmulti: false }, {}],
    ["all of it", known, {}],
    ["MAC in CNI_ARGS", { mac: "02:00:00:00:00:aa" }, { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:bb;X=y" }],
    [
      "mac of the runtime",
      { mac: "02:00:00:00:00:aa", RuntimeConfig: { MAC: "02:00:00:00:00:cc" } },
      { args: "MAC=02:00:00:00:00:bb" },
    ],
    [
      "args of the configuration",
      {
        sysctl,
        mtu: 1400,
        runtimeConfig: { mac: "02:00:00:00:00:cc" },
        args: {
          cni: {
            mac: "02:00:00:00:00:dd",
            mtu: 1300,
            allmulti: true,
            promisc: true,
            sysctl: { "net.ipv4.ip_default_ttl": "55" },
          },
        },
      },
      {},
    ],
  ];

  test.each(cases)(
    "%s: the same result, the same container, the same file, and put back",
    async (_, config, calling) => {
      const before = await stateOf(host, keys);
      const theirs = await succeed(host, "ADD", config, { ...calling, directory: reference });
      const tuned = await stateOf(host, keys);
      const theirFile = await host.sh(`cat ${file} 2> /dev/null || echo '{}'`);
      await succeed(host, "CHECK", config, calling);
      await host.sh(`ip netns del c1; rm -rf ${dataDir}`);
      await makeContainer(host);

      const { dns: _dns, ...printed } = theirs;
      expect(await succeed(host, "ADD", config, calling)).toEqual(printed);
      expect(await stateOf(host, keys)).toBe(tuned);
      const {
        sysctl: _sysctl,
        network: _network,
        netns: _netns,
        ...link
      } = JSON.parse(await host.sh(`cat ${file} 2> /dev/null || echo '{}'`));
      expect(link).toEqual(JSON.parse(theirFile));
      await succeed(host, "CHECK", config, calling);
      await succeed(host, "DEL", config, calling);
      expect(await stateOf(host, keys)).toBe(before);
      expect(await noFile()).toBe("");
    },
  );

  test("what the Go plugin has changed of the link is put back by ours, and the other way round", async () => {
    const before = await stateOf(host);
    for (const [writer, remover] of [
      [reference, ours],
      [ours, reference],
    ] as const) {
      await succeed(host, "ADD", known, { directory: writer });
      expect(await stateOf(host)).not.toBe(before);
      await succeed(host, "DEL", known, { directory: remover });
      expect(await stateOf(host)).toBe(before);
      expect(await noFile()).toBe("");
    }
  });
});

describe("DEL puts everything back", () => {
  const put = async (verb: "ADD" | "DEL", calling?: Calling, config: object = everything) =>
    succeed(host, verb, config, calling);

  test("after an ADD that was repeated, with other settings", async () => {
    const before = await stateOf(host, keys);
    await put("ADD");
    await put("ADD", {}, { mtu: 1300, mac: "02:00:00:00:00:77", sysctl: { "net.ipv4.ip_default_ttl": "33" } });
    await put("DEL");
    expect(await stateOf(host, keys)).toBe(before);
    await put("DEL");
    expect(await stateOf(host, keys)).toBe(before);
  });

  test.each([{}, { sysctl: 7, mac: [], mtu: "x" }, { prevResult: 5 }, { args: { cni: 1 } }])(
    "whatever the configuration is by then: %j",
    async (config) => {
      const before = await stateOf(host, keys);
      await put("ADD");
      await put("DEL", { args: "MAC=nonsense" }, config);
      expect(await stateOf(host, keys)).toBe(before);
    },
  );

  test("when the runtime names no namespace any more, and it is there", async () => {
    const before = await stateOf(host, keys);
    await put("ADD");
    await put("DEL", { netns: "" });
    expect(await stateOf(host, keys)).toBe(before);
    expect(await noFile()).toBe("");
  });

  test("that is there: another namespace of that name is left alone", async () => {
    await put("ADD");
    await host.sh("ip netns del c1");
    await makeContainer(host);
    await host.sh("ip -n c1 link set eth0 mtu 1234");
    const before = await stateOf(host, keys);
    await put("DEL");
    expect(await stateOf(host, keys)).toBe(before);
    expect(await noFile()).toBe("");
  });

  test("and succeeds when the interface, the namespace or the file are gone, or the file is damaged", async () => {
    await put("ADD");
    await host.sh("ip -n c1 link del eth0");
    await put("DEL");
    expect(await host.sh("ip netns exec c1 cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("64");
    await host.sh("ip netns del c1");
    await put("DEL");
    await host.sh(
      `mkdir -p ${dataDir}; echo '{"mtu": "x", "sysctl": {"../kernel/hostname": "x"}, "netns": 5}' > ${file}`,
    );
    await put("DEL");
    await host.sh(`echo '{"mtu"' > ${file}`);
    await put("DEL");
    expect(await noFile()).toBe("");
    await put("DEL", {}, { dataDir: "/proc/version/x" });
  });

  test("as far as it can: one setting that cannot be put back does not keep the others", async () => {
    await put("ADD");
    await host.sh(`sed -i 's/"net.ipv4.ip_default_ttl": "64"/"net\\/ipv4\\/ip_default_ttl": "nonsense"/' ${file}`);
    const { exitCode, stderr } = await tuning(host, "DEL", everything);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("net/ipv4/ip_default_ttl=nonsense");
    expect(await stateOf(host)).toContain("02:00:00:00:00:01");
  });

  test.each([4, 8, 12, 16, 20, 24, 28, 32])("of an ADD that was killed after %i ms", async (milliseconds) => {
    const before = await stateOf(host, keys);
    const running = startPlugin(host, tuningCall("ADD", everything));
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    running.kill("SIGKILL");
    await running.finished;
    await put("DEL");
    expect(await stateOf(host, keys)).toBe(before);
    expect(await noFile()).toBe("");
  });
});

describe("an ADD that fails", () => {
  test.each([
    [
      { ...everything, sysctl: { ...sysctl, "net.ipv4.conf.IFNAME.forwarding": "nonsense" } },
      "net/ipv4/conf/eth0/forwarding",
    ],
    [{ sysctl: { ...sysctl, "net.ipv4.no_such_setting": "1" } }, 'sysctl "net.ipv4.no_such_setting" is not there'],
  ])("takes back what it has done: %j", async (config, message) => {
    const before = await stateOf(host, keys);
    const { exitCode, stdout, stderr } = await tuning(host, "ADD", config);
    expect({ exitCode, stderr, code: JSON.parse(stdout).code }).toEqual({ exitCode: 1, stderr: "", code: 999 });
    expect(stdout).toContain(JSON.stringify(message).slice(1, -1));
    expect(await stateOf(host, keys)).toBe(before);
    expect(await noFile()).toBe("");
  });

  test("does so to what an earlier one has left, too", async () => {
    await succeed(host, "ADD", { mtu: 1400 });
    const [before, content] = [await stateOf(host, keys), await host.sh(`cat ${file}`)];
    expect((await tuning(host, "ADD", { mtu: 1300, sysctl: { "net.ipv4.ip_forward": "x" } })).exitCode).toBe(1);
    expect(await stateOf(host, keys)).toBe(before);
    expect(await host.sh(`cat ${file}`)).toBe(content);
  });

  test.each(["net.ipv4", "net.ipv4.conf.eth0"])("because %s cannot be read", async (name) => {
    const { stdout } = await tuning(host, "ADD", { sysctl: { "net.ipv4.ip_default_ttl": "77", [name]: "1" } });
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, msg: expect.stringContaining(`"${name}" cannot be read`) });
    expect(await noFile()).toBe("");
  });

  test("because its id makes no name of a file does not keep its DEL from succeeding", async () => {
    const call = { ...tuningCall("ADD", everything), containerId: "c".repeat(300) };
    const before = await stateOf(host, keys);
    expect((await callPlugin(host, call)).exitCode).toBe(1);
    expect(await stateOf(host, keys)).toBe(before);
    expect((await callPlugin(host, { ...call, verb: "DEL" })).exitCode).toBe(0);
  });

  test.each(["/proc/nope", "/proc/self/nope/deeper", "/proc/version"])(
    "because no file can be in dataDir %s says so, and its DEL succeeds",
    async (nowhere) => {
      const before = await stateOf(host, keys);
      const { stdout } = await tuning(host, "ADD", { ...everything, dataDir: nowhere });
      expect(JSON.parse(stdout)).toMatchObject({
        code: 5,
        msg: expect.stringContaining(`tuning: dataDir "${nowhere}": cannot write ${nowhere}/c1_eth0.json: E`),
      });
      expect(await stateOf(host, keys)).toBe(before);
      await succeed(host, "DEL", { ...everything, dataDir: nowhere });
    },
  );

  test("because its MTU has no room for the IPv6 addresses of the container changes nothing", async () => {
    await host.sh("ip -n c1 addr add fd00::5/64 dev eth0 nodad");
    const addresses = () => host.sh("ip -n c1 -o addr show dev eth0");
    const before = await addresses();
    const ips = [{ address: "10.1.2.5/24" }, { address: "fd00::5/64", interface: 1 }];
    const interfaces = [{ name: "b0" }, { name: "eth0", sandbox: "/run/netns/c1" }];
    const add = (ip: object[], mtu: number) =>
      tuning(host, "ADD", { mtu, prevResult: { cniVersion: "1.0.0", interfaces, ips: ip } });
    expect(JSON.parse((await add(ips, 1279)).stdout)).toEqual({
      code: 7,
      msg: "tuning: mtu 1279 is too small for an IPv6 address: 1280 is the least",
    });
    expect(await addresses()).toBe(before);
    expect((await add(ips, 1280)).exitCode).toBe(0);
    expect((await add(ips.slice(0, 1), 1279)).exitCode).toBe(0);
    // that of another interface is no reason
    expect((await add([{ address: "fd00::5/64", interface: 0 }], 1279)).exitCode).toBe(0);
  });

  test("because there is no such interface", async () => {
    const { stdout } = await tuning(host, "ADD", { mtu: 1400 }, { ifname: "eth7" });
    expect(JSON.parse(stdout).msg).toBe("tuning: the container has no interface eth7");
  });
});

describe("a setting that cannot be read", () => {
  const secret = "net.ipv6.conf.IFNAME.stable_secret";
  const readSecret = () => host.sh("ip netns exec c1 cat /proc/sys/net/ipv6/conf/eth0/stable_secret");

  test("is written, and what can be put back is", async () => {
    const before = await stateOf(host, keys);
    const config = { sysctl: { ...sysctl, [secret]: "2001:db8::1", "net.ipv4.route.flush": "1" } };
    await succeed(host, "ADD", config);
    expect(await readSecret()).toBe("2001:0db8:0000:0000:0000:0000:0000:0001");
    await succeed(host, "CHECK", config);
    await succeed(host, "DEL", config);
    expect(await stateOf(host, keys)).toBe(before);
    expect(await noFile()).toBe("");
  });

  test("until it is written differs from what it should be", async () => {
    const { stdout } = await tuning(host, "CHECK", { sysctl: { [secret]: "2001:db8::1" } });
    expect(JSON.parse(stdout).msg).toBe(`sysctl ${secret} is unset instead of "2001:db8::1"`);
  });

  test("and is refused by the kernel is an error", async () => {
    const { stdout } = await tuning(host, "ADD", { sysctl: { "net.ipv4.ip_default_ttl": "77", [secret]: "nonsense" } });
    expect(JSON.parse(stdout)).toEqual({
      code: 999,
      msg: expect.stringMatching(/^set net\/ipv6\/conf\/eth0\/stable_secret=nonsense: E[A-Z]+: [a-z /]+$/),
    });
    expect(await host.sh("ip netns exec c1 cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("64");
    expect(await noFile()).toBe("");
  });
});

test("what the kernel refuses is said once", async () => {
  const { stdout } = await tuning(host, "ADD", { sysctl: { "net.ipv4.ip_forward": "nonsense" } });
  expect(JSON.parse(stdout)).toEqual({
    code: 999,
    msg: "set net/ipv4/ip_forward=nonsense (it is 0): EINVAL: invalid argument",
  });
});

test("settings of an interface with a dot in its name are found with either separator", async () => {
  await host.sh("ip -n c1 link add eth0.100 type veth peer v100");
  const read = () =>
    host.sh(
      "ip netns exec c1 cat /proc/sys/net/ipv4/conf/eth0.100/arp_notify /proc/sys/net/ipv4/conf/eth0.100/arp_filter",
    );
  const config = { sysctl: { "net.ipv4.conf.IFNAME.arp_notify": "1", "net/ipv4/conf/eth0.100/arp_filter": "1" } };
  await succeed(host, "ADD", config, { ifname: "eth0.100" });
  expect(await read()).toBe("1\n1");
  await succeed(host, "DEL", config, { ifname: "eth0.100" });
  expect(await read()).toBe("0\n0");
});

test("the settings of the host are not touched", async () => {
  const read = () => host.sh("cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/ip_forward");
  const before = await read();
  await succeed(host, "ADD", { sysctl: { "net.ipv4.ip_default_ttl": "77", "net.ipv4.ip_forward": "1" } });
  expect(await read()).toBe(before);
});

describe("the list of allowed settings", () => {
  const allow = (...lines: string[]) =>
    host.sh(
      `mount -t tmpfs etc /etc; mkdir -p /etc/cni/tuning; printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} > /etc/cni/tuning/allowlist.conf`,
    );
  const ask = (...names: string[]) =>
    tuning(host, "ADD", { sysctl: Object.fromEntries(names.map((name) => [name, "1"])) });

  test("lets through what matches one of its lines, wherever", async () => {
    await allow("", "  ^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$", "default_ttl");
    expect((await ask("net.ipv4.conf.IFNAME.arp_notify", "net.ipv4.ip_default_ttl")).exitCode).toBe(0);
    const refused = JSON.parse((await ask("net.ipv4.conf.all.arp_notify")).stdout);
    expect(refused).toMatchObject({
      code: 7,
      msg: expect.stringContaining('"net.ipv4.conf.all.arp_notify" is not allowed'),
    });
    const args = await tuning(host, "ADD", { args: { cni: { sysctl: { "net.ipv4.ip_forward": "1" } } } });
    expect(JSON.parse(args.stdout).code).toBe(7);
    const status = await tuning(host, "STATUS", {
      cniVersion: "1.1.0",
      prevResult: undefined,
      sysctl: { "net.ipv4.ip_forward": "1" },
    });
    expect(JSON.parse(status.stdout).code).toBe(50);
  });

  test("that is empty, or cannot be read as such, lets nothing through", async () => {
    await allow("");
    expect(JSON.parse((await ask("net.ipv4.ip_forward")).stdout).code).toBe(7);
    await host.sh("echo 'net\\.(' > /etc/cni/tuning/allowlist.conf");
    expect(JSON.parse((await ask("net.ipv4.ip_forward")).stdout).msg).toContain(
      "cannot be read as a regular expression",
    );
    expect((await ask()).exitCode).toBe(0);
  });
});

describe("CHECK", () => {
  test("names each setting that is not as it was set", async () => {
    await succeed(host, "ADD", everything);
    await host.sh("ip -n c1 link set eth0 mtu 1499 promisc off; ip netns exec c1 sysctl -qw net.ipv4.ip_default_ttl=9");
    const { code, msg } = JSON.parse((await tuning(host, "CHECK", everything)).stdout);
    expect(code).toBe(999);
    expect(msg.split("; ")).toEqual([
      'sysctl net.ipv4.ip_default_ttl is "9" instead of "77"',
      "eth0 has mtu 1499 instead of 1400",
      "eth0 has promisc false instead of true",
    ]);
  });

  test("knows how the kernel prints what was written in another way", async () => {
    const config = { sysctl: { "net.ipv4.ip_default_ttl": "0x4d", "net.ipv4.conf.IFNAME.arp_notify": "01" } };
    const check = async (changed: object = config) =>
      JSON.parse((await tuning(host, "CHECK", changed)).stdout || "{}").msg;
    await succeed(host, "ADD", config);
    expect(await host.sh("ip netns exec c1 cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("77");
    expect(await check()).toBe(undefined);
    expect(await check({ sysctl: { "net.ipv4.ip_default_ttl": "77" } })).toBe(undefined);
    expect(await check({ sysctl: { "net.ipv4.ip_default_ttl": "0x4e" } })).toContain('is "77" instead of "0x4e"');
    await host.sh("ip netns exec c1 sysctl -qw net.ipv4.ip_default_ttl=78");
    expect(await check()).toBe('sysctl net.ipv4.ip_default_ttl is "78" instead of "0x4d"');
    await succeed(host, "DEL", config);
    expect(await host.sh("ip netns exec c1 cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("64");
  });

  test("without prevResult is an error, as is an ADD", async () => {
    for (const verb of ["ADD", "CHECK"] as const)
      expect(JSON.parse((await tuning(host, verb, { prevResult: undefined })).stdout).code).toBe(7);
  });
});

test("GC forgets containers of the network that are neither valid nor alive", async () => {
  const add = async (containerId: string, name: string) => {
    const at = `/run/netns/${containerId}`;
    await host.sh(`ip netns add ${containerId}; ip -n ${containerId} link add eth0 type veth peer v0`);
    const call = tuningCall("ADD", { name, mtu: 1400 }, { netns: at });
    expect((await callPlugin(host, { ...call, containerId })).exitCode).toBe(0);
  };
  for (const [id, name] of [
    ["d1", "n1"],
    ["d2", "n1"],
    ["d3", "n1"],
    ["d4", "n2"],
  ] as const)
    await add(id, name);
  await host.sh(`ip netns del d1; ip netns del d2; ip netns del d4; echo '{"mtu": 1500}' > ${dataDir}/go_eth0.json`);
  const valid = { "cni.dev/valid-attachments": [{ containerID: "d2", ifname: "eth0" }] };
  const { exitCode, stderr } = await tuning(host, "GC", { cniVersion: "1.1.0", prevResult: undefined, ...valid });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: `GC: removed ${dataDir}/d1_eth0.json, whose container is gone\n`,
  });
  expect(await noFile()).toBe("d2_eth0.json\nd3_eth0.json\nd4_eth0.json\ngo_eth0.json");
});

test("what cannot be read by others is in the file", async () => {
  await succeed(host, "ADD", everything);
  expect(await host.sh(`stat -c %a ${file}; ls ${dataDir}`)).toBe("600\nc1_eth0.json");
});
