// Everything that a plugin may change, as values. kernel/apply.ts carries them out, plan/print.ts says them in the words an
// administrator would type. Links are named by place and name, never by index: an index is known only when the link is there.
import type { Cidr } from "../net/cidr.ts";
import type { Family } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { Route } from "../net/route.ts";
import type { Place } from "./facts.ts";
import type { PrivateChain } from "./private-chain.ts";
import type { Rule, RuleSet } from "./rule-set.ts";

export interface NewLink {
  readonly name: string;
  readonly mtu?: number | undefined;
  /** Without one the kernel makes one up; a bridge then changes it with its ports. */
  readonly mac?: Mac | undefined;
}

interface OfLink {
  readonly place: Place;
  readonly link: string;
}

interface Tolerant {
  /** Errors of the kernel that mean that there is nothing to do, each with its reason where the step is made. */
  readonly tolerate?: readonly string[];
}

export type Step =
  | ({ readonly do: "link.add-bridge"; readonly place: Place; readonly bridge: NewLink } & Tolerant)
  | ({ readonly do: "link.add-veth"; readonly host: NewLink; readonly container: NewLink } & Tolerant)
  | ({ readonly do: "link.delete" } & OfLink & Tolerant)
  | ({
      readonly do: "link.set";
      readonly up?: boolean;
      readonly mac?: Mac;
      /** The bridge to become a port of. */
      readonly master?: string;
      readonly alias?: string;
    } & OfLink &
      Tolerant)
  | ({ readonly do: "port.set"; readonly hairpin: boolean } & OfLink & Tolerant)
  /** `nodad`: no duplicate address detection. */
  | ({ readonly do: "address.add"; readonly cidr: Cidr; readonly nodad?: boolean } & OfLink & Tolerant)
  | ({ readonly do: "address.delete"; readonly cidr: Cidr } & OfLink & Tolerant)
  | ({ readonly do: "route.add" } & Route & OfLink & Tolerant)
  /** `optional`: a kernel without the setting, or a read-only /proc/sys, is no reason to fail. */
  | {
      readonly do: "sysctl.set";
      readonly place: Place;
      readonly key: string;
      readonly value: string;
      readonly optional?: true;
    }
  /** Waits until the link is up and running, which the kernel decides a moment after both its ends were set up. */
  | ({ readonly do: "link.await-up" } & OfLink)
  /** Rules run in a process of their own, from here on beside the following steps until the last of them. */
  | { readonly do: "rules.add"; readonly chain: PrivateChain }
  | { readonly do: "rules.remove"; readonly chain: PrivateChain }
  /** What is recorded to take it back are those of its own rules that were not there before. */
  | { readonly do: "rules.ensure"; readonly rules: RuleSet }
  /** Those that are there: none of them has to be. */
  | { readonly do: "rules.release"; readonly family: Family; readonly rules: readonly Rule[] };

/** The step that takes this one back, or undefined when there is none: it goes with its link, or made nothing. */
export function inverse(step: Step): Step | undefined {
  switch (step.do) {
    case "link.add-bridge":
      return { do: "link.delete", place: step.place, link: step.bridge.name, tolerate: ["ENODEV"] };
    case "link.add-veth":
      // the other end goes with it
      return { do: "link.delete", place: "host", link: step.host.name, tolerate: ["ENODEV"] };
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
    case "rules.ensure": {
      const { family, own } = step.rules;
      return own.length === 0 ? undefined : { do: "rules.release", family, rules: own };
    }
    case "link.set":
      return step.up === true
        ? { do: "link.set", place: step.place, link: step.link, up: false, tolerate: ["ENODEV"] }
        : undefined;
    case "link.delete":
    case "port.set":
    case "address.delete":
    case "route.add":
    case "sysctl.set":
    case "link.await-up":
    case "rules.remove":
    case "rules.release":
      return undefined;
    default:
      return step satisfies never;
  }
}
