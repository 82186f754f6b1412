import { describe, expect, test } from "vitest";
import { decodeConfig, decodeRemains } from "../../../../src/plugins/bridge/config.ts";
import { CniError } from "../../../../src/protocol/error.ts";
import { networkOf } from "../configuration.ts";
import { plainConfig } from "./examples.ts";

const decode = (config: object, cniArgs = "") => decodeConfig(networkOf(config), cniArgs);

test("an empty configuration", () => {
  expect(decode({})).toEqual(plainConfig);
});

test.for([
  ["bridge", { bridge: "br-1" }, { bridge: "br-1" }],
  ["isGateway", { isGateway: true }, { isGateway: true }],
  [
    "isDefaultGateway, which implies isGateway",
    { isDefaultGateway: true },
    { isGateway: true, isDefaultGateway: true },
  ],
  [
    "isDefaultGateway, whatever isGateway says",
    { isDefaultGateway: true, isGateway: false },
    { isGateway: true, isDefaultGateway: true },
  ],
  ["ipMasq", { ipMasq: true }, { ipMasq: true }],
  ["hairpinMode", { hairpinMode: true }, { hairpinMode: true }],
  ["promiscMode", { promiscMode: true }, { promiscMode: true }],
  ["forceAddress", { forceAddress: true }, { forceAddress: true }],
  ["portIsolation", { portIsolation: true }, { portIsolation: true }],
  ["enabledad", { enabledad: true }, { enableDad: true }],
  ["disableContainerInterface", { disableContainerInterface: true }, { disableContainerInterface: true }],
  ["iptables", { ipMasq: true, ipMasqBackend: "iptables" }, { ipMasq: true, ipMasqBackend: "iptables" }],
  ["nftables", { ipMasq: true, ipMasqBackend: "nftables" }, { ipMasq: true, ipMasqBackend: "nftables" }],
  ["no backend", { ipMasq: true, ipMasqBackend: "" }, { ipMasq: true }],
  ["null as the backend", { ipMasqBackend: null }, {}],
  ["macspoofchk", { macspoofchk: true }, { macspoofchk: true }],
  ["no macspoofchk", { macspoofchk: false }, {}],
  ["ipam", { ipam: { type: "host-local" } }, { ipamType: "host-local" }],
  ["an empty ipam, which is layer 2", { ipam: {} }, {}],
  ["an empty ipam type, which is layer 2", { ipam: { type: "" } }, {}],
  ["null, which leaves the default", { bridge: null, isGateway: null, mtu: null, ipam: null, dns: null }, {}],
  [
    "keys in any case",
    { BRIDGE: "br-1", isgateway: true, IPMasq: true, MTU: 1400, Ipam: { Type: "static" } },
    { bridge: "br-1", isGateway: true, ipMasq: true, mtu: 1400, ipamType: "static" },
  ],
  [
    "what others read",
    { capabilities: { mac: true }, runtimeConfig: { portMappings: [] }, args: { cni: { ips: [] } } },
    {},
  ],
] as const)("%s", ([, config, changes]) => {
  expect(decode(config)).toEqual({ ...plainConfig, ...changes });
});

describe("dns", () => {
  test.for([
    ["absent", {}, undefined],
    ["without fields", { dns: {} }, undefined],
    ["with an unknown field alone", { dns: { servers: ["10.1.0.1"] } }, undefined],
    ["with null alone", { dns: { nameservers: null } }, undefined],
    ["with an empty list", { dns: { nameservers: [] } }, { nameservers: [] }],
    [
      "with everything",
      { dns: { nameservers: ["10.1.0.1"], domain: "a.org", search: ["b.org"], options: ["ndots:2"] } },
      { nameservers: ["10.1.0.1"], domain: "a.org", search: ["b.org"], options: ["ndots:2"] },
    ],
  ] as const)("%s", ([, config, dns]) => {
    expect(decode(config).dns).toEqual(dns);
  });
});

describe("the MAC address", () => {
  const [first, second, third] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"] as const;
  const runtimeConfig = { mac: first };
  const args = { cni: { mac: second } };
  const cniArgs = `MAC=${third}`;

  test.for([
    ["nowhere", {}, "", undefined],
    ["in CNI_ARGS", {}, cniArgs, third],
    ["in CNI_ARGS, among keys that are to be ignored", {}, `K8S_POD_NAME=p;${cniArgs};IgnoreUnknown=1`, third],
    ["in args", { args }, "", second],
    ["in args, before CNI_ARGS", { args }, cniArgs, second],
    ["in runtimeConfig", { runtimeConfig }, "", first],
    ["in runtimeConfig, before CNI_ARGS", { runtimeConfig }, cniArgs, first],
    ["in runtimeConfig, before args", { runtimeConfig, args }, "", first],
    ["in runtimeConfig, before both", { runtimeConfig, args }, cniArgs, first],
    [
      "in RuntimeConfig and Args, as the reference's own test writes it",
      { RuntimeConfig: { Mac: first }, args },
      cniArgs,
      first,
    ],
    ["empty in runtimeConfig, so in args", { runtimeConfig: { mac: "" }, args }, cniArgs, second],
    ["empty in both, so in CNI_ARGS", { runtimeConfig: { mac: "" }, args: { cni: { mac: "" } } }, cniArgs, third],
    ["empty everywhere", { runtimeConfig: { mac: "" } }, "MAC=", undefined],
    ["with hyphens in upper case", { runtimeConfig: { mac: "02-00-00-00-00-AB" } }, "", "02:00:00:00:00:ab"],
  ] as const)("%s", ([, config, text, mac]) => {
    expect(decode(config, text).mac).toBe(mac);
  });

  const example = "expected an Ethernet address like 02:42:ac:11:00:02";

  test.for([
    ["in runtimeConfig", { runtimeConfig: { mac: "x" } }, "", 7, `bridge: runtimeConfig.mac: ${example}, got "x"`],
    ["in args", { args: { cni: { mac: "x" } } }, "", 7, `bridge: args.cni.mac: ${example}, got "x"`],
    ["in CNI_ARGS", {}, "MAC=x", 4, 'CNI_ARGS: MAC "x" is not an Ethernet address'],
  ] as const)("that is none is refused %s", ([, config, text, code, message]) => {
    expect(() => decode(config, text)).toThrow(new CniError(code, message));
  });
});

describe("CNI_ARGS", () => {
  const message = "CNI_ARGS: unknown arguments [IP=10.1.2.3]; set IgnoreUnknown=1 to have them ignored";

  test("with a key for another plugin is refused", () => {
    expect(() => decode({}, "IP=10.1.2.3")).toThrow(new CniError(4, message));
  });

  test("is read even when the MAC address is given elsewhere", () => {
    const config = { runtimeConfig: { mac: "02:00:00:00:00:01" } };
    expect(() => decode(config, "IP=10.1.2.3")).toThrow(new CniError(4, message));
  });
});

describe("mtu", () => {
  test.for([
    [0, undefined],
    [68, 68],
    [1500, 1500],
    [65535, 65535],
  ] as const)("%d is %s", ([mtu, expected]) => {
    expect(decode({ mtu }).mtu).toBe(expected);
  });

  test.for([-1, 1, 67, 65536])("%d is refused", (mtu) => {
    expect(() => decode({ mtu })).toThrow(new CniError(7, `bridge: mtu ${mtu} is not between 68 and 65535`));
  });
});

test.for(["nft", "NFTABLES", "iptables "])("the masquerade backend %j is refused", (ipMasqBackend) => {
  const message = `bridge: ipMasqBackend ${JSON.stringify(ipMasqBackend)} is neither "iptables" nor "nftables"`;
  expect(() => decode({ ipMasqBackend })).toThrow(new CniError(7, message));
});

test.for([
  ["", "it is empty"],
  ["a".repeat(16), "it is longer than 15 bytes"],
  ["br 0", "it contains white space"],
  ["br/0", "it contains / or :"],
] as const)("the bridge %j is refused", ([bridge, problem]) => {
  const message = `bridge: ${JSON.stringify(bridge)} cannot name a network interface: ${problem}`;
  expect(() => decode({ bridge })).toThrow(new CniError(7, message));
});

test.for([
  ["forceAddress", false],
  ["promiscMode", false],
  ["enabledad", false],
  ["portIsolation", false],
  ["disableContainerInterface", false],
  ["docker", null],
] as const)("%s may say %j, which asks for nothing", ([name, value]) => {
  expect(decode({ [name]: value })).toEqual(plainConfig);
});

test("ports are for docker only", () => {
  const runtimeConfig = { portMappings: [{ hostPort: 80, containerPort: 80, protocol: "tcp" }] };
  const message =
    "bridge: runtimeConfig.portMappings is not supported without docker: the plugin portmap publishes ports then";
  expect(() => decode({ runtimeConfig })).toThrow(new CniError(2, message));
});

test.for([
  ["bridge", 1, "a string", "1"],
  ["isGateway", "true", "true or false", '"true"'],
  ["isDefaultGateway", 1, "true or false", "1"],
  ["ipMasq", "yes", "true or false", '"yes"'],
  ["ipMasqBackend", true, "a string", "true"],
  ["mtu", "1500", "a whole number", '"1500"'],
  ["mtu", 1500.5, "a whole number", "1500.5"],
  ["hairpinMode", 0, "true or false", "0"],
  ["ipam", [], "an object", "[]"],
  ["dns", "10.1.0.1", "an object", '"10.1.0.1"'],
  ["promiscMode", "false", "true or false", '"false"'],
  ["runtimeConfig", [], "an object", "[]"],
] as const)("%s must not be %j", ([name, value, expected, printed]) => {
  expect(() => decode({ [name]: value })).toThrow(
    new CniError(6, `bridge: ${name}: expected ${expected}, got ${printed}`),
  );
});

test("all problems are named at once", () => {
  expect(() => decode({ isGateway: "x", ipam: { type: 1 }, dns: { search: [1] } })).toThrow(
    new CniError(
      6,
      'bridge: isGateway: expected true or false, got "x"; ipam.type: expected a string, got 1; dns.search[0]: expected a string, got 1',
    ),
  );
});

describe("decodeRemains", () => {
  const nothing = {
    ipMasq: false,
    ipMasqBackend: undefined,
    macspoofchk: false,
    ipamType: undefined,
    bridge: "cni0",
    docker: undefined,
    ports: [],
  };

  test.for([
    ["nothing", {}, {}],
    [
      "what was asked for",
      { ipMasq: true, ipMasqBackend: "nftables", macspoofchk: true, ipam: { type: "static" } },
      { ipMasq: true, ipMasqBackend: "nftables", macspoofchk: true, ipamType: "static" },
    ],
    ["an empty type", { ipam: { type: "" } }, {}],
    ["a wrong ipMasq", { ipMasq: "yes", ipam: { type: "static" } }, { ipamType: "static" }],
    ["an unknown backend", { ipMasq: true, ipMasqBackend: "nft" }, { ipMasq: true }],
    ["a wrong backend", { ipMasqBackend: 1 }, {}],
    ["a wrong macspoofchk", { ipMasq: true, macspoofchk: "on" }, { ipMasq: true }],
    ["a wrong type", { ipMasq: true, ipam: { type: 1 } }, { ipMasq: true }],
    ["a wrong ipam", { ipMasq: true, ipam: [] }, { ipMasq: true }],
    ["what ADD refuses", { vlan: 100, mtu: -1, bridge: "", ipMasq: true }, { bridge: "", ipMasq: true }],
    ["keys in any case", { IPMASQ: true, Ipam: { TYPE: "static" } }, { ipMasq: true, ipamType: "static" }],
  ] as const)("%s", ([, config, remains]) => {
    expect(decodeRemains(networkOf(config))).toEqual({ ...nothing, ...remains });
  });
});

test.for([
  [
    "hairpinMode with promiscMode",
    { hairpinMode: true, promiscMode: true },
    "bridge: hairpinMode and promiscMode cannot both be set",
  ],
  [
    "an interface that stays down with an address",
    { disableContainerInterface: true, ipam: { type: "host-local" } },
    "bridge: disableContainerInterface is set, so ipam host-local could not give the interface an address",
  ],
] as const)("%s is refused", ([, config, message]) => {
  expect(() => decode(config)).toThrow(new CniError(7, message));
  expect(() => decodeRemains(networkOf(config))).not.toThrow();
});
