import { describe, expect, test } from "vitest";
import { tokenBucket } from "../../../../src/net/token-bucket.ts";
import { decodeConfig, decodeRemains } from "../../../../src/plugins/bandwidth/config.ts";
import { networkOf } from "../configuration.ts";

const none = { ingress: undefined, egress: undefined };
const ingress = tokenBucket(80_000, 8000);
const ofRuntime = { runtimeConfig: { bandwidth: { ingressRate: 80_000, ingressBurst: 8000 } } };

describe("limits", () => {
  test.each([
    [{}, none],
    [{ runtimeConfig: {} }, none],
    [{ ingressRate: 0, ingressBurst: 0 }, none],
    [ofRuntime, { ...none, ingress }],
    [
      { RuntimeConfig: { Bandwidth: { IngressRate: 80_000, IngressBurst: 8000, EgressRate: 0 } } },
      { ...none, ingress },
    ],
    [
      { egressRate: 80_000, egressBurst: 8000, ...ofRuntime },
      { ...none, egress: ingress },
    ],
    [{ egressRate: 0, ...ofRuntime }, none],
    [{ unshapedSubnets: [], shapedSubnets: null }, none],
  ])("of %j", (config, expected) => {
    expect(decodeConfig(networkOf(config))).toEqual(expected);
  });

  test.each([
    [{ ingressRate: 80 }, 7, "ingressBurst must be"],
    [{ egressBurst: 80 }, 7, "egressRate must be"],
    [{ ingressRate: -8, ingressBurst: 8 }, 7, "below 0"],
    [{ ingressRate: 7, ingressBurst: 8 }, 7, "8 is the least"],
    [{ ingressRate: 8, ingressBurst: 8 * 0xffff_ffff }, 7, "more than 4 GB"],
    [{ ingressRate: 2 ** 60, ingressBurst: 8 }, 6, "ingressRate"],
    [{ ingressRate: "8" }, 6, "ingressRate"],
    [{ ingressRate: 8.5, ingressBurst: 8 }, 6, "ingressRate"],
    [{ runtimeConfig: { bandwidth: [] } }, 6, "runtimeConfig.bandwidth"],
    [{ shapedSubnets: ["10.0.0.0/8"] }, 2, "shapedSubnets"],
    [{ unshapedSubnets: "x" }, 2, "unshapedSubnets"],
  ])("not of %j", (config, code, message) => {
    expect(() => decodeConfig(networkOf(config))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

test("DEL takes what can be read", () => {
  expect(decodeRemains(networkOf({ ...ofRuntime, shapedSubnets: 7 }))).toEqual({ ...none, ingress });
  for (const config of [
    { ingressRate: "x" },
    { ingressRate: 80 },
    { runtimeConfig: 5 },
    { runtimeConfig: { bandwidth: 5 } },
  ])
    expect(decodeRemains(networkOf(config))).toEqual(none);
});
