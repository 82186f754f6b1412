import { describe, expect, test } from "vitest";
import { printCidr } from "../../../../src/net/cidr.ts";
import { printIp } from "../../../../src/net/ip.ts";
import { decodeConfig } from "../../../../src/plugins/static/config.ts";
import type { SpecVersion } from "../../../../src/protocol/version.ts";
import { networkOf } from "../configuration.ts";

/** `10.1.0.5/16 by 10.1.0.1` */
function addresses(config: object, args = "", version?: SpecVersion): string[] {
  return decodeConfig(networkOf(config, version), args).addresses.map(
    ({ address, gateway }) => printCidr(address) + (gateway === undefined ? "" : ` by ${printIp(gateway)}`),
  );
}

const file = {
  ipam: { type: "static", addresses: [{ address: "10.1.0.5/16", gateway: "10.1.0.1" }, { address: "fd00::5/64" }] },
};
const ofFile = ["10.1.0.5/16 by 10.1.0.1", "fd00::5/64"];

describe("addresses", () => {
  test.each([
    [file, "", ofFile],
    [{ ipam: {} }, "", []],
    [{ ipam: {} }, "IgnoreUnknown=1;X=y;IP=10.2.0.5/16", ["10.2.0.5/16"]],
    [file, "IP=10.2.0.5/16, fd01::5/64;GATEWAY=fd01::1,10.1.0.9", [...ofFile, "10.2.0.5/16", "fd01::5/64 by fd01::1"]],
    [file, "IP=10.1.0.5/24;GATEWAY=10.1.0.9", [...ofFile, "10.1.0.5/24 by 10.1.0.9"]],
    [{ ...file, args: { cni: { ips: ["10.3.0.5/16"] } } }, "IP=10.2.0.5/16", ["10.3.0.5/16"]],
    [{ ...file, args: { cni: { ips: [] } } }, "", ofFile],
    [
      { ...file, args: { cni: { ips: ["10.3.0.5/16"] } }, RuntimeConfig: { IPs: ["10.4.0.5/16"] } },
      "",
      ["10.4.0.5/16"],
    ],
    [{ ipam: { addresses: [{ address: "::ffff:10.1.0.5/112", gateway: "" }] } }, "", ["10.1.0.5/16"]],
  ])("of %j and %j", (config, args, expected) => {
    expect(addresses(config, args)).toEqual(expected);
  });

  test.each([
    [{}, "", 7, "ipam is missing"],
    [{ ipam: { addresses: [{ address: "10.1.0.5" }] } }, "", 7, "prefix length"],
    [{ ipam: { addresses: [{}] } }, "", 7, "address is missing"],
    [{ ipam: { addresses: {} } }, "", 6, "a list"],
    [{ ipam: { addresses: [{ address: "10.1.0.5/16", gateway: "fd00::1" }] } }, "", 7, "one family"],
    [{ ipam: { routes: [{ dst: "x" }] } }, "", 7, "dst"],
    [{ ipam: { dns: { nameservers: "x" } } }, "", 6, "nameservers"],
    [{ ipam: {}, runtimeConfig: { ips: ["10.1.0.5"] } }, "", 7, "runtimeConfig.ips[0]"],
    [{ ipam: {}, args: { cni: { ips: [5] } } }, "", 6, "args.cni.ips[0]"],
    [{ ipam: {} }, "IP=10.1.0.5", 4, "IP"],
    [{ ipam: {} }, "IP=10.1.0.5/16;GATEWAY=x", 4, "GATEWAY"],
    [{ ipam: {} }, "X=1", 4, "X=1"],
  ])("not of %j and %j", (config, args, code, message) => {
    expect(() => addresses(config, args)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test("one of a family before 0.3.0", () => {
    expect(addresses(file, "", "0.2.0")).toEqual(ofFile);
    expect(() => addresses(file, "IP=10.2.0.5/16", "0.2.0")).toThrow(expect.objectContaining({ code: 7 }));
    expect(addresses(file, "IP=10.2.0.5/16", "0.3.0")).toHaveLength(3);
  });
});
