import { closeSync, readSync, writeSync } from "node:fs";
import { isErrno, KernelError } from "../kernel-error.ts";
import { joinNetlinkGroup, netlinkSocket, setNetlinkOption, waitReadable } from "../libc.ts";
import {
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "./constants.ts";
import { type Message, parseAcknowledgement, parseMessages, setSequence } from "./message.ts";

/** A request and the words for it in an error: `add link cni0`. */
export interface Request {
  readonly what: string;
  readonly bytes: Buffer;
}

/** What became of one request of a batch. */
export type Outcome = { readonly error: KernelError } | { readonly replies: readonly Message[] };

/** The kernel fills at most 32 KiB of a dump at once. */
const BUFFER_SIZE = 64 * 1024;
/** As often as the reference. */
const DUMP_ATTEMPTS = 5;
/** The kernel answers a request before send() returns; this is for the case that it never does. */
const ANSWER_MILLISECONDS = 10_000;
/** The answers to so many requests have room in the socket's receive buffer; it is 208 KiB, and half of it goes for headers. */
const BATCH = 32;
/** What is received is copied out of it at once, so one is enough. */
const buffer = Buffer.allocUnsafe(BUFFER_SIZE);

/**
 * A netlink socket, of route netlink unless another protocol is given. It stays in the namespace it was opened in, also when it is used from another one.
 * Requests are carried out before `send` returns.
 */
export class NetlinkSocket {
  readonly #fd: number;
  #sequence = 0;
  #received: Message[] = [];
  #filtersDumps = false;

  constructor(protocol = NETLINK_ROUTE, open = netlinkSocket) {
    this.#fd = open(protocol);
    setNetlinkOption(this.#fd, NETLINK_EXT_ACK, 1);
  }

  /** One request; throws its error. Returns what the kernel sent besides the acknowledgement. */
  request(request: Request): readonly Message[] {
    const [outcome] = this.requestAll([request]);
    if (outcome === undefined || "error" in outcome) throw outcome?.error ?? new Error("netlink: no outcome");
    return outcome.replies;
  }

  /**
   * Several requests, as many as possible in one datagram. The kernel carries out all of them in order, also those behind one that
   * failed, and acknowledges each.
   */
  requestAll(requests: readonly Request[]): Outcome[] {
    const outcomes: Outcome[] = [];
    for (let at = 0; at < requests.length; at += BATCH)
      outcomes.push(...this.#requestBatch(requests.slice(at, at + BATCH)));
    return outcomes;
  }

  /** All objects of a kind. A dump that changes met on its way is repeated, since it may lack objects that exist. */
  dump(request: Request): readonly Message[] {
    if (!this.#filtersDumps) setNetlinkOption(this.#fd, NETLINK_GET_STRICT_CHK, 1);
    this.#filtersDumps = true;
    for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
      const { messages, interrupted } = this.#dumpOnce(request);
      if (!interrupted) return messages;
    }
    throw new KernelError(`${request.what}, which changed ${DUMP_ATTEMPTS} times while being read`, 4);
  }

  /** For waiting beside other things. */
  get fd(): number {
    return this.#fd;
  }

  /** From now on the kernel sends the changes of a kind too: see `nextChanges`. */
  join(group: number): void {
    joinNetlinkGroup(this.#fd, group);
  }

  /** None after the time, or at a signal. */
  nextChanges(milliseconds: number): readonly Message[] {
    return waitReadable([this.#fd], milliseconds).length > 0 ? this.#receive() : [];
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #requestBatch(requests: readonly Request[]): Outcome[] {
    const first = this.#sequence + 1;
    for (const { bytes } of requests) this.#stamp(bytes, NLM_F_REQUEST | NLM_F_ACK);
    writeSync(this.#fd, Buffer.concat(requests.map((request) => request.bytes)));

    const outcomes: Outcome[] = [];
    let replies: Message[] = [];
    while (outcomes.length < requests.length) {
      const message = this.#next(first + outcomes.length);
      if (message.type !== NLMSG_ERROR) {
        replies.push(message);
        continue;
      }
      const error = errorIn(message, requests[outcomes.length]?.what ?? "netlink");
      outcomes.push(error === undefined ? { replies } : { error });
      replies = [];
    }
    return outcomes;
  }

  #dumpOnce(request: Request): { messages: Message[]; interrupted: boolean } {
    const sequence = this.#stamp(request.bytes, NLM_F_REQUEST | NLM_F_DUMP);
    writeSync(this.#fd, request.bytes);
    const messages: Message[] = [];
    let interrupted = false;
    for (;;) {
      const message = this.#next(sequence);
      interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        const error = errorIn(message, request.what);
        if (error !== undefined) throw error;
        return { messages, interrupted };
      }
      messages.push(message);
    }
  }

  /** The next message that answers this request; what is left of earlier ones is passed over. */
  #next(sequence: number): Message {
    for (;;) {
      if (this.#received.length === 0) this.#received = this.#receive();
      const message = this.#received.shift();
      if (message?.sequence === sequence) return message;
    }
  }

  #receive(): Message[] {
    const deadline = Date.now() + ANSWER_MILLISECONDS;
    for (;;) {
      const length = receive(this.#fd);
      if (length > 0) return parseMessages(Buffer.from(buffer.subarray(0, length)));
      if (waitReadable([this.#fd], ANSWER_MILLISECONDS).length === 0 && Date.now() >= deadline)
        throw new KernelError("netlink: the kernel does not answer", 110);
    }
  }

  #stamp(bytes: Buffer, flags: number): number {
    this.#sequence++;
    setSequence(bytes, this.#sequence);
    bytes.writeUInt16LE(bytes.readUInt16LE(6) | flags, 6);
    return this.#sequence;
  }
}

/** The length of the next datagram, which is in the buffer then; 0 when there is none. */
function receive(fd: number): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (isErrno(error, "EAGAIN")) return 0;
    throw error;
  }
}

function errorIn(message: Message, what: string): KernelError | undefined {
  const { errno, text } = parseAcknowledgement(message);
  return errno === 0 ? undefined : new KernelError(what, errno, text);
}
