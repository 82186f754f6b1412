import { largestPacket, sameBucket, type TokenBucket, type TokenBucketSettings } from "../../net/token-bucket.ts";
import type { Link } from "../../plan/facts.ts";
import { removeQdisc } from "../../plan/shaping-step.ts";
import type { Step } from "../../plan/step.ts";
import type { Result } from "../../protocol/result.ts";
import type { BandwidthConfig } from "./config.ts";

const place = "host";

/** A queue that somebody has given a link. */
export interface Queue {
  readonly kind: string;
  readonly handle: number;
  readonly bucket: TokenBucketSettings | undefined;
}

export interface Shaped {
  /** The host's end of the container's interface. */
  readonly host: Link;
  readonly root: Queue | undefined;
  /** What is done with what it receives; undefined when that is nothing. */
  readonly ingress: Ingress | undefined;
}

export interface Ingress {
  readonly kind: string;
  readonly hasFilters: boolean;
  /** Indexes of the links that it is redirected to; 0 for one that is gone. */
  readonly redirects: readonly number[];
}

/** What the container's packets go through. */
export interface Ifb {
  readonly name: string;
  /** Undefined when it is not there. */
  readonly link: Link | undefined;
  readonly root: Queue | undefined;
}

/** `1:`, which the reference gives its queues, too. */
const OUR_HANDLE = 0x1_0000;

/** What an earlier ADD has left is replaced; what is somebody else's is in the way. */
export function shapingProblem(config: BandwidthConfig, { host, root, ingress }: Shaped, ifb: Ifb): string | undefined {
  if (config.ingress !== undefined && root !== undefined && !isOurs(root))
    return `${host.name} has a queue of the kind ${root.kind} already`;
  if (config.egress === undefined) return undefined;
  if (ingress !== undefined && !leadsTo(ingress, ifb.link))
    return `${host.name} has a queue of the kind ${ingress.kind} for what it receives already`;
  return ifb.link === undefined || ifb.link.kind === "ifb" ? undefined : `${ifb.name} is there, but is not an ifb`;
}

/** What will not be as it is meant: the reference takes such limits without a word. */
export function warnings({ ingress, egress }: BandwidthConfig, { host }: Shaped): readonly string[] {
  return [
    ...(ingress === undefined ? [] : dropped("to", ingress, host)),
    ...(egress === undefined ? [] : dropped("from", egress, host)),
  ];
}

export function planAdd(
  config: BandwidthConfig,
  { shaped, ifb, alias }: { readonly shaped: Shaped; readonly ifb: Ifb; readonly alias: string },
): readonly Step[] {
  const link = shaped.host.name;
  return [
    ...planRemoval(shaped, ifb),
    ...(config.ingress === undefined ? [] : [limit(link, config.ingress)]),
    ...(config.egress === undefined ? [] : limitReceived(shaped.host, config.egress, { ifb: ifb.name, alias })),
  ];
}

/** What there is of ours. The link of the container is there as long as its namespace. */
export function planRemoval(shaped: Shaped | undefined, { name, link }: Ifb): readonly Step[] {
  const ours = link?.kind === "ifb" ? link : undefined;
  const on = shaped === undefined ? [] : queuesToRemove(shaped, ours);
  return [
    ...on,
    ...(ours === undefined ? [] : [{ do: "link.delete", place, link: name, tolerate: ["ENODEV"] } as const]),
  ];
}

/** With the device that limits what the container sends, as in the reference. */
export function shapedResult(result: Result, ifb: Link | undefined): Result {
  if (ifb === undefined) return result;
  const { name, mac } = ifb;
  // addresses name interfaces by their place, so none may change it
  const isKnown = result.interfaces.some((each) => each.name === name);
  const interfaces = result.interfaces.map((each) => (each.name === name ? { ...each, mac } : each));
  return { ...result, interfaces: isKnown ? interfaces : [...interfaces, { name, mac }] };
}

/** What is not as ADD left it. */
export function differences({ ingress, egress }: BandwidthConfig, shaped: Shaped, ifb: Ifb): readonly string[] {
  return [
    ...(ingress === undefined ? [] : bucketProblem(shaped.host.name, shaped.root, ingress)),
    ...(egress === undefined ? [] : ifbProblems(shaped, ifb, egress)),
  ];
}

function dropped(direction: string, bucket: TokenBucket, { mtu }: Link): readonly string[] {
  const largest = largestPacket(bucket);
  if (largest >= mtu) return [];
  return [
    `packets ${direction} the container of more than ${largest} bytes are dropped: the burst has no room for the MTU of ${mtu}`,
  ];
}

function ifbProblems({ host, ingress }: Shaped, { name, link, root }: Ifb, egress: TokenBucket): readonly string[] {
  if (link === undefined) return [`there is no ${name}, which what the container sends should go through`];
  return [
    ...(link.isUp ? [] : [`${name} is down`]),
    ...(link.mtu === host.mtu ? [] : [`${name} has mtu ${link.mtu} instead of the ${host.mtu} of ${host.name}`]),
    ...bucketProblem(name, root, egress),
    ...(ingress?.redirects.includes(link.index) ? [] : [`what ${host.name} receives is not redirected to ${name}`]),
  ];
}

function bucketProblem(link: string, root: Queue | undefined, wanted: TokenBucket): readonly string[] {
  if (root?.bucket === undefined)
    return [`${link} has ${root === undefined ? "no queue" : `a queue of the kind ${root.kind}`} instead of a tbf`];
  if (sameBucket(root.bucket, wanted)) return [];
  const print = ({ rate, limit: waiting, buffer }: TokenBucketSettings) =>
    `rate ${rate} B/s, limit ${waiting} B, buffer ${buffer}`;
  return [`${link} has ${print(root.bucket)} instead of ${print(wanted)}`];
}

function queuesToRemove({ host, root, ingress }: Shaped, ifb: Link | undefined): readonly Step[] {
  const on = { place, link: host.name } as const;
  return [
    ...(root !== undefined && isOurs(root) ? [removeQdisc(on, "root")] : []),
    ...(ingress !== undefined && leadsTo(ingress, ifb) ? [removeQdisc(on, "ingress")] : []),
  ];
}

function limitReceived(
  host: Link,
  bucket: TokenBucket,
  { ifb, alias }: { readonly ifb: string; readonly alias: string },
): readonly Step[] {
  return [
    { do: "link.add-ifb", place, ifb: { name: ifb, mtu: host.mtu, txqlen: 0 } },
    { do: "link.set", place, link: ifb, alias, up: true },
    limit(ifb, bucket),
    { do: "qdisc.add", place, link: host.name, qdisc: { kind: "ingress" } },
    { do: "filter.redirect", place, link: host.name, to: ifb },
  ];
}

function limit(link: string, bucket: TokenBucket): Step {
  return { do: "qdisc.add", place, link, qdisc: { kind: "tbf", bucket } };
}

/** Also to nowhere any more, which drops everything, or an ADD ended before it led anywhere. */
function leadsTo({ kind, hasFilters, redirects }: Ingress, ifb: Link | undefined): boolean {
  if (kind !== "ingress") return false;
  return hasFilters ? redirects.length > 0 && redirects.every((index) => index === 0 || index === ifb?.index) : true;
}

function isOurs({ kind, handle }: Queue): boolean {
  return kind === "tbf" && handle === OUR_HANDLE;
}
