// Rules that let a container's packets through, and keep networks apart, as the reference writes them. They are in chains that all
// networks share, and do not say whose they are.
import { hostCidr, printCidr } from "../../net/cidr.ts";
import type { Family, Ip } from "../../net/ip.ts";
import type { Rule, RuleSet } from "../rule-set.ts";

export const FORWARD_CHAIN = "CNI-FORWARD";
const STAGE_1 = "CNI-ISOLATION-STAGE-1";
const STAGE_2 = "CNI-ISOLATION-STAGE-2";
const shared = comment("CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)");

/** From where others get at the containers of a network; undefined from anywhere. */
export interface Isolation {
  readonly bridge: string;
  /** `isolated`: not even from each other. */
  readonly policy: "same-bridge" | "isolated";
}

export interface Forwarding {
  /** Where an administrator's own rules are; made when it is not there, and never touched again. */
  readonly adminChain: string;
  readonly isolation: Isolation | undefined;
}

/** For the addresses of one family. */
export function firewallRules(family: Family, ips: readonly Ip[], { adminChain, isolation }: Forwarding): RuleSet {
  return {
    family,
    chains: [FORWARD_CHAIN, adminChain, ...(isolation === undefined ? [] : [STAGE_1, STAGE_2])].map((name) => ({
      table: "filter",
      name,
    })),
    standing: [
      head("FORWARD", `${comment("CNI firewall plugin rules")} -j ${FORWARD_CHAIN}`),
      head(FORWARD_CHAIN, `${comment("CNI firewall plugin admin overrides")} -j ${adminChain}`),
      ...(isolation === undefined ? [] : isolationRules(isolation)),
    ],
    ...(isolation === undefined ? {} : { revocable: bridgeRules(isolation) }),
    own: ips.flatMap(addressRules),
  };
}

/** What takes the rules of an address away again. */
export function addressRules(ip: Ip): readonly Rule[] {
  const address = printCidr(hostCidr(ip));
  return [
    end(FORWARD_CHAIN, `-d ${address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`),
    end(FORWARD_CHAIN, `-s ${address} -j ACCEPT`),
  ];
}

/** What leaves an isolated network goes to the second stage, which drops what would enter another one. */
function isolationRules(isolation: Isolation): readonly Rule[] {
  const [leaving, entering, ...among] = bridgeRules(isolation);
  return [
    head("FORWARD", `${shared} -j ${STAGE_1}`),
    leaving,
    ...among,
    end(STAGE_1, `${shared} -j RETURN`),
    entering,
    end(STAGE_2, `${shared} -j RETURN`),
  ];
}

/** Those of the bridge alone. */
export function bridgeRules({ bridge, policy }: Isolation): readonly [leaving: Rule, entering: Rule, ...among: Rule[]] {
  const own = comment(`CNI firewall plugin rules (ingressPolicy: ${policy})`);
  return [
    head(STAGE_1, `-i ${bridge} ! -o ${bridge} ${own} -j ${STAGE_2}`),
    head(STAGE_2, `-o ${bridge} ${shared} -j DROP`),
    ...(policy === "isolated" ? [head(STAGE_1, `-i ${bridge} -o ${bridge} ${own} -j DROP`)] : []),
  ];
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}

function head(chain: string, text: string): Rule {
  return { table: "filter", chain, text, at: "head" };
}

function end(chain: string, text: string): Rule {
  return { table: "filter", chain, text, at: "end" };
}
