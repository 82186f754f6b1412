import { findProgram } from "../../kernel/find-program.ts";
import { mayHaveNatChain } from "../../kernel/nat-chain.ts";
import type { Family } from "../../net/ip.ts";
import type { Published } from "../../plan/portmap/iptables-rules.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment, Surroundings } from "../../protocol/plugin.ts";
import type { PortClaim } from "../../state/port-claims.ts";
import { otherClaims } from "../port-claims.ts";
import { nftRemoval, removalOf } from "../port-remains.ts";

const families = [4, 6] as const satisfies Family[];

/** What there may be of a container's ports, of both backends, whatever the configuration says by now. To look costs no process. */
export function planRemoval(
  whose: Published,
  {
    attachment,
    claim,
    env,
  }: {
    readonly attachment: Attachment;
    readonly claim: PortClaim | undefined;
    readonly env: Surroundings["env"];
  },
): Step[] {
  const others = otherClaims(whose.network, attachment);
  const known = claim === undefined ? [] : removalOf(claim, others);
  const isKnown = claim?.remains.some(({ chain }) => chain !== undefined) === true;
  const isShared = others.some(({ remains }) => remains.some(({ chain }) => chain?.name === whose.chain));
  return [
    ...known,
    ...(isKnown || isShared ? [] : unknownChains(whose, env)),
    ...families.flatMap((family) => nftRemoval(whose, family, others)),
  ];
}

/** What the Go plugin wrote, or an ADD whose claim is lost. Whoever has no iptables has no rules of it. */
function unknownChains({ chain }: Published, env: Surroundings["env"]): Step[] {
  if (findProgram("iptables-restore", env) === undefined) return [];
  return families
    .filter((family) => mayHaveNatChain(family, chain))
    .map((family) => ({ do: "rules.release", family, rules: [], chain: { table: "nat", name: chain } }));
}
