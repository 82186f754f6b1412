import { describe, expect, test } from "vitest";
import { printCidr } from "../../../../src/net/cidr.ts";
import { printIp } from "../../../../src/net/ip.ts";
import { decodeConfig, decodeDataDir } from "../../../../src/plugins/host-local/config.ts";
import { printRange, type Range } from "../../../../src/plugins/host-local/ranges.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { everyVersion } from "../../../../src/protocol/version.ts";
import { mustCidr, mustIp } from "../../net/must.ts";
import { networkOf } from "../configuration.ts";

const decode = (config: object, cniArgs = "") => decodeConfig(networkOf(config), cniArgs);
const print = (range: Range) => `${printCidr(range.subnet)} ${printRange(range)} gw ${printIp(range.gateway)}`;
/** Of a configuration: each range as its subnet, its addresses and its gateway. */
const setsOf = (config: object) => decode(config).rangeSets.map((set) => set.map(print));
const rangeOf = (range: object) => setsOf({ ipam: { ranges: [[range]] } })[0]?.[0];
const subnet = "10.1.2.0/24";

describe("one range", () => {
  test.for([
    ["HL-54: a whole network", { subnet: "192.0.2.0/24" }, "192.0.2.0/24 192.0.2.1-192.0.2.254 gw 192.0.2.1"],
    ["HL-55: half of one", { subnet: "192.0.2.0/25" }, "192.0.2.0/25 192.0.2.1-192.0.2.126 gw 192.0.2.1"],
    ["the smallest", { subnet: "192.0.2.4/30" }, "192.0.2.4/30 192.0.2.5-192.0.2.6 gw 192.0.2.5"],
    [
      "HL-60: IPv6, which has no broadcast address",
      { subnet: "2001:DB8:1::/64" },
      "2001:db8:1::/64 2001:db8:1::1-2001:db8:1:0:ffff:ffff:ffff:ffff gw 2001:db8:1::1",
    ],
    ["the smallest of IPv6", { subnet: "2001:db8::4/126" }, "2001:db8::4/126 2001:db8::5-2001:db8::7 gw 2001:db8::5"],
    [
      "HL-65: with everything given",
      { subnet: "192.0.2.0/24", rangeStart: "192.0.2.40", rangeEnd: "192.0.2.50", gateway: "192.0.2.254" },
      "192.0.2.0/24 192.0.2.40-192.0.2.50 gw 192.0.2.254",
    ],
    [
      "of one address",
      { subnet, rangeStart: "10.1.2.7", rangeEnd: "10.1.2.7" },
      "10.1.2.0/24 10.1.2.7-10.1.2.7 gw 10.1.2.1",
    ],
    [
      "from the network address to the broadcast address",
      { subnet, rangeStart: "10.1.2.0", rangeEnd: "10.1.2.255" },
      "10.1.2.0/24 10.1.2.0-10.1.2.255 gw 10.1.2.1",
    ],
    ["with a gateway outside", { subnet, gateway: "10.9.9.9" }, "10.1.2.0/24 10.1.2.1-10.1.2.254 gw 10.9.9.9"],
    [
      "with empty addresses, which count as absent",
      { subnet, rangeStart: "", rangeEnd: "", gateway: "" },
      "10.1.2.0/24 10.1.2.1-10.1.2.254 gw 10.1.2.1",
    ],
    ["with an IPv4-mapped subnet", { subnet: "::ffff:10.1.2.0/120" }, "10.1.2.0/24 10.1.2.1-10.1.2.254 gw 10.1.2.1"],
    [
      "with keys in any case",
      { Subnet: subnet, RANGESTART: "10.1.2.9" },
      "10.1.2.0/24 10.1.2.9-10.1.2.254 gw 10.1.2.1",
    ],
  ] as const)("%s", ([, range, printed]) => {
    expect(rangeOf(range)).toBe(printed);
  });

  test.for([
    [
      "HL-56: host bits",
      { subnet: "192.0.2.12/24" },
      "subnet 192.0.2.12/24 has host bits set; the network is 192.0.2.0/24",
    ],
    [
      "HL-57: host bits of IPv6",
      { subnet: "2001:db8:1::24:19ff/64" },
      "subnet 2001:db8:1::24:19ff/64 has host bits set; the network is 2001:db8:1::/64",
    ],
    [
      "HL-58: a host bit of IPv6 beside the prefix",
      { subnet: "2001:DB8:24:19ff::/63" },
      "subnet 2001:db8:24:19ff::/63 has host bits set; the network is 2001:db8:24:19fe::/63",
    ],
    [
      "HL-59: a host bit beside the prefix",
      { subnet: "192.168.127.0/23" },
      "subnet 192.168.127.0/23 has host bits set; the network is 192.168.126.0/23",
    ],
    ["HL-61: /31", { subnet: "192.0.2.0/31" }, "subnet 192.0.2.0/31 is too small to allocate from"],
    ["/32", { subnet: "192.0.2.0/32" }, "subnet 192.0.2.0/32 is too small to allocate from"],
    ["/127", { subnet: "2001:db8::/127" }, "subnet 2001:db8::/127 is too small to allocate from"],
    [
      "HL-62: rangeStart outside",
      { subnet, rangeStart: "10.1.3.5" },
      "rangeStart 10.1.3.5 is not in the subnet 10.1.2.0/24",
    ],
    ["HL-63: rangeEnd outside", { subnet, rangeEnd: "10.1.1.5" }, "rangeEnd 10.1.1.5 is not in the subnet 10.1.2.0/24"],
    [
      "rangeStart of the other family",
      { subnet, rangeStart: "2001:db8::5" },
      "rangeStart 2001:db8::5 is not in the subnet 10.1.2.0/24",
    ],
    [
      "HL-64: a start behind the end",
      { subnet, rangeStart: "10.1.2.50", rangeEnd: "10.1.2.40" },
      "rangeStart 10.1.2.50 is behind rangeEnd 10.1.2.40",
    ],
    [
      "an end before the usual start",
      { subnet, rangeEnd: "10.1.2.0" },
      "rangeStart 10.1.2.1 is behind rangeEnd 10.1.2.0",
    ],
    [
      "a start behind the usual end",
      { subnet, rangeStart: "10.1.2.255" },
      "rangeStart 10.1.2.255 is behind rangeEnd 10.1.2.254",
    ],
  ] as const)("%s is refused", ([, range, problem]) => {
    expect(() => rangeOf(range)).toThrow(new CniError(7, `range set 0: ${problem}`));
  });

  test("a refusal names the set", () => {
    const ranges = [[{ subnet }], [{ subnet: "10.2.0.0/16" }, { subnet: "10.3.0.0/31" }]];
    const error = new CniError(7, "range set 1: subnet 10.3.0.0/31 is too small to allocate from");
    expect(() => setsOf({ ipam: { ranges } })).toThrow(error);
  });
});

describe("the range sets", () => {
  const old = { subnet: "10.1.2.0/24", rangeStart: "10.1.2.9", rangeEnd: "10.1.2.20", gateway: "10.1.2.30" };
  const ofOld = ["10.1.2.0/24 10.1.2.9-10.1.2.20 gw 10.1.2.30"];
  const ranges = [[{ subnet: "11.1.2.0/24" }, { subnet: "11.2.2.0/24" }], [{ subnet: "11.3.2.0/24" }]];
  const ofRanges = [
    ["11.1.2.0/24 11.1.2.1-11.1.2.254 gw 11.1.2.1", "11.2.2.0/24 11.2.2.1-11.2.2.254 gw 11.2.2.1"],
    ["11.3.2.0/24 11.3.2.1-11.3.2.254 gw 11.3.2.1"],
  ];
  const runtimeConfig = { ipRanges: [[{ subnet: "12.1.3.0/24" }], [{ subnet: "12.2.3.0/24" }]], irrelevant: "a" };
  const ofRuntime = [["12.1.3.0/24 12.1.3.1-12.1.3.254 gw 12.1.3.1"], ["12.2.3.0/24 12.2.3.1-12.2.3.254 gw 12.2.3.1"]];

  test.for([
    ["HL-41: of the old fields", { ipam: old }, [ofOld]],
    ["HL-42: of ranges", { ipam: { ranges } }, ofRanges],
    ["of the runtime alone", { ipam: {}, runtimeConfig }, ofRuntime],
    ["of the old fields before ranges", { ipam: { ...old, ranges } }, [ofOld, ...ofRanges]],
    [
      "HL-43: of the runtime, then of the old fields, then of ranges",
      { ipam: { ...old, ranges }, runtimeConfig },
      [...ofRuntime, ofOld, ...ofRanges],
    ],
    [
      "without the old fields when the subnet is missing",
      { ipam: { ranges, rangeStart: "10.1.2.9", rangeEnd: "10.1.2.20", gateway: "10.1.2.30" } },
      ofRanges,
    ],
    [
      "of the runtime as containerd writes them",
      {
        ipam: {},
        runtimeConfig: { ipRanges: [[{ Subnet: "12.1.3.0/24", RangeStart: "", RangeEnd: "", Gateway: "" }]] },
      },
      ofRuntime.slice(0, 1),
    ],
  ] as const)("%s", ([, config, sets]) => {
    expect(setsOf(config)).toEqual(sets);
  });

  test.for([
    ["no ipam", {}, 7, "host-local: ipam is missing"],
    ["no ranges", { ipam: {} }, 7, "ipam has no ranges to allocate from: set subnet or ranges"],
    ["an empty list of sets", { ipam: { ranges: [] } }, 7, "ipam has no ranges to allocate from: set subnet or ranges"],
    ["an empty set", { ipam: { ranges: [[{ subnet }], []] } }, 7, "range set 1 is empty"],
    ["a range without subnet", { ipam: { ranges: [[{}]] } }, 7, "host-local: ipam.ranges[0][0].subnet is missing"],
    [
      "a subnet without prefix length",
      { ipam: { subnet: "10.1.2.0" } },
      7,
      'host-local: ipam.subnet: expected a subnet like 10.1.0.0/16, got "10.1.2.0"',
    ],
    [
      "a bad address",
      { ipam: { subnet, rangeStart: "10.1.2" } },
      7,
      'host-local: ipam.rangeStart: expected an IP address, got "10.1.2"',
    ],
    [
      "ranges that are not in sets",
      { ipam: { ranges: [{ subnet }] } },
      6,
      `host-local: ipam.ranges[0]: expected a list, got {"subnet":"${subnet}"}`,
    ],
    [
      "HL-50: both families in a set",
      { ipam: { ranges: [[{ subnet }, { subnet: "2001:db8:5::/64" }]] } },
      7,
      "range set 0 mixes IPv4 and IPv6",
    ],
  ] as const)("%s is refused", ([, config, code, message]) => {
    expect(() => setsOf(config)).toThrow(new CniError(code, message));
  });
});

describe("overlap", () => {
  const low = { subnet, rangeEnd: "10.1.2.127" };
  const high = { subnet, rangeStart: "10.1.2.128" };

  test.for([
    ["HL-68: of ranges apart", { subnet }, { subnet: "10.2.2.0/24" }],
    ["HL-69: of families", { subnet: "0.0.0.0/24" }, { subnet: "::/24" }],
    ["HL-72: of two slices of a subnet", low, high],
  ] as const)("%s is none", ([, a, b]) => {
    const sets = (first: object, second: object) => setsOf({ ipam: { ranges: [[first], [second]] } });
    expect(sets(a, b)).toEqual(sets(b, a).toReversed());
  });

  const overlapping = [
    ["HL-70: a range and itself", { subnet }, { subnet }, "10.1.2.1-10.1.2.254", "10.1.2.1-10.1.2.254"],
    [
      "HL-71: a range in another",
      { subnet: "10.1.0.0/16" },
      { subnet },
      "10.1.0.1-10.1.255.254",
      "10.1.2.1-10.1.2.254",
    ],
    [
      "HL-73: two slices with one address in common",
      low,
      { subnet, rangeStart: "10.1.2.127" },
      "10.1.2.1-10.1.2.127",
      "10.1.2.127-10.1.2.254",
    ],
    [
      "two slices of IPv6",
      { subnet: "2001:db8::/64", rangeEnd: "2001:db8::5" },
      { subnet: "2001:db8::/64", rangeStart: "2001:db8::5", rangeEnd: "2001:db8::9" },
      "2001:db8::1-2001:db8::5",
      "2001:db8::5-2001:db8::9",
    ],
  ] as const;

  test.for(overlapping)("inside a set is refused (HL-49, HL-75): %s", ([, a, b, printedA, printedB]) => {
    const message = (one: string, two: string) => `the ranges ${one} and ${two} in range set 0 overlap`;
    expect(() => setsOf({ ipam: { ranges: [[a, b]] } })).toThrow(new CniError(7, message(printedA, printedB)));
    expect(() => setsOf({ ipam: { ranges: [[b, a]] } })).toThrow(new CniError(7, message(printedB, printedA)));
  });

  test.for(overlapping)("between sets is refused (HL-48, HL-76): %s", ([, a, b, printedA, printedB]) => {
    const message = (one: string, two: string) => `the ranges ${one} and ${two} of range sets 0 and 1 overlap`;
    expect(() => setsOf({ ipam: { ranges: [[a], [b]] } })).toThrow(new CniError(7, message(printedA, printedB)));
    expect(() => setsOf({ ipam: { ranges: [[b], [a]] } })).toThrow(new CniError(7, message(printedB, printedA)));
  });

  test("names the sets by their place among all", () => {
    const ranges = [[{ subnet: "10.9.0.0/16" }], [{ subnet: "10.8.0.0/16" }, { subnet }]];
    const message = "the ranges 10.1.2.1-10.1.2.254 and 10.1.2.1-10.1.2.254 of range sets 0 and 2 overlap";
    expect(() => setsOf({ ipam: { subnet, ranges } })).toThrow(new CniError(7, message));
  });
});

describe("one address of each family in the first versions", () => {
  const v4 = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "10.2.0.0/16" }]];
  const v6 = [[{ subnet: "2001:db8:1::/64" }], [{ subnet: "2001:db8:2::/64" }]];
  const oldVersions = ["0.1.0", "0.2.0"] as const;
  const refusal = (version: string, family: 4 | 6) =>
    new CniError(
      7,
      `cniVersion ${version} does not allow more than one address per family, but there are several IPv${family} range sets`,
    );

  test.for(oldVersions)("HL-51: several sets of a family are refused in version %s", (version) => {
    expect(() => decodeConfig(networkOf({ ipam: { ranges: v4 } }, version), "")).toThrow(refusal(version, 4));
    expect(() => decodeConfig(networkOf({ ipam: { ranges: v6 } }, version), "")).toThrow(refusal(version, 6));
  });

  test.for(oldVersions)("HL-52: one set of each is allowed in version %s", (version) => {
    const ranges = [...v4.slice(0, 1), ...v6.slice(0, 1)];
    expect(decodeConfig(networkOf({ ipam: { ranges } }, version), "").rangeSets).toHaveLength(2);
  });

  test.for(oldVersions)("several ranges in one set are allowed in version %s", (version) => {
    expect(decodeConfig(networkOf({ ipam: { ranges: [v4.flat()] } }, version), "").rangeSets).toHaveLength(1);
  });

  test.for(everyVersion.slice(2))("several sets are allowed in version %s", (version) => {
    const ranges = [...v4, ...v6];
    expect(decodeConfig(networkOf({ ipam: { ranges } }, version), "").rangeSets).toHaveLength(4);
  });
});

describe("requested addresses", () => {
  const ipam = { subnet };
  const requested = (config: object, cniArgs = "") => decode({ ipam, ...config }, cniArgs).requestedIps.map(printIp);

  test.for([
    ["none", {}, "", []],
    ["HL-44: of CNI_ARGS", {}, "IP=10.1.2.10", ["10.1.2.10"]],
    ["HL-45: of CNI_ARGS with a prefix length, which is dropped", {}, "IP=10.1.2.11/24", ["10.1.2.11"]],
    ["of CNI_ARGS among keys to be ignored", {}, "IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.1.2.10", ["10.1.2.10"]],
    ["none of an empty one in CNI_ARGS", {}, "IP=", []],
    [
      "one that is asked for in every way, once",
      { args: { cni: { ips: ["10.1.2.10", "10.1.2.10/24"] } }, runtimeConfig: { ips: ["10.1.2.10"] } },
      "IP=10.1.2.10",
      ["10.1.2.10"],
    ],
    [
      "HL-46: of CNI_ARGS and then of args",
      { args: { cni: { ips: ["10.1.2.11", "11.11.11.11", "2001:db8:1::11"] } } },
      "IP=10.1.2.10",
      ["10.1.2.10", "10.1.2.11", "11.11.11.11", "2001:db8:1::11"],
    ],
    [
      "HL-47: the same with prefix lengths",
      { args: { cni: { ips: ["10.1.2.11/24", "11.11.11.11/24", "2001:db8:1::11/64"] } } },
      "IP=10.1.2.10/24",
      ["10.1.2.10", "10.1.2.11", "11.11.11.11", "2001:db8:1::11"],
    ],
    [
      "HL-53: of the runtime",
      { runtimeConfig: { ips: ["192.168.0.1", "192.168.0.5/24", "2001:db8::1/64"] } },
      "",
      ["192.168.0.1", "192.168.0.5", "2001:db8::1"],
    ],
    [
      "of all three",
      { runtimeConfig: { ips: ["10.1.2.3"] }, args: { cni: { ips: ["10.1.2.2"] } } },
      "IP=10.1.2.1",
      ["10.1.2.1", "10.1.2.2", "10.1.2.3"],
    ],
  ] as const)("%s", ([, config, cniArgs, ips]) => {
    expect(requested(config, cniArgs)).toEqual(ips);
  });

  const expected = "expected an IP address, with or without prefix length";

  test.for([
    ["empty in args", { args: { cni: { ips: [""] } } }, "", 7, `host-local: args.cni.ips[0]: ${expected}, got ""`],
    [
      "bad in the runtime",
      { runtimeConfig: { ips: ["10.1.2.3", "x"] } },
      "",
      7,
      `host-local: runtimeConfig.ips[1]: ${expected}, got "x"`,
    ],
    [
      "with a bad prefix length",
      { runtimeConfig: { ips: ["10.1.2.3/33"] } },
      "",
      7,
      `host-local: runtimeConfig.ips[0]: ${expected}, got "10.1.2.3/33"`,
    ],
    ["bad in CNI_ARGS", {}, "IP=x", 4, 'CNI_ARGS: IP "x" is not an IP address'],
    [
      "of another plugin",
      {},
      "MAC=x",
      4,
      "CNI_ARGS: unknown arguments [MAC=x]; set IgnoreUnknown=1 to have them ignored",
    ],
  ] as const)("%s are refused", ([, config, cniArgs, code, message]) => {
    expect(() => requested(config, cniArgs)).toThrow(new CniError(code, message));
  });
});

describe("the rest of the configuration", () => {
  test.for([
    ["absent", {}, "/var/lib/cni/networks"],
    ["empty", { dataDir: "" }, "/var/lib/cni/networks"],
    ["given", { dataDir: "/run/ipam" }, "/run/ipam"],
  ] as const)("dataDir %s", ([, ipam, dataDir]) => {
    expect(decode({ ipam: { subnet, ...ipam } }).dataDir).toBe(dataDir);
    expect(decodeDataDir(networkOf({ ipam }))).toBe(dataDir);
  });

  test.for([
    ["absent", {}, undefined],
    ["empty", { resolvConf: "" }, undefined],
    ["given", { resolvConf: "/etc/resolv.conf" }, "/etc/resolv.conf"],
  ] as const)("resolvConf %s", ([, ipam, resolvConf]) => {
    expect(decode({ ipam: { subnet, ...ipam } }).resolvConf).toBe(resolvConf);
  });

  test("routes are handed on with all their fields", () => {
    const routes = [
      { dst: "0.0.0.0/0" },
      { dst: "10.9.1.2/16", gw: "10.1.2.9", mtu: 1400, advmss: 1360, priority: 5, table: 0, scope: 253 },
      { dst: "::/0", gw: "" },
    ];
    expect(decode({ ipam: { subnet, routes } }).routes).toEqual([
      { dst: mustCidr("0.0.0.0/0") },
      {
        dst: mustCidr("10.9.1.2/16"),
        gw: mustIp("10.1.2.9"),
        mtu: 1400,
        advmss: 1360,
        priority: 5,
        table: 0,
        scope: 253,
      },
      { dst: mustCidr("::/0") },
    ]);
  });

  test("there are no routes by themselves", () => {
    expect(decode({ ipam: { subnet } }).routes).toEqual([]);
  });
});

test.for([
  ["ranges that overlap", { ipam: { dataDir: "/run/ipam", subnet, ranges: [[{ subnet }]] } }, "/run/ipam"],
  ["a subnet that is none", { ipam: { dataDir: "/run/ipam", subnet: 1 } }, "/run/ipam"],
  ["no ipam", {}, "/var/lib/cni/networks"],
  ["an ipam that is none", { ipam: [] }, "/var/lib/cni/networks"],
  ["a dataDir that is none", { ipam: { dataDir: 1 } }, "/var/lib/cni/networks"],
] as const)("DEL finds the addresses in spite of %s", ([, config, dataDir]) => {
  expect(decodeDataDir(networkOf(config))).toBe(dataDir);
});

describe("exclude", () => {
  const spans = (ipam: object) =>
    decode({ ipam: { subnet: "10.1.2.0/28", ...ipam } }).rangeSets.flatMap((set) =>
      set.flatMap((range) => range.spans.map((span) => `${printIp(span.start)}-${printIp(span.end)}`)),
    );

  test.for([
    ["nothing but the gateway", {}, ["10.1.2.2-10.1.2.14"]],
    ["an address", { exclude: ["10.1.2.5"] }, ["10.1.2.2-10.1.2.4", "10.1.2.6-10.1.2.14"]],
    ["a subnet", { exclude: ["10.1.2.8/29"] }, ["10.1.2.2-10.1.2.7"]],
    ["a subnet by any of its addresses", { exclude: ["10.1.2.13/29"] }, ["10.1.2.2-10.1.2.7"]],
    ["everything", { exclude: ["10.1.2.0/28"] }, []],
    ["an address of a range that it is not in", { rangeEnd: "10.1.2.4", exclude: ["10.1.2.9"] }, ["10.1.2.2-10.1.2.4"]],
  ] as const)("of %s", ([, ipam, left]) => {
    expect(spans(ipam)).toEqual(left);
  });

  test.for([
    ["outside of all subnets", ["10.9.9.9"], 7, "ipam.exclude: 10.9.9.9/32 is in none of the subnets"],
    ["a net that is larger than the subnet", ["10.1.0.0/16"], 7, "ipam.exclude: 10.1.0.0/16 is in none of the subnets"],
    ["of the other family", ["fd00::1"], 7, "ipam.exclude: fd00::1/128 is in none of the subnets"],
    [
      "no address",
      ["x"],
      7,
      'host-local: ipam.exclude[0]: expected an IP address, or several like 10.1.0.64/26, got "x"',
    ],
    ["no list", "10.1.2.5", 6, 'host-local: ipam.exclude: expected a list, got "10.1.2.5"'],
  ] as const)("%s is refused", ([, exclude, code, message]) => {
    expect(() => spans({ exclude })).toThrow(new CniError(code, message));
  });
});

describe("allocation", () => {
  test.for([
    [undefined, "round-robin"],
    ["round-robin", "round-robin"],
    ["lowest", "lowest"],
  ] as const)("%s is %s", ([allocation, decoded]) => {
    expect(decode({ ipam: { subnet, allocation } }).allocation).toBe(decoded);
  });

  test("of another kind is refused", () => {
    const message = 'host-local: ipam.allocation: expected "round-robin" or "lowest", got "random"';
    expect(() => decode({ ipam: { subnet, allocation: "random" } })).toThrow(new CniError(7, message));
  });
});
