// Published ports as the reference writes them with iptables; nerdctl reads them there. A container has a chain of its own with its
// ports, and rules of a chain that all share lead to it.
import { type Cidr, hostCidr, networkOf, printCidr } from "../../net/cidr.ts";
import { printIp } from "../../net/ip.ts";
import type { PortMapping } from "../../net/port-mapping.ts";
import { quote, unquote } from "../private-chain.ts";
import type { Chain, OwnChain, Rule, RuleSet } from "../rule-set.ts";
import type { SavedRules } from "../saved-rules.ts";
import type { Release } from "../step.ts";

const SHARED = "CNI-HOSTPORT-DNAT";
const SET_MARK = "CNI-HOSTPORT-SETMARK";
const MASQUERADE = "CNI-HOSTPORT-MASQ";

/** XT_MULTI_PORTS of linux/netfilter/xt_multiport.h */
const MOST_PORTS = 15;
/** XT_MAX_COMMENT_LEN of linux/netfilter/xt_comment.h, as the reference counts it. */
const LONGEST_COMMENT = 255;

/** Whose ports they are. */
export interface Published {
  readonly network: string;
  readonly containerId: string;
  /** See portmapChainName. */
  readonly chain: string;
}

/** How ports are published. */
export interface Publishing {
  /** Clients in the container's subnet, and those on the host at 127.0.0.1, get the host's address: it could not answer them otherwise. */
  readonly snat: boolean;
  /** All clients do. */
  readonly masqAll: boolean;
  readonly markMasqBit: number;
  /** A chain of somebody else's that marks what is to be masqueraded. */
  readonly externalSetMarkChain: string | undefined;
  /** More arguments for the rules of the shared chain. */
  readonly conditions: readonly string[];
}

/** What takes rules of one family away again. */
export interface PortRules extends Release {
  /** With its rules: another interface of the container in the network shares it. */
  readonly chain?: OwnChain | undefined;
}

/** The rules for one address of the container. */
export function portmapRules(
  whose: Published,
  {
    address,
    mappings,
    publishing,
  }: {
    readonly address: Cidr;
    readonly mappings: readonly PortMapping[];
    readonly publishing: Publishing;
  },
): RuleSet {
  const { family } = address.ip;
  const isMarking = publishing.snat && publishing.externalSetMarkChain === undefined;
  return {
    family,
    chains: [SHARED, ...(isMarking ? [SET_MARK, MASQUERADE] : [])].map(natChain),
    standing: [...(isMarking ? marking(publishing.markMasqBit) : []), ...jumps],
    own: entries(whose, mappings, publishing.conditions),
    ownChain: {
      ...natChain(whose.chain),
      rules: mappings
        .filter(({ hostIp }) => hostIp === undefined || hostIp.family === family)
        .flatMap((mapping) => portRules(mapping, address, publishing)),
    },
  };
}

/** The comment of the rules that lead to a container's chain. */
export function commentOf({ network, containerId }: Pick<Published, "network" | "containerId">): string {
  const comment = `dnat name: "${network}" id: "${containerId}"`;
  return comment.length > LONGEST_COMMENT ? `${comment.slice(0, LONGEST_COMMENT - 2)}...` : comment;
}

/** The containers of a network, by the rules that lead to their chains. A comment that was cut does not tell the whole id. */
export function publishedIn(saved: SavedRules, network: string): readonly Published[] {
  const found = new Map<string, Published>();
  for (const rule of saved.rulesOf("nat", SHARED)) {
    const [, text = "", chain = ""] = leading.exec(rule) ?? [];
    const [, name, containerId] = /^dnat name: "(.*)" id: "(.*)"$/.exec(unquote(text)) ?? [];
    if (name === network && containerId !== undefined) found.set(chain, { network, containerId, chain });
  }
  return [...found.values()];
}

/** Our comment, quoted as iptables does, and the chain that the rule leads to. */
const leading = / --comment "((?:[^"\\]|\\.)*)" .*-j (CNI-DN-[0-9a-f]{21})$/;

const localDestination = "-m addrtype --dst-type LOCAL";
const jumps: readonly Rule[] = ["PREROUTING", "OUTPUT"].map((chain) =>
  natRule(chain, `${localDestination} -j ${SHARED}`),
);

function marking(bit: number): readonly Rule[] {
  const mark = `0x${(2 ** bit).toString(16)}`;
  return [
    natRule(SET_MARK, `-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${mark}/${mark}`),
    natRule(MASQUERADE, `-m mark --mark ${mark}/${mark} -j MASQUERADE`),
    {
      ...natRule("POSTROUTING", `-m comment --comment "CNI portfwd requiring masquerade" -j ${MASQUERADE}`),
      at: "head",
    },
  ];
}

/** For each protocol as many as its ports need, whatever family their address of the host has. */
function entries(whose: Published, mappings: readonly PortMapping[], conditions: readonly string[]): readonly Rule[] {
  const comment = `-m comment --comment ${quote(commentOf(whose))}`;
  const more = conditions.map((word) => ` ${quoteArgument(word)}`).join("");
  return [...new Set(mappings.map(({ protocol }) => protocol))].sort().flatMap((protocol) => {
    const ports = mappings.filter((mapping) => mapping.protocol === protocol).map(({ hostPort }) => hostPort);
    return chunks(ports, MOST_PORTS).map((some) =>
      natRule(SHARED, `-p ${protocol} ${comment} -m multiport --dports ${some.join(",")}${more} -j ${whose.chain}`),
    );
  });
}

function portRules(mapping: PortMapping, address: Cidr, publishing: Publishing): readonly string[] {
  const { protocol, hostPort, containerPort, hostIp } = mapping;
  const { ip } = address;
  const destination = hostIp === undefined || hostIp.value === 0n ? "" : `-d ${printCidr(hostCidr(hostIp))} `;
  const port = `${destination}-p ${protocol} -m ${protocol} --dport ${hostPort}`;
  const target = ip.family === 4 ? printIp(ip) : `[${printIp(ip)}]`;
  return [
    ...markedSources(address, publishing).map(
      (source) => `${source}${port} -j ${publishing.externalSetMarkChain ?? SET_MARK}`,
    ),
    `${port} -j DNAT --to-destination ${target}:${containerPort}`,
  ];
}

/** Matches of the clients that get the host's address, each with a blank behind it. */
function markedSources(address: Cidr, { snat, masqAll }: Publishing): readonly string[] {
  if (!snat) return [];
  if (masqAll) return [""];
  const own = `-s ${printCidr(networkOf(address))} `;
  return address.ip.family === 4 ? [own, "-s 127.0.0.1/32 "] : [own];
}

function natRule(chain: string, text: string): Rule {
  return { table: "nat", chain, text, at: "end" };
}

function natChain(name: string): Chain {
  return { table: "nat", name };
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** One word of a line of `iptables-restore`. */
function quoteArgument(word: string): string {
  return /^[\w!:.,/=-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, "\\$&")}"`;
}
