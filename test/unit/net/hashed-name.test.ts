import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  hostVethName,
  ifbNames,
  masqueradeChainNames,
  masqueradeHash,
  masqueradeNetworkHash,
} from "../../../src/net/hashed-name.ts";

const sha512 = (text: string) => createHash("sha512").update(text).digest("hex");

describe("masqueradeChainNames", () => {
  test.for([
    ["test", "1234", "CNI-2bbe0c48b91a7d1b8a6753a8"],
    ["testalongnamethatdoesnotmakesense", "1234", "CNI-374f33fe84ab0ed84dcdebe3"],
  ] as const)("of %s and %s is that of the reference", ([network, containerId, name]) => {
    expect(masqueradeChainNames(sha512, { network, containerId, ifname: "eth0" }).name).toBe(name);
  });

  test("is another one for another container", () => {
    const network = "testalongnamethatdoesnotmakesense";
    const other = masqueradeChainNames(sha512, { network, containerId: "1235", ifname: "eth0" });
    expect(other.name).not.toBe("CNI-374f33fe84ab0ed84dcdebe3");
  });

  test("has another name for each interface, as long as that of the reference", () => {
    const names = (ifname: string) => masqueradeChainNames(sha512, { network: "test", containerId: "1234", ifname });
    expect(names("eth1").name).toBe(names("eth0").name);
    expect(names("eth1").otherName).not.toBe(names("eth0").otherName);
    expect(names("eth0").otherName).toMatch(/^CNI-[0-9a-f]{24}$/);
  });
});

describe("hostVethName", () => {
  const attached = { network: "n1", containerId: "c1", ifname: "eth0" };

  test("is veth and the first eight digits of the hash of the attachment", () => {
    expect(hostVethName(sha512, attached)).toBe(`veth${sha512("n1/c1/eth0").slice(0, 8)}`);
  });

  test.for([
    ["network", { ...attached, network: "n2" }],
    ["container", { ...attached, containerId: "c2" }],
    ["interface", { ...attached, ifname: "eth1" }],
  ] as const)("is another one for another %s", ([, other]) => {
    expect(hostVethName(sha512, other)).not.toBe(hostVethName(sha512, attached));
  });
});

describe("ifbNames", () => {
  const attached = { network: "n1", containerId: "c1", ifname: "eth0" };

  test("begin with that of the reference, which is the same for each interface", () => {
    expect(ifbNames(sha512, attached).name).toBe("bwp7be53730afe4");
    expect(ifbNames(sha512, { ...attached, ifname: "eth1" }).name).toBe("bwp7be53730afe4");
  });

  test("the other one is each interface's own", () => {
    const { otherName } = ifbNames(sha512, attached);
    expect(otherName).toMatch(/^bwp[0-9a-f]{12}$/);
    expect(ifbNames(sha512, { ...attached, ifname: "eth1" }).otherName).not.toBe(otherName);
  });
});

describe("masqueradeHash", () => {
  const attached = { network: "unit-test", containerId: "one", ifname: "eth0" };

  test("of unit-test, one and eth0 is that of the reference", () => {
    expect(masqueradeHash(sha512, attached)).toBe("6fd94d501e58f0aa-287fc69eff0574a2");
  });

  test("starts with that of the network", () => {
    expect(masqueradeNetworkHash(sha512, "unit-test")).toBe("6fd94d501e58f0aa");
  });

  test.for([
    ["container", { ...attached, containerId: "two" }],
    ["interface", { ...attached, ifname: "eth1" }],
  ] as const)("is another one of the same network for another %s", ([, other]) => {
    expect(masqueradeHash(sha512, other)).not.toBe(masqueradeHash(sha512, attached));
    expect(masqueradeHash(sha512, other)).toMatch(/^6fd94d501e58f0aa-[0-9a-f]{16}$/);
  });
});
