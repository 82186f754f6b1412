import { apply } from "../../kernel/apply.ts";
import { sha512 } from "../../kernel/libc.ts";
import { openNetnsIfAlive } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import { type Cidr, hostCidr, sameCidr } from "../../net/cidr.ts";
import { masqueradeChainNames } from "../../net/hashed-name.ts";
import type { Family } from "../../net/ip.ts";
import { release } from "../../plan/docker/steps.ts";
import { type Masqueraded, masqueradeChain, masqueradeChains } from "../../plan/masquerade.ts";
import type { PrivateChain } from "../../plan/private-chain.ts";
import type { DelCall, Surroundings } from "../../protocol/plugin.ts";
import { emptyResult } from "../../protocol/result.ts";
import { Attempts } from "../attempts.ts";
import { mayHaveIptablesRules, programsIn } from "../firewall-backend.ts";
import { delIpam } from "../ipam.ts";
import { findClaim, forgetPorts } from "../port-claims.ts";
import { forgetFlows } from "../port-remains.ts";
import { ipsOf } from "../prev-result.ts";
import { decodeRemains } from "./config.ts";
import { startLeaving } from "./docker/attachments.ts";
import { forgottenRules } from "./docker/del.ts";
import { findNftRemains, type NftRemains } from "./nft-actual.ts";
import { observeRemains } from "./observe.ts";
import { planRemoval } from "./plan.ts";

/** Removes whatever there is, with whatever is known; a part that fails does not keep the others. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  const config = decodeRemains(call.network);
  using container = openNetnsIfAlive(call.netns);
  using places = new Places(container);
  const remains = observeRemains(places, call, container !== undefined);
  const known = unique([
    ...remains.addresses,
    ...ipsOf(call.network.prevResult ?? emptyResult, call.ifname).map((ip) => ip.address),
  ]);
  const applying = { ...around, places, record: () => {} };

  const attempts = new Attempts();
  let nft: NftRemains = { steps: [], isMasqueraded: false };
  await attempts.try(async () => {
    nft = findNftRemains(call, config);
  });
  using leaving = await startLeaving(call.network.name, call, around);
  const isDocker = leaving !== undefined || config.docker !== undefined;
  const usesIptables =
    !isDocker && config.ipMasq && mayHaveIptablesRules(config.ipMasqBackend, nft.isMasqueraded, programsIn(around.env));
  await attempts.try(async () => {
    const rules = leaving?.rules ?? forgottenRules(call, config, { known, places });
    const removal = planRemoval(call, remains, usesIptables ? chainsOf(call, known) : []);
    await apply([...release(rules), ...nft.steps, ...removal], applying);
    await leaving?.finish();
    if (isDocker) await unpublish(call, known, { places, around });
  });
  await attempts.try(async () => {
    const released = config.ipamType === undefined ? [] : await delIpam(config.ipamType, call, around);
    if (!usesIptables || known.length > 0) return;
    const chains = released.length > 0 ? chainsOf(call, released.map(hostCidr)) : forgottenChains(call);
    await apply(
      chains.map((chain) => ({ do: "rules.remove", chain })),
      applying,
    );
  });
  attempts.finish();
}

async function unpublish(
  call: DelCall,
  known: readonly Cidr[],
  { places, around }: { readonly places: Places; readonly around: Surroundings },
): Promise<void> {
  const claim = findClaim(call.network.name, call, "bridge");
  if (claim === undefined) return;
  const ips = known.map(({ ip }) => ip);
  forgetFlows(places, claim.ports, ips);
  await forgetPorts(call, "bridge", around);
}

function chainsOf(call: DelCall, addresses: readonly Cidr[]): PrivateChain[] {
  return masqueradeChains(masqueraded(call), addresses);
}

/** Nothing tells what the container's addresses were: its chain is known by its name, and what leads there by the chain. */
function forgottenChains(call: DelCall): PrivateChain[] {
  return ([4, 6] satisfies Family[]).map((family) => masqueradeChain(masqueraded(call), family, []));
}

function masqueraded({ network: { name: network }, containerId, ifname }: DelCall): Masqueraded {
  return { chain: masqueradeChainNames(sha512, { network, containerId, ifname }), network, containerId };
}

function unique(addresses: readonly Cidr[]): Cidr[] {
  return addresses.filter((address, i) => addresses.findIndex((other) => sameCidr(other, address)) === i);
}
