import { expect, test } from "vitest";
import { explainRefusal } from "../../../../src/plugins/macvlan/refusal.ts";

const parent = { name: "lan0", master: undefined };
const plain = { mode: "bridge", parent, isWireless: false } as const;
const refused = (errno: string, isExplained = false) => ({
  errno,
  message: `add link eth0: ${errno}: words`,
  isExplained,
});

test.each([
  [refused("EINVAL"), plain, "the parent lan0 is taken by a macvlan of mode passthru, which has it for itself"],
  [
    refused("EINVAL"),
    { ...plain, mode: "passthru" as const },
    "mode passthru needs the parent lan0 for itself, and there are macvlans on it already",
  ],
  [
    refused("EBUSY"),
    { ...plain, parent: { name: "lan0", master: 7 } },
    "lan0 is in use by a bridge or bond whose port it is",
  ],
  [refused("EBUSY"), plain, "lan0 is in use by another kind of link"],
  [refused("EADDRINUSE"), plain, "another interface on lan0 has the MAC address already"],
  [refused("EADDRNOTAVAIL"), plain, "no interface can have this MAC address"],
  [refused("ENODEV"), plain, "the parent lan0 was removed meanwhile"],
  [
    refused("ENOTSUP"),
    { ...plain, isWireless: true },
    "lan0 is wireless, and most wireless networks take frames from one MAC address only: use ipvlan, or bridge with ipMasq",
  ],
])("%j: the kernel's words are kept", (what, circumstances, reason) => {
  expect(explainRefusal(what, circumstances)).toBe(`macvlan: ${reason} (${what.message})`);
});

test.each([refused("EPERM"), refused("EINVAL", true)])("%j: what says enough, or nothing, stays as it is", (what) => {
  expect(explainRefusal(what, plain)).toBe(`macvlan: ${what.message}`);
});
