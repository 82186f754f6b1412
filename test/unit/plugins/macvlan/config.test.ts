import { expect, test } from "vitest";
import { decodeConfig, decodeRemains } from "../../../../src/plugins/macvlan/config.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { networkOf } from "../configuration.ts";
import { plainConfig } from "./examples.ts";

test.each<[string, object, object]>([
  ["nothing", {}, {}],
  [
    "null and empty",
    { master: "", mode: "", mac: "", mtu: null, onParentDown: "", bcqueuelen: 0, ipam: { type: "" } },
    {},
  ],
  ["keys in any case", { MASTER: "lan0", LinkInContainer: true }, { master: "lan0", linkInContainer: true }],
  ["each mode", { mode: "passthru" }, { mode: "passthru" }],
  ["mtu", { mtu: 1400 }, { mtu: 1400 }],
  ["bcqueuelen", { bcqueuelen: 4294967295 }, { queueLength: 4294967295 }],
  ["dns", { dns: { domain: "a" } }, { dns: { domain: "a" } }],
  [
    "our own",
    { internal: true, hostAccess: true, onParentDown: "fail", enabledad: true, ipam: { type: "static" } },
    { internal: true, hostAccess: true, onParentDown: "fail", enableDad: true, ipamType: "static" },
  ],
  ["no ports", { runtimeConfig: { portMappings: [] } }, {}],
])("%s", (_, written, expected) => {
  expect(decodeConfig(networkOf(written), "")).toEqual({ ...plainConfig, ...expected });
});

test.each<[string, object, string, string]>([
  ["mac", { mac: "02:00:00:00:00:01" }, "", "02:00:00:00:00:01"],
  ["CNI_ARGS", { mac: "02:00:00:00:00:01" }, "MAC=02:00:00:00:00:02", "02:00:00:00:00:02"],
  [
    "runtimeConfig",
    { mac: "02:00:00:00:00:01", RuntimeConfig: { mac: "02:00:00:00:00:03" } },
    "MAC=02:00:00:00:00:02",
    "02:00:00:00:00:03",
  ],
])("the MAC address of %s", (_, written, args, expected) => {
  expect(decodeConfig(networkOf(written), args).mac).toBe(expected);
});

const problems: readonly [object, string, number, string][] = [
  [{ master: 7 }, "", 6, "macvlan: master: expected a string, got 7"],
  [{ master: "lo" }, "", 7, 'macvlan: master "lo" cannot be the parent of a macvlan: nothing else is on its link'],
  [{ master: "a/b" }, "", 7, 'macvlan: master "a/b" cannot be the parent of a macvlan: it contains / or :'],
  [{ mode: true }, "", 6, "macvlan: mode: expected a string, got true"],
  [{ mode: "ipvlan" }, "", 7, 'macvlan: mode "ipvlan" does not exist: it can be bridge, private, vepa or passthru'],
  [{ mode: "source" }, "", 2, "macvlan: mode source is not supported: it can be bridge, private, vepa or passthru"],
  [{ mtu: "1500" }, "", 6, 'macvlan: mtu: expected a whole number, got "1500"'],
  [{ mtu: -1 }, "", 7, "macvlan: mtu -1 is not between 68 and 65535"],
  [{ mac: "02:00" }, "", 7, 'macvlan: mac: expected an Ethernet address like 02:42:ac:11:00:02, got "02:00"'],
  [{}, "MAC=x", 4, 'CNI_ARGS: MAC "x" is not an Ethernet address'],
  [{ bcqueuelen: -1 }, "", 6, "macvlan: bcqueuelen -1 is not between 0 and 4294967295"],
  [{ bcqueuelen: 4294967296 }, "", 6, "macvlan: bcqueuelen 4294967296 is not between 0 and 4294967295"],
  [{ bcqueuelen: 1.5 }, "", 6, "macvlan: bcqueuelen: expected a whole number, got 1.5"],
  [{ linkInContainer: "yes" }, "", 6, 'macvlan: linkInContainer: expected true or false, got "yes"'],
  [{ internal: 1 }, "", 6, "macvlan: internal: expected true or false, got 1"],
  [{ hostAccess: [] }, "", 6, "macvlan: hostAccess: expected true or false, got []"],
  [{ enabledad: {} }, "", 6, "macvlan: enabledad: expected true or false, got {}"],
  [{ onParentDown: true }, "", 6, "macvlan: onParentDown: expected a string, got true"],
  [{ onParentDown: "wait" }, "", 7, 'macvlan: onParentDown: expected "fail" or "ignore", got "wait"'],
  [{ ipam: [] }, "", 6, "macvlan: ipam: expected an object, got []"],
  [{ dns: { search: "a" } }, "", 6, 'macvlan: dns.search: expected a list, got "a"'],
  [{ runtimeConfig: { mac: 1 } }, "", 6, "macvlan: runtimeConfig.mac: expected a string, got 1"],
  [
    { runtimeConfig: { portMappings: [{}] } },
    "",
    2,
    "macvlan: runtimeConfig.portMappings is not supported: a container of macvlan has an address of its own on the link",
  ],
  [
    { hostAccess: true, mode: "private", ipam: { type: "static" } },
    "",
    7,
    "macvlan: hostAccess is for mode bridge: in mode private the host is not on the same link",
  ],
  [
    { hostAccess: true, linkInContainer: true, ipam: { type: "static" } },
    "",
    7,
    "macvlan: hostAccess is not for linkInContainer: the host is not on the link of that parent",
  ],
  [{ hostAccess: true }, "", 7, "macvlan: hostAccess needs ipam: the host has a route to each address"],
  [
    { internal: true, linkInContainer: true },
    "",
    7,
    "macvlan: an isolated parent is made on the host, so linkInContainer needs a master",
  ],
];

test.each(problems)("%j with CNI_ARGS %j: error %i", (written, args, code, message) => {
  const error = errorOf(() => decodeConfig(networkOf(written), args));
  expect({ code: error.code, message: error.message }).toEqual({ code, message });
});

test("of what DEL needs, what cannot be read is not there", () => {
  expect(decodeRemains(networkOf({ ipam: { type: "static" }, mode: 7, hostAccess: "x" }))).toEqual({
    ipamType: "static",
  });
  expect(decodeRemains(networkOf({ ipam: { type: 7 } }))).toEqual({ ipamType: undefined });
  expect(decodeRemains(networkOf({ ipam: [] }))).toEqual({ ipamType: undefined });
});

function errorOf(body: () => unknown): CniError {
  try {
    body();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("no error");
}
