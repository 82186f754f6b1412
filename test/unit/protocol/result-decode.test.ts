import { describe, expect, test } from "vitest";
import { parseDocument } from "../../../src/protocol/document.ts";
import { CniError } from "../../../src/protocol/error.ts";
import { emptyResult, type Result } from "../../../src/protocol/result.ts";
import { decodeIpamResult, decodePrevResult } from "../../../src/protocol/result-decode.ts";
import { printResult } from "../../../src/protocol/result-print.ts";
import { everyVersion, type SpecVersion } from "../../../src/protocol/version.ts";
import { mustCidr, mustIp } from "../net/must.ts";

const document = (value: object) => parseDocument(JSON.stringify(value), "the test");
const prevResult = (value: object, version: SpecVersion) => decodePrevResult(document(value), version);
const ipamResult = (value: object, version: SpecVersion) => decodeIpamResult(document(value), version, "the answer");

const plain: Result = {
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/c1" }],
  ips: [
    { interface: 0, address: mustCidr("10.1.0.5/16"), gateway: mustIp("10.1.0.1") },
    { interface: 0, address: mustCidr("2001:db8::5/64") },
  ],
  routes: [{ dst: mustCidr("0.0.0.0/0"), gw: mustIp("10.1.0.1") }, { dst: mustCidr("2001:db8:1::/48") }],
  dns: { nameservers: ["10.1.0.1"], domain: "example.org", search: ["a.org"], options: ["ndots:2"] },
};
const routed: Result = {
  ...plain,
  routes: [{ dst: mustCidr("0.0.0.0/0"), gw: mustIp("10.1.0.1"), mtu: 1, advmss: 2, priority: 3, table: 0, scope: 0 }],
};
const full: Result = {
  ...routed,
  interfaces: [{ name: "eth0", mtu: 1400, socketPath: "/run/s", pciID: "0000:00:1f.6" }],
};
/** The first versions know neither interfaces nor indexes. */
const bare: Result = { ...plain, interfaces: [], ips: plain.ips.map(({ address, gateway }) => ({ address, gateway })) };

describe("what is printed is read back", () => {
  test.for([
    ["0.1.0", bare],
    ["0.2.0", bare],
    ["0.3.0", routed],
    ["0.3.1", routed],
    ["0.4.0", routed],
    ["1.0.0", full],
    ["1.1.0", full],
  ] as const)("in version %s", ([version, result]) => {
    const printed = parseDocument(printResult(result, version), "the test");
    expect(decodePrevResult(printed, version)).toEqual(result);
    expect(decodeIpamResult(printed, version, "the answer")).toEqual(result);
  });
});

describe("prevResult", () => {
  const families: readonly (readonly SpecVersion[])[] = [
    ["0.1.0", "0.2.0"],
    ["0.3.0", "0.3.1", "0.4.0"],
    ["1.0.0", "1.1.0"],
  ];
  const pairs = everyVersion.flatMap((config) => everyVersion.map((written) => [written, config] as const));
  const isOneFamily = ([a, b]: readonly [SpecVersion, SpecVersion]) =>
    families.some((family) => family.includes(a) && family.includes(b));

  test.for(pairs.filter(isOneFamily))(
    "of version %s may stand in a configuration of version %s",
    ([written, config]) => {
      expect(prevResult({ cniVersion: written }, config)).toEqual(emptyResult);
    },
  );

  test.for(pairs.filter((pair) => !isOneFamily(pair)))(
    "of version %s may not stand in a configuration of version %s",
    ([written, config]) => {
      const message = `prevResult has version ${written}, which cannot stand in a configuration of version ${config}`;
      expect(() => prevResult({ cniVersion: written }, config)).toThrow(new CniError(1, message));
    },
  );

  test.for([
    ["no version", {}],
    ["an empty version", { cniVersion: "" }],
    ["null for a version", { cniVersion: null }],
  ] as const)("with %s has that of the configuration", ([, version]) => {
    const old = { ...version, ip4: { ip: "10.1.0.5/16" } };
    expect(prevResult(old, "0.2.0")).toEqual({ ...emptyResult, ips: [{ address: mustCidr("10.1.0.5/16") }] });
    const recent = { ...version, ips: [{ address: "10.1.0.5/16" }] };
    expect(prevResult(recent, "1.0.0")).toEqual({ ...emptyResult, ips: [{ address: mustCidr("10.1.0.5/16") }] });
  });

  test.for([
    ["an unknown version", { cniVersion: "9.9.9" }, 1, 'prevResult has the unknown version "9.9.9"'],
    ["a version that is a number", { cniVersion: 1 }, 6, "prevResult: cniVersion: expected a string, got 1"],
    ["a list", [], 6, "prevResult: expected an object, got []"],
    ["an address that is missing", { ips: [{}] }, 7, "prevResult: ips[0].address is missing"],
    [
      "an address without prefix length",
      { ips: [{ address: "10.1.0.5" }] },
      7,
      'prevResult: ips[0].address: expected an address with its prefix length, like 10.1.0.5/16, got "10.1.0.5"',
    ],
    [
      "a bad gateway",
      { ips: [{ address: "10.1.0.5/16", gateway: "x" }] },
      7,
      'prevResult: ips[0].gateway: expected an IP address, got "x"',
    ],
    [
      "a bad destination",
      { routes: [{ dst: "10.1.0.0/16" }, { dst: "default" }] },
      7,
      'prevResult: routes[1].dst: expected an address with its prefix length, like 10.1.0.5/16, got "default"',
    ],
    ["a destination that is missing", { routes: [{}] }, 7, "prevResult: routes[0].dst is missing"],
    [
      "a bad next hop",
      { routes: [{ dst: "10.1.0.0/16", gw: "x" }] },
      7,
      'prevResult: routes[0].gw: expected an IP address, got "x"',
    ],
    [
      "an index that is text",
      { ips: [{ address: "10.1.0.5/16", interface: "0" }] },
      6,
      'prevResult: ips[0].interface: expected a whole number, got "0"',
    ],
  ] as const)("with %s is refused", ([, value, code, message]) => {
    expect(() => prevResult(value, "1.0.0")).toThrow(new CniError(code, message));
  });
});

describe("the answer of IPAM", () => {
  const ips = [{ address: mustCidr("10.1.0.5/16"), gateway: mustIp("10.1.0.1") }];
  const routes = [{ dst: mustCidr("0.0.0.0/0") }];
  const old = { ip4: { ip: "10.1.0.5/16", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0" }] } };
  const recent = { ips: [{ address: "10.1.0.5/16", gateway: "10.1.0.1" }], routes: [{ dst: "0.0.0.0/0" }] };

  test.for([
    ["0.1.0", old],
    ["0.2.0", old],
    ["0.3.0", recent],
    ["0.3.1", recent],
    ["0.4.0", recent],
    ["1.0.0", recent],
    ["1.1.0", recent],
  ] as const)("in version %s is read under any configuration", ([written, answer]) => {
    const results = everyVersion.map((config) => ipamResult({ cniVersion: written, ...answer }, config));
    expect(results).toEqual(everyVersion.map(() => ({ ...emptyResult, ips, routes })));
  });

  test.for([
    ["0.2.0", old],
    ["1.0.0", recent],
  ] as const)("without a version is read as that of the configuration, %s", ([config, answer]) => {
    expect(ipamResult(answer, config)).toEqual({ ...emptyResult, ips, routes });
    expect(ipamResult({ ...answer, cniVersion: "" }, config)).toEqual({ ...emptyResult, ips, routes });
  });

  test("in an unknown version is refused", () => {
    const error = new CniError(1, 'the answer has the unknown version "0.5.0"');
    expect(() => ipamResult({ cniVersion: "0.5.0" }, "1.0.0")).toThrow(error);
  });

  test("that is no object is refused", () => {
    expect(() => ipamResult(["x"], "1.0.0")).toThrow(new CniError(6, 'the answer: expected an object, got ["x"]'));
  });

  test("that is null is empty", () => {
    expect(decodeIpamResult(parseDocument("null", "the test"), "1.0.0", "the answer")).toEqual(emptyResult);
  });
});

test("both addresses of an old result, IPv4 first, with the routes of both", () => {
  const written = {
    ip6: { ip: "2001:db8::5/64", gateway: "2001:db8::1", routes: [{ dst: "::/0" }] },
    ip4: { ip: "10.1.0.5/16", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }] },
  };
  expect(prevResult(written, "0.2.0")).toEqual({
    ...emptyResult,
    ips: [
      { address: mustCidr("10.1.0.5/16") },
      { address: mustCidr("2001:db8::5/64"), gateway: mustIp("2001:db8::1") },
    ],
    routes: [{ dst: mustCidr("0.0.0.0/0"), gw: mustIp("10.1.0.1") }, { dst: mustCidr("::/0") }],
  });
});

test("keys are read in any case, unknown ones and the version of an address are dropped", () => {
  const written = {
    CNIVERSION: "1.0.0",
    Interfaces: [{ NAME: "eth0", Mac: "02:00:00:00:00:02", speed: 10 }],
    IPs: [{ version: "6", Address: "10.1.0.5/16" }],
    extra: true,
  };
  expect(prevResult(written, "1.0.0")).toStrictEqual({
    ...emptyResult,
    interfaces: [{ name: "eth0", mac: "02:00:00:00:00:02" }],
    ips: [{ address: mustCidr("10.1.0.5/16") }],
  });
});

test.for([
  ["an empty gateway counts as absent", { address: "10.1.0.5/16", gateway: "" }, { address: mustCidr("10.1.0.5/16") }],
  ["IPv4-mapped is IPv4", { address: "::ffff:10.0.0.2/120" }, { address: mustCidr("10.0.0.2/24") }],
  [
    "an index of 0 is one",
    { address: "10.1.0.5/16", interface: 0 },
    { address: mustCidr("10.1.0.5/16"), interface: 0 },
  ],
] as const)("%s", ([, written, ip]) => {
  expect(prevResult({ ips: [written] }, "1.0.0").ips).toEqual([ip]);
});

test("an interface without a name has an empty one", () => {
  expect(prevResult({ interfaces: [{ mac: "02:00:00:00:00:02" }] }, "1.0.0").interfaces).toEqual([
    { name: "", mac: "02:00:00:00:00:02" },
  ]);
});
