import type { Family, Ip } from "../../net/ip.ts";
import { sameIp } from "../../net/ip.ts";
import { addressRules, type Forwarding, firewallRules } from "../../plan/firewall/rules.ts";
import type { FamilyRules, Rule, RuleSet } from "../../plan/rule-set.ts";
import type { Step } from "../../plan/step.ts";
import type { Result } from "../../protocol/result.ts";

const families = [4, 6] as const satisfies Family[];

/** One for each family that the container has an address of. */
export function ruleSetsOf(result: Result, forwarding: Forwarding): readonly RuleSet[] {
  return byFamily(result).map(({ family, ips }) => firewallRules(family, ips, forwarding));
}

/** What is one container's alone. */
export function ownRulesOf(result: Result): readonly FamilyRules[] {
  return byFamily(result).map(({ family, ips }) => ({ family, rules: ips.flatMap(addressRules) }));
}

export function planAdd(sets: readonly RuleSet[], { isolation }: Forwarding): readonly Step[] {
  return [
    ...sets.map((rules): Step => ({ do: "rules.ensure", rules })),
    ...(isolation?.policy === "isolated" ? sets.map(({ family }) => filterBridged(family)) : []),
    { do: "rules.await" },
  ];
}

/** `kept` are also those of other containers: one of the same address needs the same rules. */
export function planRemoval(gone: readonly FamilyRules[], kept: readonly FamilyRules[]): readonly Step[] {
  return families.flatMap((family): Step[] => {
    const texts = new Set(rulesOf(kept, family).map(({ text }) => text));
    const rules = rulesOf(gone, family).filter(({ text }) => !texts.has(text));
    return rules.length === 0 ? [] : [{ do: "rules.release", family, rules }];
  });
}

/** What takes an ADD back, without the rules that others have come to need. */
export function stillOwn(back: Step, kept: readonly FamilyRules[]): readonly Step[] {
  return back.do === "rules.release" ? planRemoval([back], kept) : [back];
}

function rulesOf(all: readonly FamilyRules[], family: Family): readonly Rule[] {
  return all.flatMap((each) => (each.family === family ? each.rules : []));
}

/** Of all addresses, whichever interface they are of, as in the reference. */
function byFamily({ ips }: Result): readonly { readonly family: Family; readonly ips: readonly Ip[] }[] {
  const unique = ips
    .map(({ address }) => address.ip)
    .filter((ip, i, all) => all.findIndex((other) => sameIp(other, ip)) === i);
  return families
    .map((family) => ({ family, ips: unique.filter((ip) => ip.family === family) }))
    .filter((each) => each.ips.length > 0);
}

/** Without it what containers of one bridge send each other does not meet the rules. */
function filterBridged(family: Family): Step {
  const key = `net/bridge/bridge-nf-call-${family === 4 ? "iptables" : "ip6tables"}`;
  return { do: "sysctl.set", place: "host", key, value: "1", module: "br_netfilter" };
}
