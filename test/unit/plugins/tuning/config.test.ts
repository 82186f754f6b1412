import { describe, expect, test } from "vitest";
import { decodeConfig, decodeDataDir } from "../../../../src/plugins/tuning/config.ts";
import { parseDocument } from "../../../../src/protocol/document.ts";
import { networkOf } from "../configuration.ts";

const decoded = (config: object, args = "") => decodeConfig(networkOf(config), args, "eth0");
const [a, b, c, d] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"];

test("nothing is to be done by default", () => {
  expect(decoded({})).toEqual({ dataDir: "/run/cni/tuning", sysctls: [], link: {} });
  expect(
    decoded({ mac: "", mtu: 0, promisc: false, dataDir: "", sysctl: null, runtimeConfig: { mac: "" }, args: null }),
  ).toEqual(decoded({}));
});

test("a switch may be switched off where the reference does so, and a length may be 0", () => {
  expect(decoded({ promisc: false, allmulti: false, txQLen: 0 }).link).toEqual({ allmulti: false, txqlen: 0 });
});

test.each([
  [{ mac: a }, "", a],
  [{ mac: a }, `MAC=${b}`, b],
  [{ mac: a, runtimeConfig: { mac: c } }, `MAC=${b}`, c],
  [{ mac: a, runtimeConfig: { mac: c }, args: { cni: { mac: d } } }, `MAC=${b}`, d],
])("the MAC address of %j and %s", (config, args, mac) => {
  expect(decoded(config, args).link).toEqual({ mac });
});

test("args replace settings one by one, by whichever name", () => {
  const sysctl = { "net.ipv4.x": "1", "net.ipv4.y": "2" };
  expect(decoded({ sysctl, args: { cni: { sysctl: { "net/ipv4/x": "3" } } } }).sysctls).toEqual([
    { name: "net.ipv4.y", key: "net/ipv4/y", value: "2" },
    { name: "net/ipv4/x", key: "net/ipv4/x", value: "3" },
  ]);
  expect(decoded({ args: { cni: { sysctl: { "net.ipv4.x": "3" } } } }).sysctls).toHaveLength(1);
});

describe("what cannot be", () => {
  test.each([
    [{ sysctl: { "kernel.hostname": "x" } }, 7, "kernel.hostname"],
    [{ sysctl: { "net/../kernel/hostname": "x" } }, 7, "leads out"],
    [{ sysctl: { "net.ipv4.x": "1", "net/ipv4/x": "2" } }, 7, "are one setting"],
    [{ sysctl: { "net.ipv4.conf.IFNAME.x": "1", "net.ipv4.conf.eth0.x": "2" } }, 7, "are one setting"],
    [{ sysctl: { "net.ipv4.x": 1 } }, 6, "sysctl.net.ipv4.x"],
    [{ sysctl: ["x"] }, 6, "an object"],
    [{ mac: "02:00" }, 7, "mac"],
    [{ mac: "01:00:5e:00:00:01" }, 7, "mac 01:00:5e:00:00:01 is not"],
    [{ runtimeConfig: { mac: "00:00:00:00:00:00" } }, 7, "mac 00:00:00:00:00:00 is not"],
    [{ mtu: 67 }, 7, "mtu 67"],
    [{ mtu: -1 }, 7, "mtu -1"],
    [{ mtu: "1400" }, 6, "mtu"],
    [{ txQLen: -1 }, 7, "txQLen"],
    [{ txQLen: 2 ** 32 }, 7, "txQLen"],
    [{ promisc: "yes" }, 6, "promisc"],
    [{ allmulti: 1 }, 6, "allmulti"],
    [{ args: { cni: { mtu: 1 } } }, 7, "mtu 1"],
    [{ dataDir: "a\0b" }, 7, "dataDir"],
    [{ dataDir: "run/tuning" }, 7, 'dataDir "run/tuning" is not an absolute path'],
  ])("%j", (config, code, message) => {
    expect(() => decoded(config)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("a setting that is written twice", () => {
    const network = networkOf({});
    const text = '{"sysctl": {"net.ipv4.x": "1", "net.ipv4.x": "1"}}';
    const twice = { ...network, document: parseDocument(text, "the test") };
    expect(() => decodeConfig(twice, "", "eth0")).toThrow(expect.objectContaining({ code: 7 }));
  });

  test("MAC in CNI_ARGS", () => {
    expect(() => decoded({}, "MAC=x")).toThrow(expect.objectContaining({ code: 4 }));
  });
});

test("DEL takes a directory as it is, or the usual one", () => {
  expect(decodeDataDir(networkOf({ dataDir: "/x", mtu: "y" }))).toBe("/x");
  expect(decodeDataDir(networkOf({ dataDir: 5 }))).toBe("/run/cni/tuning");
});
