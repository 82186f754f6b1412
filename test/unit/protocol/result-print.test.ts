import { describe, expect, test } from "vitest";
import { CniError } from "../../../src/protocol/error.ts";
import { emptyResult, type Result } from "../../../src/protocol/result.ts";
import { printResult } from "../../../src/protocol/result-print.ts";
import { everyVersion, type SpecVersion } from "../../../src/protocol/version.ts";
import { mustCidr, mustIp } from "../net/must.ts";

/** Every field of the newest form has a value. */
const full: Result = {
  interfaces: [
    { name: "cni0", mac: "02:00:00:00:00:01", mtu: 1400, socketPath: "/run/s", pciID: "0000:00:1f.6" },
    { name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/c1" },
  ],
  ips: [
    { interface: 1, address: mustCidr("10.1.0.5/16"), gateway: mustIp("10.1.0.1") },
    { interface: 0, address: mustCidr("2001:db8::5/64") },
    { address: mustCidr("10.2.0.5/16"), gateway: mustIp("10.2.0.1") },
  ],
  routes: [
    {
      dst: mustCidr("0.0.0.0/0"),
      gw: mustIp("10.1.0.1"),
      mtu: 1300,
      advmss: 1200,
      priority: 5,
      table: 100,
      scope: 253,
    },
    { dst: mustCidr("2001:db8:1::/48") },
    { dst: mustCidr("10.3.0.0/16"), table: 0, scope: 0 },
  ],
  dns: { nameservers: ["10.1.0.1"], domain: "example.org", search: ["a.org", "b.org"], options: ["ndots:2"] },
};

const newest = (version: string) => `{
    "cniVersion": "${version}",
    "dns": {
        "domain": "example.org",
        "nameservers": [
            "10.1.0.1"
        ],
        "options": [
            "ndots:2"
        ],
        "search": [
            "a.org",
            "b.org"
        ]
    },
    "interfaces": [
        {
            "mac": "02:00:00:00:00:01",
            "mtu": 1400,
            "name": "cni0",
            "pciID": "0000:00:1f.6",
            "socketPath": "/run/s"
        },
        {
            "mac": "02:00:00:00:00:02",
            "name": "eth0",
            "sandbox": "/run/netns/c1"
        }
    ],
    "ips": [
        {
            "address": "10.1.0.5/16",
            "gateway": "10.1.0.1",
            "interface": 1
        },
        {
            "address": "2001:db8::5/64",
            "interface": 0
        },
        {
            "address": "10.2.0.5/16",
            "gateway": "10.2.0.1"
        }
    ],
    "routes": [
        {
            "advmss": 1200,
            "dst": "0.0.0.0/0",
            "gw": "10.1.0.1",
            "mtu": 1300,
            "priority": 5,
            "scope": 253,
            "table": 100
        },
        {
            "dst": "2001:db8:1::/48"
        },
        {
            "dst": "10.3.0.0/16",
            "scope": 0,
            "table": 0
        }
    ]
}`;

/** Interfaces lose mtu, socketPath and pciID; routes keep everything. */
const middle = (version: string) => `{
    "cniVersion": "${version}",
    "interfaces": [
        {
            "name": "cni0",
            "mac": "02:00:00:00:00:01"
        },
        {
            "name": "eth0",
            "mac": "02:00:00:00:00:02",
            "sandbox": "/run/netns/c1"
        }
    ],
    "ips": [
        {
            "version": "4",
            "interface": 1,
            "address": "10.1.0.5/16",
            "gateway": "10.1.0.1"
        },
        {
            "version": "6",
            "interface": 0,
            "address": "2001:db8::5/64"
        },
        {
            "version": "4",
            "address": "10.2.0.5/16",
            "gateway": "10.2.0.1"
        }
    ],
    "routes": [
        {
            "dst": "0.0.0.0/0",
            "gw": "10.1.0.1",
            "mtu": 1300,
            "advmss": 1200,
            "priority": 5,
            "table": 100,
            "scope": 253
        },
        {
            "dst": "2001:db8:1::/48"
        },
        {
            "dst": "10.3.0.0/16",
            "table": 0,
            "scope": 0
        }
    ],
    "dns": {
        "nameservers": [
            "10.1.0.1"
        ],
        "domain": "example.org",
        "search": [
            "a.org",
            "b.org"
        ],
        "options": [
            "ndots:2"
        ]
    }
}`;

/** The first address of each family, with the destination and gateway of the routes of that family. */
const oldest = (version: string) => `{
    "cniVersion": "${version}",
    "ip4": {
        "ip": "10.1.0.5/16",
        "gateway": "10.1.0.1",
        "routes": [
            {
                "dst": "0.0.0.0/0",
                "gw": "10.1.0.1"
            },
            {
                "dst": "10.3.0.0/16"
            }
        ]
    },
    "ip6": {
        "ip": "2001:db8::5/64",
        "routes": [
            {
                "dst": "2001:db8:1::/48"
            }
        ]
    },
    "dns": {
        "nameservers": [
            "10.1.0.1"
        ],
        "domain": "example.org",
        "search": [
            "a.org",
            "b.org"
        ],
        "options": [
            "ndots:2"
        ]
    }
}`;

const forms: Readonly<Record<SpecVersion, (version: string) => string>> = {
  "0.1.0": oldest,
  "0.2.0": oldest,
  "0.3.0": middle,
  "0.3.1": middle,
  "0.4.0": middle,
  "1.0.0": newest,
  "1.1.0": newest,
};

test.for(everyVersion)("a result with everything in version %s", (version) => {
  expect(printResult(full, version)).toBe(forms[version](version));
});

describe("an empty result", () => {
  test.for(["1.0.0", "1.1.0"] as const)("of version %s has no dns", (version) => {
    expect(printResult(emptyResult, version)).toBe(`{\n    "cniVersion": "${version}"\n}`);
  });

  test.for(["0.3.0", "0.3.1", "0.4.0"] as const)("of version %s has empty dns", (version) => {
    expect(printResult(emptyResult, version)).toBe(`{\n    "cniVersion": "${version}",\n    "dns": {}\n}`);
  });

  test.for(["0.1.0", "0.2.0"] as const)("cannot be said in version %s", (version) => {
    const error = new CniError(1, `cannot convert the result to version ${version}: no valid IP addresses`);
    expect(() => printResult(emptyResult, version)).toThrow(error);
  });
});

describe("what is empty is left out", () => {
  const hollow: Result = {
    interfaces: [{ name: "", mac: "", mtu: 0, sandbox: "", socketPath: "", pciID: "" }],
    ips: [],
    routes: [{ dst: mustCidr("10.0.0.0/8"), mtu: 0, advmss: 0, priority: 0 }],
    dns: { nameservers: [], domain: "", search: [], options: [] },
  };

  test.for([
    ["1.1.0", { interfaces: [{ name: "" }], routes: [{ dst: "10.0.0.0/8" }] }],
    ["0.4.0", { interfaces: [{ name: "" }], routes: [{ dst: "10.0.0.0/8" }], dns: {} }],
  ] as const)("in version %s", ([version, printed]) => {
    expect(JSON.parse(printResult(hollow, version))).toStrictEqual({ cniVersion: version, ...printed });
  });

  test("in version 0.2.0", () => {
    const ips = [{ address: mustCidr("10.1.0.5/16") }];
    const printed = { cniVersion: "0.2.0", ip4: { ip: "10.1.0.5/16", routes: [{ dst: "10.0.0.0/8" }] }, dns: {} };
    expect(JSON.parse(printResult({ ...hollow, ips }, "0.2.0"))).toStrictEqual(printed);
  });
});

describe("version 0.2.0", () => {
  const only = (address: string): Result => ({ ...full, ips: [{ address: mustCidr(address) }], dns: {} });

  test.for([
    [
      "IPv4",
      "10.1.0.5/16",
      { ip4: { ip: "10.1.0.5/16", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.3.0.0/16" }] } },
    ],
    ["IPv6", "2001:db8::5/64", { ip6: { ip: "2001:db8::5/64", routes: [{ dst: "2001:db8:1::/48" }] } }],
  ] as const)("loses routes of the family without an address: only %s", ([, address, side]) => {
    expect(JSON.parse(printResult(only(address), "0.2.0"))).toStrictEqual({ cniVersion: "0.2.0", ...side, dns: {} });
  });
});

test.for([
  [
    "1.1.0",
    '{\n    "cniVersion": "1.1.0",\n    "dns": {\n        "domain": "\\u003ca\\u0026b\\u003e\\u2028"\n    }\n}',
  ],
  [
    "0.4.0",
    '{\n    "cniVersion": "0.4.0",\n    "dns": {\n        "domain": "\\u003ca\\u0026b\\u003e\\u2028"\n    }\n}',
  ],
] as const)("characters that HTML knows are escaped in version %s", ([version, printed]) => {
  expect(printResult({ ...emptyResult, dns: { domain: "<a&b>\u2028" } }, version)).toBe(printed);
});

test("IPv6 is printed in its short form", () => {
  const ips = [{ address: mustCidr("2001:0DB8:0:0::0005/64"), gateway: mustIp("FE80::0:1") }];
  expect(JSON.parse(printResult({ ...emptyResult, ips }, "1.0.0"))).toEqual({
    cniVersion: "1.0.0",
    ips: [{ address: "2001:db8::5/64", gateway: "fe80::1" }],
  });
});
