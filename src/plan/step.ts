// Everything that a plugin may change, as values. kernel/apply.ts carries them out, plan/print.ts says them in the words an
// administrator would type. Links are named by place and name, never by index: an index is known only when the link is there.
import type { Cidr } from "../net/cidr.ts";
import type { Family, Ip } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { Route } from "../net/route.ts";
import type { VidRange } from "../net/vlan.ts";
import type { Place, PortVlans } from "./facts.ts";
import type { NftOwner, NftRules } from "./nft-rules.ts";
import type { PrivateChain } from "./private-chain.ts";
import type { Chain, Rule, RuleSet } from "./rule-set.ts";
import { inverseOfShaping, type ShapingStep } from "./shaping-step.ts";
import type { OfLink, Tolerant } from "./step-parts.ts";

export interface NewLink {
  readonly name: string;
  readonly mtu?: number | undefined;
  /** Without one the kernel makes one up; a bridge then changes it with its ports. */
  readonly mac?: Mac | undefined;
  /** Packets that may wait to be sent; 1000 unless it is said. */
  readonly txqlen?: number | undefined;
}

export interface NewBridge extends NewLink {
  readonly vlanFiltering?: boolean;
}

export interface LinkSettings {
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly txqlen?: number;
  readonly promisc?: boolean;
  readonly allmulti?: boolean;
}

export interface Release {
  readonly family: Family;
  readonly rules: readonly Rule[];
  /** Goes too, with whatever leads there. */
  readonly chain?: Chain | undefined;
}

export type Step =
  | ({ readonly do: "link.add-bridge"; readonly place: Place; readonly bridge: NewBridge } & Tolerant)
  | ({ readonly do: "link.add-veth"; readonly host: NewLink; readonly container: NewLink } & Tolerant)
  /** A veth with both ends in one place. */
  | ({
      readonly do: "link.add-veth-here";
      readonly place: Place;
      readonly end: NewLink;
      readonly peer: NewLink;
    } & Tolerant)
  /** A device that takes what is led to it, to send it on as a queue of it allows. */
  | ({ readonly do: "link.add-ifb"; readonly place: Place; readonly ifb: NewLink } & Tolerant)
  | ({ readonly do: "link.delete" } & OfLink & Tolerant)
  | ({
      readonly do: "link.set";
      readonly up?: boolean;
      /** The bridge to become a port of. */
      readonly master?: string;
      readonly alias?: string;
      /** To be set again when this is taken back. */
      readonly before?: LinkSettings;
    } & LinkSettings &
      OfLink &
      Tolerant)
  | ({ readonly do: "port.set"; readonly hairpin?: boolean; readonly isolated?: boolean } & OfLink & Tolerant)
  | ({ readonly do: "vlan.add"; readonly vlans: readonly PortVlans[] } & OfLink & Tolerant)
  | ({ readonly do: "vlan.delete"; readonly vlans: readonly VidRange[] } & OfLink & Tolerant)
  /** `nodad`: no duplicate address detection. */
  | ({ readonly do: "address.add"; readonly cidr: Cidr; readonly nodad?: boolean } & OfLink & Tolerant)
  | ({ readonly do: "address.delete"; readonly cidr: Cidr } & OfLink & Tolerant)
  | ({ readonly do: "route.add" } & Route & OfLink & Tolerant)
  | ShapingStep
  /** `optional`: a kernel without the setting, or a read-only /proc/sys, is no reason to fail. */
  | {
      readonly do: "sysctl.set";
      readonly place: Place;
      readonly key: string;
      readonly value: string;
      readonly optional?: true;
      /** To be set again when this is taken back; without it what is set stays. */
      readonly before?: string;
      /** The kernel module that has the setting; loaded when it is not there. */
      readonly module?: string;
    }
  /** Waits until the link is up and running, which the kernel decides a moment after both its ends were set up. */
  | ({ readonly do: "link.await-up" } & OfLink)
  /** Waits until nobody else on the link can have the IPv6 addresses; that somebody has one is an error. */
  | ({ readonly do: "address.await-dad" } & OfLink)
  /** Tells everybody on the link whose the address is now. That nobody could be told is no reason to fail. */
  | ({ readonly do: "address.announce"; readonly ip: Ip; readonly mac: Mac } & OfLink)
  /** Rules run in a process of their own, from here on beside the following steps until the last of them. */
  | { readonly do: "rules.add"; readonly chain: PrivateChain }
  | { readonly do: "rules.remove"; readonly chain: PrivateChain }
  | { readonly do: "nft.add"; readonly rules: NftRules }
  | { readonly do: "nft.remove"; readonly owner: NftOwner }
  /** Waits until all rules so far are in force. */
  | { readonly do: "rules.await" }
  /** What is recorded to take it back are those of its own rules that were not there before. */
  | { readonly do: "rules.ensure"; readonly rules: RuleSet }
  /** Those that are there: none of them has to be. */
  | ({ readonly do: "rules.release" } & Release);

export type SetSysctl = Extract<Step, { readonly do: "sysctl.set" }>;

/** The step that takes this one back, or undefined when there is none: it goes with its link, or made nothing. */
export function inverse(step: Step): Step | undefined {
  switch (step.do) {
    case "link.add-bridge":
      return { do: "link.delete", place: step.place, link: step.bridge.name, tolerate: ["ENODEV"] };
    case "link.add-ifb":
      return { do: "link.delete", place: step.place, link: step.ifb.name, tolerate: ["ENODEV"] };
    case "link.add-veth":
      // the other end goes with it
      return { do: "link.delete", place: "host", link: step.host.name, tolerate: ["ENODEV"] };
    case "link.add-veth-here":
      return { do: "link.delete", place: step.place, link: step.end.name, tolerate: ["ENODEV"] };
    case "address.add":
      return {
        do: "address.delete",
        place: step.place,
        link: step.link,
        cidr: step.cidr,
        tolerate: ["ENODEV", "EADDRNOTAVAIL"],
      };
    case "rules.add":
      return { do: "rules.remove", chain: step.chain };
    case "address.delete":
      return { ...step, do: "address.add", tolerate: ["ENODEV", "EEXIST"] };
    case "nft.add":
      return { do: "nft.remove", owner: step.rules.owner };
    case "rules.ensure": {
      const { family, own, ownChain: chain } = step.rules;
      if (own.length === 0 && chain === undefined) return undefined;
      return { do: "rules.release", family, rules: own, ...(chain === undefined ? {} : { chain }) };
    }
    case "link.set":
      return inverseOfSet(step);
    case "sysctl.set": {
      const { place, key, before } = step;
      return before === undefined ? undefined : { do: "sysctl.set", place, key, value: before };
    }
    case "link.delete":
    case "port.set":
    // a port's VLANs go with the port, and the kernel does not tell whether it had them before
    case "vlan.add":
    case "vlan.delete":
    case "route.add":
    case "link.await-up":
    case "address.await-dad":
    case "address.announce":
    case "rules.remove":
    case "nft.remove":
    case "rules.await":
    case "rules.release":
      return undefined;
    default:
      return inverseOfShaping(step);
  }
}

/** What was off before is off again, and what is known from before is as it was. */
function inverseOfSet({ place, link, up, promisc, before }: Extract<Step, { do: "link.set" }>): Step | undefined {
  if (before !== undefined) return { do: "link.set", place, link, ...before, tolerate: ["ENODEV"] };
  if (up !== true && promisc !== true) return undefined;
  const back = { ...(up === true ? { up: false } : {}), ...(promisc === true ? { promisc: false } : {}) };
  return { do: "link.set", place, link, ...back, tolerate: ["ENODEV"] };
}
