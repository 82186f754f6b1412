import { describe, expect, test } from "vitest";
import { firewallRules } from "../../../../src/plan/firewall/rules.ts";
import { addMissing } from "../../../../src/plan/rule-input.ts";
import { SavedRules } from "../../../../src/plan/saved-rules.ts";
import { ip } from "../../../values.ts";

const shared = '-m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)"';
const isolation = { bridge: "br0", policy: "isolated" } as const;

describe("on an empty host", () => {
  test("open", () => {
    const set = firewallRules(4, [ip("10.1.2.3")], { adminChain: "OURS", isolation: undefined });
    expect(addMissing(set, new SavedRules(""))).toBe(`*filter
-N CNI-FORWARD
-N OURS
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j OURS
-A CNI-FORWARD -d 10.1.2.3/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.1.2.3/32 -j ACCEPT
COMMIT
`);
  });

  test("isolated: the stages are above, and each chain ends with its RETURN", () => {
    const set = firewallRules(6, [ip("fd00::3")], { adminChain: "CNI-ADMIN", isolation });
    const own = '-m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)"';
    expect(addMissing(set, new SavedRules(""))?.split("\n")).toEqual(
      expect.arrayContaining([
        `-I FORWARD ${shared} -j CNI-ISOLATION-STAGE-1`,
        `-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 ${own} -j CNI-ISOLATION-STAGE-2`,
        `-I CNI-ISOLATION-STAGE-1 -i br0 -o br0 ${own} -j DROP`,
        `-A CNI-ISOLATION-STAGE-1 ${shared} -j RETURN`,
        `-A CNI-ISOLATION-STAGE-2 -o br0 ${shared} -j DROP`,
        `-A CNI-ISOLATION-STAGE-2 ${shared} -j RETURN`,
        "-A CNI-FORWARD -s fd00::3/128 -j ACCEPT",
      ]),
    );
  });
});

test("beside another network, new rules are above the RETURN", () => {
  const set = firewallRules(4, [ip("10.1.2.3")], { adminChain: "CNI-ADMIN", isolation });
  const saved = `*filter\n-A CNI-ISOLATION-STAGE-2 -o br9 ${shared} -j DROP\n-A CNI-ISOLATION-STAGE-2 ${shared} -j RETURN\nCOMMIT\n`;
  expect(addMissing(set, new SavedRules(saved))).toContain(`-I CNI-ISOLATION-STAGE-2 -o br0 ${shared} -j DROP\n`);
});
