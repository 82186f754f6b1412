// Everything that a plugin may change, as values. kernel/apply.ts carries them out, plan/print.ts says them in the words an
// administrator would type. Links are named by place and name, never by index: an index is known only when the link is there.
import type { Cidr } from "../net/cidr.ts";
import type { Family, Ip } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { Route } from "../net/route.ts";
import type { VidRange } from "../net/vlan.ts";
import type { MacvlanMode, Place, PortVlans } from "./facts.ts";
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

export interface NewMacvlan extends NewLink {
  readonly mode: MacvlanMode;
  /** Multicast packets that may wait to be received; 1000 unless it is said. */
  readonly queueLength?: number | undefined;
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
  /** A macvlan in the place, whose parent may be in another one. */
  | ({
      readonly do: "link.add-macvlan";
      readonly place: Place;
      readonly macvlan: NewMacvlan;
      readonly parent: { readonly place: Place; readonly link: string };
    } & Tolerant)
  | ({
      readonly do: "link.add-vlan";
      readonly place: Place;
      readonly vlan: NewLink & { readonly id: number };
      readonly parent: string;
    } & Tolerant)
  | ({ readonly do: "link.add-dummy"; readonly place: Place; readonly dummy: NewLink } & Tolerant)
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
  /** `src`: the address that this place has towards the destination. */
  | ({ readonly do: "route.add"; readonly src?: Ip | undefined } & Route & OfLink & Tolerant)
  | ({ readonly do: "route.delete" } & Route & OfLink & Tolerant)
  /** For good: nobody is asked whose the address is. */
  | ({ readonly do: "neighbour.set"; readonly ip: Ip; readonly mac: Mac } & OfLink & Tolerant)
  | ({ readonly do: "neighbour.delete"; readonly ip: Ip } & OfLink & Tolerant)
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
  if (isMaking(step)) {
    const [[place, link]] = linksMadeBy(step);
    return { do: "link.delete", place, link, tolerate: ["ENODEV"] };
  }
  switch (step.do) {
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
    case "route.delete":
    case "neighbour.set":
    case "neighbour.delete":
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

type Made = readonly [place: Place, link: string];

/** The links that a step makes; with the first of them the others go, too. */
export function linksMadeBy(step: Extract<Step, { readonly do: `link.add-${string}` }>): readonly [Made, ...Made[]] {
  switch (step.do) {
    case "link.add-bridge":
      return [[step.place, step.bridge.name]];
    case "link.add-veth":
      return [
        ["host", step.host.name],
        ["container", step.container.name],
      ];
    case "link.add-veth-here":
      return [
        [step.place, step.end.name],
        [step.place, step.peer.name],
      ];
    case "link.add-ifb":
      return [[step.place, step.ifb.name]];
    case "link.add-macvlan":
      return [[step.place, step.macvlan.name]];
    case "link.add-vlan":
      return [[step.place, step.vlan.name]];
    case "link.add-dummy":
      return [[step.place, step.dummy.name]];
    default:
      return step satisfies never;
  }
}

/** Whether it makes links. */
export function isMaking(step: Step): step is Extract<Step, { readonly do: `link.add-${string}` }> {
  return step.do.startsWith("link.add-");
}

/** What was off before is off again, and what is known from before is as it was. */
function inverseOfSet({ place, link, up, promisc, before }: Extract<Step, { do: "link.set" }>): Step | undefined {
  if (before !== undefined) return { do: "link.set", place, link, ...before, tolerate: ["ENODEV"] };
  if (up !== true && promisc !== true) return undefined;
  const back = { ...(up === true ? { up: false } : {}), ...(promisc === true ? { promisc: false } : {}) };
  return { do: "link.set", place, link, ...back, tolerate: ["ENODEV"] };
}
