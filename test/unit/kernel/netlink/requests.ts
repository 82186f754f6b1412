import type { Message } from "../../../../src/kernel/netlink/message.ts";
import { NetlinkSocket, type Outcome, type Request } from "../../../../src/kernel/netlink/socket.ts";

/** A request of ours beside what iproute2 sent for the same. */
export interface Row {
  /** Run by `capture.sh send` in the network below. */
  readonly command: string;
  /** The datagram that iproute2 6.1 sent for it. */
  readonly theirs: string;
  readonly ours: Request;
}

/**
 * The SETUP of capture.sh. It makes d1 link 2, d0 link 3 and b0 link 4, and iproute2 opens c1 as descriptor 4:
 *
 *     ip netns add c1; ip link add d0 type veth peer name d1; ip link add b0 type bridge; ip link set d1 master b0;
 *     ip link set d0 up; ip link set d1 up; ip address add 10.1.0.5/24 dev d0; ip address add fd00::5/64 dev d0 nodad
 */
export const network = { d1: 2, d0: 3, b0: 4, c1: 4 } as const;

/** NLM_F_REQUEST and NLM_F_ACK, which the socket adds when it sends. */
export const REQUEST_FLAGS = 0x5;
/** NLM_F_REQUEST and NLM_F_DUMP. */
export const DUMP_FLAGS = 0x301;

/** Our bytes as the socket sends them, with the sequence number of the other message. */
export function asSent(ours: Request, theirs: string, flags = REQUEST_FLAGS): string {
  const bytes = Buffer.from(ours.bytes);
  bytes.writeUInt16LE(bytes.readUInt16LE(6) | flags, 6);
  Buffer.from(theirs, "hex").copy(bytes, 8, 8, 12);
  return bytes.toString("hex");
}

/** Rows for test.each, whose `%s` is the whole command: `$command` would be cut off. */
export function byCommand<T extends { readonly command: string }>(rows: readonly T[]): (readonly [string, T])[] {
  return rows.map((row) => [row.command, row]);
}

/** Keeps the requests to itself; nothing is sent. */
export class RecordingSocket extends NetlinkSocket {
  readonly requests: Request[] = [];

  override requestAll(requests: readonly Request[]): Outcome[] {
    this.requests.push(...requests);
    return requests.map(() => ({ replies: [] }));
  }

  override dump(request: Request): readonly Message[] {
    this.requests.push(request);
    return [];
  }
}

/** The one request that `body` makes. */
export function requestOf(body: (socket: NetlinkSocket) => unknown): Request {
  using socket = new RecordingSocket();
  body(socket);
  const [request] = socket.requests;
  if (request === undefined || socket.requests.length > 1) throw new Error(`${socket.requests.length} requests`);
  return request;
}
