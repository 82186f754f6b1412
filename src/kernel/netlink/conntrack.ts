// Connections that the kernel tracks: it goes on translating their packets as it once began, whatever the rules say by now.
import { type Family, type Ip, ipFromBytes } from "../../net/ip.ts";
import { isErrno } from "../kernel-error.ts";
import {
  AF_INET,
  AF_INET6,
  CTA_FILTER,
  CTA_FILTER_ORIG_FLAGS,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_IP_V6_SRC,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_NUM,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_REPLY,
  CTA_ZONE,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
  NFNL_SUBSYS_CTNETLINK,
} from "./constants.ts";
import {
  type Attributes,
  attribute,
  fixedPart,
  type Message,
  message,
  nested,
  readNested,
  u8,
  u32,
} from "./message.ts";
import type { NetlinkSocket, Request } from "./socket.ts";

const NFGENMSG_SIZE = 4;
/** Which parts of the tuple a dump goes by: net/netfilter/nf_internals.h. */
const CTA_FILTER_F_PROTO_NUM = 1 << 3;
const CTA_FILTER_F_PROTO_DST_PORT = 1 << 5;

export interface Flow {
  readonly family: Family;
  /** IPPROTO_* */
  readonly protocol: number | undefined;
  /** Whom the first packet was for, before any translation. */
  readonly destination: Ip | undefined;
  readonly destinationPort: number | undefined;
  /** Who answers. */
  readonly replySource: Ip | undefined;
  /** What tells it from all others, as the kernel sent it. */
  readonly key: readonly Buffer[];
}

/**
 * Equivalent to: `conntrack -L -p $protocol [--orig-port-dst $port]`. Kernels before 5.8 send all flows, and this picks them out.
 * None where nothing is tracked.
 */
export function listFlows(
  socket: NetlinkSocket,
  family: Family,
  { protocol, port }: { readonly protocol: number; readonly port?: number },
): Flow[] {
  const withPort = port === undefined ? [] : [attribute(CTA_PROTO_DST_PORT, bigEndian(port))];
  const tuple = nested(CTA_TUPLE_ORIG, [nested(CTA_TUPLE_PROTO, [u8(CTA_PROTO_NUM, protocol), ...withPort])]);
  const flags = CTA_FILTER_F_PROTO_NUM | (port === undefined ? 0 : CTA_FILTER_F_PROTO_DST_PORT);
  const filter = nested(CTA_FILTER, [u32(CTA_FILTER_ORIG_FLAGS, flags)]);
  const request = { what: "list tracked connections", bytes: flowMessage(IPCTNL_MSG_CT_GET, family, [tuple, filter]) };
  return orNone(() => socket.dump(request))
    .flatMap(parseFlow)
    .filter((flow) => flow.protocol === protocol && (port === undefined || flow.destinationPort === port));
}

/** ENOENT when it has ended meanwhile. */
export function deleteFlow({ family, key }: Flow): Request {
  return { what: "delete a tracked connection", bytes: flowMessage(IPCTNL_MSG_CT_DELETE, family, key) };
}

/** Nothing for what is of neither family. */
export function parseFlow({ payload }: Message): Flow[] {
  const { header, attributes } = fixedPart(payload, NFGENMSG_SIZE);
  const number = header.readUInt8(0);
  if (number !== AF_INET && number !== AF_INET6) return [];
  const original = readNested(attributes, CTA_TUPLE_ORIG);
  const ports = readNested(original, CTA_TUPLE_PROTO);
  const port = ports.get(CTA_PROTO_DST_PORT);
  const [, destination] = addressesOf(original);
  const [replySource] = addressesOf(readNested(attributes, CTA_TUPLE_REPLY));
  return [
    {
      family: number === AF_INET ? 4 : 6,
      protocol: ports.get(CTA_PROTO_NUM)?.[0],
      destination,
      destinationPort: port?.length === 2 ? port.readUInt16BE() : undefined,
      replySource,
      key: [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE].flatMap((type) => {
        const value = attributes.get(type);
        return value === undefined ? [] : [type === CTA_TUPLE_ORIG ? nested(type, [value]) : attribute(type, value)];
      }),
    },
  ];
}

/** Source and destination. */
function addressesOf(tuple: Attributes): (Ip | undefined)[] {
  const addresses = readNested(tuple, CTA_TUPLE_IP);
  return [
    [CTA_IP_V4_SRC, CTA_IP_V6_SRC],
    [CTA_IP_V4_DST, CTA_IP_V6_DST],
  ].map((types) => {
    const bytes = types.map((type) => addresses.get(type)).find((value) => value !== undefined);
    return bytes?.length === 4 || bytes?.length === 16 ? ipFromBytes(bytes) : undefined;
  });
}

function bigEndian(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(port);
  return bytes;
}

function flowMessage(type: number, family: Family, body: readonly Buffer[]): Buffer {
  const header = Buffer.of(family === 4 ? AF_INET : AF_INET6, 0, 0, 0);
  return message((NFNL_SUBSYS_CTNETLINK << 8) | type, 0, [header, ...body]);
}

/** EINVAL is the answer of a kernel without connection tracking. */
function orNone(list: () => readonly Message[]): readonly Message[] {
  try {
    return list();
  } catch (error) {
    if (isErrno(error, "EINVAL", "EOPNOTSUPP")) return [];
    throw error;
  }
}
