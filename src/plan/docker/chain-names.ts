import type { Chain } from "../rule-set.ts";

/** Those of Docker Engine 29 for the prefix `DOCKER`. `ports` is a chain of the nat table, too. */
export interface ChainNames {
  readonly ports: string;
  readonly user: string;
  readonly forward: string;
  readonly established: string;
  readonly internal: string;
  readonly bridge: string;
}

export function chainNames(prefix: string): ChainNames {
  return {
    ports: prefix,
    user: `${prefix}-USER`,
    forward: `${prefix}-FORWARD`,
    established: `${prefix}-CT`,
    internal: `${prefix}-INTERNAL`,
    bridge: `${prefix}-BRIDGE`,
  };
}

export function chainsOf(prefix: string): readonly Chain[] {
  const names = Object.values(chainNames(prefix));
  return [{ table: "nat", name: prefix }, ...names.map((name) => ({ table: "filter", name }) as const)];
}

/** XT_EXTENSION_MAXNAMELEN of linux/netfilter/x_tables.h without the closing zero, and without `-INTERNAL`. */
const LONGEST_PREFIX = 28 - "-INTERNAL".length;

/** Chains that are there already, verdicts, and target extensions of iptables: behind `-j` such a name means something else. */
const taken = new Set(
  (
    "PREROUTING INPUT FORWARD OUTPUT POSTROUTING ACCEPT DROP QUEUE RETURN AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK " +
    "CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MARK MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT " +
    "SECMARK SET SNAT SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG"
  ).split(" "),
);

/** Why the chains cannot be named so; undefined when they can. */
export function chainPrefixProblem(prefix: string): string | undefined {
  if (!/^[A-Za-z][\w-]*$/.test(prefix)) return "must be letters, digits, _ and -, and begin with a letter";
  if (prefix.length > LONGEST_PREFIX) return `must be at most ${LONGEST_PREFIX} characters long`;
  if (taken.has(prefix)) return "is a name that iptables uses itself";
  if (/-(USER|FORWARD|CT|INTERNAL|BRIDGE|INGRESS|ISOLATION(-STAGE-\d)?)$/.test(prefix))
    return "could be the name of a chain of another prefix";
  return undefined;
}
