// What an attachment has in nftables now. To look costs no process.
import { apply } from "../../kernel/apply.ts";
import { findNftRules, readNftTable } from "../../kernel/nft.ts";
import { Places } from "../../kernel/places.ts";
import { nftDifferences } from "../../plan/nft-listing.ts";
import type { NftOwner, NftRules } from "../../plan/nft-rules.ts";
import { spoofCheck, spoofCheckOwner } from "../../plan/spoof-check.ts";
import type { Step } from "../../plan/step.ts";
import type { CheckCall, GcCall, Surroundings } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { chooseBackend, programsIn } from "../firewall-backend.ts";
import { ipsOf } from "../prev-result.ts";
import type { CheckFacts } from "./check.ts";
import type { BridgeConfig, BridgeRemains } from "./config.ts";
import { masqueradeOwnerOf, masqueradeRulesOf, type OfNetwork, planNftGc } from "./nft-plan.ts";

export interface NftRemains {
  readonly steps: readonly Step[];
  readonly isMasqueraded: boolean;
}

/** For DEL. Whatever the backend is said to be now: it may have been another one at the time of ADD. */
export function findNftRemains(call: OfNetwork, { ipMasq, macspoofchk }: BridgeRemains): NftRemains {
  const masquerade = ipMasq ? removalOf(masqueradeOwnerOf(call)) : [];
  const spoofing = macspoofchk ? removalOf(spoofCheckOwner(call)) : [];
  return { steps: [...masquerade, ...spoofing], isMasqueraded: masquerade.length > 0 };
}

interface ToCheck {
  readonly config: BridgeConfig;
  readonly call: CheckCall;
  readonly expected: Result;
  readonly env: Surroundings["env"];
}

/** For CHECK, one sentence for each rule that is missing or different. */
export function nftProblems({ config, call, expected, env }: ToCheck, { host, container }: CheckFacts): string[] {
  const wanted: NftRules[] = [];
  if (config.ipMasq && chooseBackend(config.ipMasqBackend, programsIn(env)) === "nftables") {
    const addresses = ipsOf(expected, call.ifname).map((ip) => ip.address);
    if (addresses.length > 0) wanted.push(masqueradeRulesOf(call, addresses));
  }
  // without its links it is not the rules that somebody has to look for
  if (config.macspoofchk && host !== undefined && container?.mac !== undefined)
    wanted.push(spoofCheck(call, { port: host.name, mac: container.mac }));
  return wanted.flatMap((rules) => nftDifferences(rules, readNftTable(rules.owner.table, env)));
}

/** For GC. */
export async function removeForgotten(call: GcCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  await apply([planNftGc(call)], { ...around, places, record: () => {} });
}

function removalOf(owner: NftOwner): Step[] {
  const { rules, chains } = findNftRules(owner);
  return rules.length + chains.length === 0 ? [] : [{ do: "nft.remove", owner }];
}
