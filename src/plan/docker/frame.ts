import type { Rule } from "../rule-set.ts";
import { chainNames } from "./chain-names.ts";

const localDestination = "-m addrtype --dst-type LOCAL";

/**
 * The jumps that all networks share, in the order in which Docker Engine 29 writes them with `--userland-proxy=false`: without
 * the proxy, local traffic to 127.0.0.0/8 goes to the ports, too.
 */
export function frameRules(prefix: string): readonly Rule[] {
  const { ports, user, forward, established, internal, bridge } = chainNames(prefix);
  // each is inserted above the one before it
  const first = (chain: string, target: string): Rule => ({ table: "filter", chain, text: `-j ${target}`, at: "head" });
  return [
    { table: "nat", chain: "PREROUTING", text: `${localDestination} -j ${ports}`, at: "end" },
    { table: "nat", chain: "OUTPUT", text: `${localDestination} -j ${ports}`, at: "end" },
    first("FORWARD", forward),
    first(forward, bridge),
    first(forward, internal),
    first(forward, established),
    first("FORWARD", user),
  ];
}
