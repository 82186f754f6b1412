import { describe, expect, test } from "vitest";
import { decodeConfig, decodeRemains } from "../../../../../src/plugins/bridge/config.ts";
import { CniError } from "../../../../../src/protocol/error.ts";
import { ip } from "../../../../values.ts";
import { networkOf } from "../../configuration.ts";

const ipam = { ipam: { type: "host-local" } };
const decode = (docker: unknown, more: object = {}) => decodeConfig(networkOf({ ...ipam, docker, ...more }), "");

const defaults = {
  icc: true,
  internal: false,
  gatewayMode: { 4: "nat", 6: "nat" },
  masquerade: true,
  hostIp: { 4: undefined, 6: undefined },
  hostBinding: undefined,
  trustedHostInterfaces: [],
  inhibitIPv4: false,
  allowDirectRouting: false,
  macFromIP: false,
  chainPrefix: "DOCKER",
};

test("an empty object is Docker's defaults", () => {
  expect(decode({}).docker).toEqual(defaults);
  expect(decode({})).toMatchObject({
    isGateway: true,
    isDefaultGateway: true,
    hairpinMode: true,
    forceAddress: true,
    ipMasq: false,
  });
});

test("null is the layout of the reference", () => {
  expect(decode(null).docker).toBeUndefined();
});

test.for([
  [{ icc: false }, { icc: false }],
  [{ internal: true }, { internal: true }],
  [{ gatewayModeIPv4: "routed" }, { gatewayMode: { 4: "routed", 6: "nat" } }],
  [
    { gatewayModeIPv6: "isolated", internal: true },
    { gatewayMode: { 4: "nat", 6: "isolated" }, internal: true },
  ],
  [{ masquerade: false }, { masquerade: false }],
  [{ hostIPv4: "203.0.113.7", hostIPv6: "" }, { hostIp: { 4: ip("203.0.113.7"), 6: undefined } }],
  [{ hostIPv6: "fd00::7" }, { hostIp: { 4: undefined, 6: ip("fd00::7") } }],
  [{ hostBindingIPv4: "203.0.113.8" }, { hostBinding: ip("203.0.113.8") }],
  [{ trustedHostInterfaces: ["eth1", "eth2"] }, { trustedHostInterfaces: ["eth1", "eth2"] }],
  [{ inhibitIPv4: true }, { inhibitIPv4: true }],
  [{ allowDirectRouting: true }, { allowDirectRouting: true }],
  [{ macFromIP: true }, { macFromIP: true }],
  [{ CHAINPREFIX: "CNI" }, { chainPrefix: "CNI" }],
] as const)("%o", ([docker, changes]) => {
  expect(decode(docker).docker).toEqual({ ...defaults, ...changes });
});

describe("fields of the reference", () => {
  test("may say the same", () => {
    const same = { isGateway: true, isDefaultGateway: true, ipMasq: true, hairpinMode: true, forceAddress: true };
    expect(decode({}, same).docker).toEqual(defaults);
    const off = { promiscMode: false, macspoofchk: false, enabledad: false, vlan: 0, ipMasqBackend: "iptables" };
    expect(decode({}, off).docker).toEqual(defaults);
    expect(decode({ internal: true }, { isDefaultGateway: false, ipMasq: false }).docker).toMatchObject({
      internal: true,
    });
  });

  test.for<[object, object, number, string]>([
    [{}, { ipMasq: false }, 7, "ipMasq is false"],
    [{ internal: true }, { ipMasq: true }, 7, "ipMasq is true"],
    [{ inhibitIPv4: true, internal: true, gatewayModeIPv6: "isolated" }, { isGateway: true }, 7, "isGateway is true"],
    [{}, { enabledad: true }, 2, "enabledad"],
    [{}, { disableContainerInterface: true, ipam: {} }, 2, "disableContainerInterface"],
    [{}, { vlanTrunk: [{ id: 5 }] }, 2, "VLAN"],
  ])("%o cannot be with %o", ([docker, more, code, text]) => {
    const error = catchError(() => decode(docker, more));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(text)]);
  });
});

test("ports", () => {
  const portMappings = [
    { hostPort: 8080, containerPort: 80 },
    { hostPort: 53, containerPort: 53, protocol: "UDP", hostIP: "127.0.0.1" },
  ];
  expect(decode({}, { runtimeConfig: { portMappings } }).ports).toEqual([
    { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIp: undefined },
    { hostPort: 53, containerPort: 53, protocol: "udp", hostIp: ip("127.0.0.1") },
  ]);
});

test("for DEL, what cannot be read is not there", () => {
  const remains = (config: object) => decodeRemains(networkOf(config));
  expect(remains({ docker: {}, bridge: "b1" })).toMatchObject({ docker: defaults, bridge: "b1", ports: [] });
  expect(remains({ docker: { chainPrefix: "a b" } }).docker).toBeUndefined();
  expect(remains({ docker: { foo: 1 } }).docker).toBeUndefined();
  expect(remains({ docker: {}, runtimeConfig: { portMappings: [{ hostPort: 0, containerPort: 1 }] } })).toMatchObject({
    ports: [],
  });
});

function catchError(run: () => unknown): CniError {
  try {
    run();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("there was no error");
}
