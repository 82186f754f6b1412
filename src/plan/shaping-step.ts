// Steps that limit how much a link sends and receives, and from whom.
import type { Mac } from "../net/mac.ts";
import { sourceFilter } from "../net/source-filter.ts";
import type { TokenBucket } from "../net/token-bucket.ts";
import type { OfLink, Tolerant } from "./step-parts.ts";

/** `tbf` is for what the link sends, `ingress` for what it receives. */
export type Qdisc = { readonly kind: "tbf"; readonly bucket: TokenBucket } | { readonly kind: "ingress" };
export type QdiscPlace = "root" | "ingress";

export type ShapingStep =
  | ({ readonly do: "qdisc.add"; readonly qdisc: Qdisc } & OfLink & Tolerant)
  | ({ readonly do: "qdisc.delete"; readonly at: QdiscPlace } & OfLink & Tolerant)
  /** What comes in goes to another link instead. It needs the qdisc `ingress`, and goes with it. */
  | ({ readonly do: "filter.redirect"; readonly to: string } & OfLink & Tolerant)
  /** What comes from others is dropped. It replaces an earlier one; it needs the qdisc `ingress`, and goes with it. */
  | ({ readonly do: "filter.sources"; readonly macs: readonly Mac[] } & OfLink & Tolerant);

/** TC_ACT_OK and TC_ACT_SHOT of linux/pkt_cls.h */
const verdicts = { known: 0, other: 2 } as const;

/** As an administrator would type it. */
export function printShaping(step: ShapingStep): string {
  switch (step.do) {
    case "qdisc.add":
      return `tc qdisc add dev ${step.link} ${qdisc(step.qdisc)}`;
    case "qdisc.delete":
      return `tc qdisc delete dev ${step.link} ${step.at}`;
    case "filter.redirect":
      return `tc filter add dev ${step.link} parent ffff: prio 1 protocol all u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ${step.to}`;
    case "filter.sources": {
      const program = sourceFilter(step.macs, verdicts).map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`);
      return `tc filter replace dev ${step.link} parent ffff: prio 1 handle 1 bpf da bytecode "${[program.length, ...program].join(",")}"`;
    }
    default:
      return step satisfies never;
  }
}

/** The step that takes this one back, or undefined when it goes with another. */
export function inverseOfShaping(step: ShapingStep): ShapingStep | undefined {
  if (step.do !== "qdisc.add") return undefined;
  return removeQdisc(step, step.qdisc.kind === "tbf" ? "root" : "ingress");
}

/** With what the kernel says when there is nothing to delete. */
export function removeQdisc({ place, link }: OfLink, at: QdiscPlace): ShapingStep {
  return { do: "qdisc.delete", place, link, at, tolerate: ["ENODEV", "ENOENT", "EINVAL"] };
}

/** tc(8) means bits a second by `bit`, and bytes by a number alone. */
function qdisc(added: Qdisc): string {
  if (added.kind === "ingress") return "ingress";
  const { rate, burst, limit } = added.bucket;
  return `root handle 1: tbf rate ${rate * 8}bit burst ${burst} limit ${limit}`;
}
