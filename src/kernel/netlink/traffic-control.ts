// Queues of a link, and filters before them: messages of rtnetlink, linux/pkt_sched.h and linux/pkt_cls.h.
import type { Mac } from "../../net/mac.ts";
import { type Instruction, sourceFilter } from "../../net/source-filter.ts";
import type { TokenBucketSettings } from "../../net/token-bucket.ts";
import type { Qdisc, QdiscPlace } from "../../plan/shaping-step.ts";
import { isErrno } from "../kernel-error.ts";
import {
  ETH_P_ALL,
  NLM_F_CREATE,
  NLM_F_ECHO,
  NLM_F_EXCL,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_GETTFILTER,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
  TC_ACT_OK,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_H_INGRESS,
  TC_H_ROOT,
  TC_U32_TERMINAL,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_BPF_FLAG_ACT_DIRECT,
  TCA_BPF_FLAGS,
  TCA_BPF_OPS,
  TCA_BPF_OPS_LEN,
  TCA_EGRESS_REDIR,
  TCA_KIND,
  TCA_MIRRED_PARMS,
  TCA_OPTIONS,
  TCA_TBF_PARMS,
  TCA_TBF_RATE64,
  TCA_U32_ACT,
  TCA_U32_CLASSID,
  TCA_U32_SEL,
} from "./constants.ts";
import {
  type Attributes,
  attribute,
  fixedPart,
  type Message,
  message,
  parseAttributes,
  readNested,
  readText,
  text,
  u16,
  u32,
} from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

/** A link; the name is for people. */
interface Device {
  readonly index: number;
  readonly name: string;
}

/** What `tc qdisc show` tells of one. */
export interface QdiscEntry {
  readonly kind: string;
  /** `1:` is 0x10000. */
  readonly handle: number;
  /** Of one of the kind tbf. */
  readonly bucket: TokenBucketSettings | undefined;
}

/** struct tcmsg */
const TCMSG_SIZE = 20;
/** struct tc_tbf_qopt: two struct tc_ratespec, whose rates are at their ends, then limit, buffer, and an MTU. */
const TBF = { size: 36, rate: 8, limit: 24, buffer: 28 } as const;
/** struct tc_u32_sel with one struct tc_u32_key, which matches anything. */
const SELECTOR = { size: 32, keys: 2 } as const;
/** struct tc_mirred: struct tc_gen, whose action is the third number, then what to do, and with which link. */
const MIRRED = { size: 28, action: 8, what: 20, index: 24 } as const;

const ROOT_HANDLE = 0x1_0000;
const INGRESS_HANDLE = 0xffff_0000;
/** The priority 1, and the protocol, in the order of the network. */
const FIRST_OF_ALL = (1 << 16) | (ETH_P_ALL << 8);
const places = { root: TC_H_ROOT, ingress: TC_H_INGRESS } as const satisfies Record<QdiscPlace, number>;

/** Equivalent to: `tc qdisc add dev $name root handle 1: tbf rate $rate burst $burst limit $limit`, or `... ingress` */
export function addQdisc({ index, name }: Device, qdisc: Qdisc): Request {
  const header =
    qdisc.kind === "tbf"
      ? tcmsg({ index, handle: ROOT_HANDLE, parent: TC_H_ROOT })
      : tcmsg({ index, handle: INGRESS_HANDLE, parent: TC_H_INGRESS });
  const options = qdisc.kind === "tbf" ? tbfOptions(qdisc.bucket) : Buffer.alloc(0);
  const body = [header, text(TCA_KIND, qdisc.kind), attribute(TCA_OPTIONS, options)];
  return { what: `add qdisc ${qdisc.kind} to ${name}`, bytes: message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, body) };
}

/** Equivalent to: `tc qdisc delete dev $name root|ingress`; ENOENT or EINVAL when there is none. */
export function deleteQdisc({ index, name }: Device, at: QdiscPlace): Request {
  const bytes = message(RTM_DELQDISC, 0, [tcmsg({ index, parent: places[at] })]);
  return { what: `delete the ${at} qdisc of ${name}`, bytes };
}

/**
 * Equivalent to: `tc filter add dev $name parent ffff: prio 1 protocol all u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev
 * $to`. The reference adds the action twice, and the second is never reached.
 */
export function addRedirect({ index, name }: Device, to: Device): Request {
  const selector = Buffer.alloc(SELECTOR.size);
  selector.writeUInt8(TC_U32_TERMINAL, 0);
  selector.writeUInt8(1, SELECTOR.keys);
  const mirred = Buffer.alloc(MIRRED.size);
  mirred.writeInt32LE(TC_ACT_STOLEN, MIRRED.action);
  mirred.writeInt32LE(TCA_EGRESS_REDIR, MIRRED.what);
  mirred.writeUInt32LE(to.index, MIRRED.index);
  const action = [text(TCA_ACT_KIND, "mirred"), attribute(TCA_ACT_OPTIONS, attribute(TCA_MIRRED_PARMS, mirred))];
  const options = [
    attribute(TCA_U32_SEL, selector),
    u32(TCA_U32_CLASSID, 0x1_0001),
    attribute(TCA_U32_ACT, attribute(1, Buffer.concat(action))),
  ];
  const body = [
    tcmsg({ index, parent: INGRESS_HANDLE, info: FIRST_OF_ALL }),
    text(TCA_KIND, "u32"),
    attribute(TCA_OPTIONS, Buffer.concat(options)),
  ];
  const what = `redirect what ${name} receives to ${to.name}`;
  return { what, bytes: message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, body) };
}

/**
 * Equivalent to: `tc filter replace dev $name parent ffff: prio 1 handle 1 bpf da bytecode "..."`: what does not come from one of the
 * machines is dropped.
 */
export function setSources({ index, name }: Device, macs: readonly Mac[]): Request {
  const program = sourceFilter(macs, { known: TC_ACT_OK, other: TC_ACT_SHOT });
  const options = [
    u16(TCA_BPF_OPS_LEN, program.length),
    attribute(TCA_BPF_OPS, Buffer.concat(program.map(printInstruction))),
    u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
  ];
  const body = [
    tcmsg({ index, handle: 1, parent: INGRESS_HANDLE, info: FIRST_OF_ALL }),
    text(TCA_KIND, "bpf"),
    attribute(TCA_OPTIONS, Buffer.concat(options)),
  ];
  return { what: `let only known machines in by ${name}`, bytes: message(RTM_NEWTFILTER, NLM_F_CREATE, body) };
}

/** struct sock_filter */
function printInstruction({ code, jt, jf, k }: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jt, 2);
  bytes.writeUInt8(jf, 3);
  bytes.writeUInt32LE(k, 4);
  return bytes;
}

/** Equivalent to: `tc qdisc show dev $name root|ingress`; undefined when there is none but the kernel's own, whose handle is 0. */
export function findQdisc(socket: NetlinkSocket, { index, name }: Device, at: QdiscPlace): QdiscEntry | undefined {
  const what = `find the ${at} qdisc of ${name}`;
  // the answer is a notification, which who asks gets only so
  const bytes = message(RTM_GETQDISC, NLM_F_ECHO, [tcmsg({ index, parent: places[at] })]);
  try {
    const [answer] = socket.request({ what, bytes });
    const found = answer === undefined ? undefined : parseQdisc(answer);
    return found?.handle === 0 ? undefined : found;
  } catch (error) {
    if (isErrno(error, "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}

/** Equivalent to: `tc filter show dev $name ingress`: whether there are any, and the indexes of the links that they redirect to. */
export function listRedirects(
  socket: NetlinkSocket,
  { index, name }: Device,
): { readonly hasFilters: boolean; readonly redirects: readonly number[] } {
  const bytes = message(RTM_GETTFILTER, 0, [tcmsg({ index, parent: INGRESS_HANDLE })]);
  const filters = socket.dump({ what: `list the filters of ${name}`, bytes });
  return { hasFilters: filters.length > 0, redirects: filters.flatMap(parseRedirects) };
}

export function parseQdisc({ payload }: Message): QdiscEntry {
  const { header, attributes } = fixedPart(payload, TCMSG_SIZE);
  const kind = readText(attributes, TCA_KIND) ?? "";
  const bucket = kind === "tbf" ? readBucket(readNested(attributes, TCA_OPTIONS)) : undefined;
  return { kind, handle: header.readUInt32LE(8), bucket };
}

/** Of a filter of the kind u32. */
export function parseRedirects({ payload }: Message): readonly number[] {
  const { attributes } = fixedPart(payload, TCMSG_SIZE);
  if (readText(attributes, TCA_KIND) !== "u32") return [];
  const actions = readNested(readNested(attributes, TCA_OPTIONS), TCA_U32_ACT);
  return [...actions.values()].map(parseAttributes).flatMap((action) => {
    const mirred = readNested(action, TCA_ACT_OPTIONS).get(TCA_MIRRED_PARMS);
    if (readText(action, TCA_ACT_KIND) !== "mirred" || mirred === undefined || mirred.length < MIRRED.size) return [];
    return [mirred.readUInt32LE(MIRRED.index)];
  });
}

function tbfOptions({ rate, limit, buffer }: TokenBucketSettings): Buffer {
  const parameters = Buffer.alloc(TBF.size);
  parameters.writeUInt32LE(rate % 2 ** 32, TBF.rate);
  parameters.writeUInt32LE(limit, TBF.limit);
  parameters.writeUInt32LE(buffer, TBF.buffer);
  const options = [attribute(TCA_TBF_PARMS, parameters)];
  if (rate >= 2 ** 32) {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64LE(BigInt(rate));
    options.push(attribute(TCA_TBF_RATE64, wide));
  }
  return Buffer.concat(options);
}

function readBucket(options: Attributes): TokenBucketSettings | undefined {
  const parameters = options.get(TCA_TBF_PARMS);
  const wide = options.get(TCA_TBF_RATE64);
  if (parameters === undefined || parameters.length < TBF.size) return undefined;
  return {
    rate: wide?.length === 8 ? Number(wide.readBigUInt64LE()) : parameters.readUInt32LE(TBF.rate),
    limit: parameters.readUInt32LE(TBF.limit),
    buffer: parameters.readUInt32LE(TBF.buffer),
  };
}

interface TcMessage {
  readonly index: number;
  readonly handle?: number;
  readonly parent: number;
  readonly info?: number;
}

function tcmsg({ index, handle = 0, parent, info = 0 }: TcMessage): Buffer {
  const header = Buffer.alloc(TCMSG_SIZE);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}
