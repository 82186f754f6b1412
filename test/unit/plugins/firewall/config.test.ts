import { describe, expect, test } from "vitest";
import { decodeConfig, forwardingOf } from "../../../../src/plugins/firewall/config.ts";
import { emptyResult } from "../../../../src/protocol/result.ts";
import { networkOf } from "../configuration.ts";

describe("what may be written", () => {
  test.each([
    [{}, { adminChain: "CNI-ADMIN", ingressPolicy: "open" }],
    [
      { backend: "", ingressPolicy: "", iptablesAdminChainName: "", firewalldZone: "" },
      { adminChain: "CNI-ADMIN", ingressPolicy: "open" },
    ],
    [
      { Backend: "iptables", INGRESSPOLICY: "open" },
      { adminChain: "CNI-ADMIN", ingressPolicy: "open" },
    ],
    [
      { ingressPolicy: "isolated", iptablesAdminChainName: "a".repeat(28) },
      { adminChain: "a".repeat(28), ingressPolicy: "isolated" },
    ],
  ])("%j", (config, expected) => {
    expect(decodeConfig(networkOf(config))).toEqual(expected);
  });

  test.each([
    [{ backend: "firewalld" }, 2, "backend firewalld"],
    [{ backend: "nftables" }, 7, '"nftables"'],
    [{ firewalldZone: "trusted" }, 2, "firewalldZone"],
    [{ ingressPolicy: "Open" }, 7, '"Open"'],
    [{ iptablesAdminChainName: "a".repeat(29) }, 7, "iptablesAdminChainName"],
    [{ iptablesAdminChainName: "DROP" }, 7, "is taken"],
    [{ iptablesAdminChainName: "CNI-ISOLATION-STAGE-1" }, 7, "is taken"],
    [{ iptablesAdminChainName: 'a"b' }, 7, "cannot name"],
    [{ ingressPolicy: null, backend: 1 }, 6, "backend"],
  ])("not %j", (config, code, message) => {
    expect(() => decodeConfig(networkOf(config))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe("the bridge of a policy", () => {
  const config = { adminChain: "CNI-ADMIN", ingressPolicy: "same-bridge" } as const;

  test("is the first interface", () => {
    const result = { ...emptyResult, interfaces: [{ name: "br0" }, { name: "eth0", sandbox: "/run/netns/c1" }] };
    expect(forwardingOf(config, result).isolation).toEqual({ bridge: "br0", policy: "same-bridge" });
    expect(forwardingOf({ ...config, ingressPolicy: "open" }, emptyResult).isolation).toBe(undefined);
  });

  test.each([[[]], [[{ name: "" }]], [[{ name: "br+" }]], [[{ name: "eth0", sandbox: "/run/netns/c1" }]]])(
    "cannot be in %j",
    (interfaces) => {
      expect(() => forwardingOf(config, { ...emptyResult, interfaces })).toThrow(expect.objectContaining({ code: 7 }));
    },
  );
});
