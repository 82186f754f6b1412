/** How much may go out: a rate for good, and a burst at once. In the units of linux/pkt_sched.h. */
export interface TokenBucket {
  /** Bytes a second. */
  readonly rate: number;
  /** Bytes that may go out at once after a pause. */
  readonly burst: number;
  /** Bytes that may wait. */
  readonly limit: number;
  /** The time that the burst takes at that rate, in ticks of 64 ns. */
  readonly buffer: number;
}

/** What the kernel tells of one. */
export type TokenBucketSettings = Omit<TokenBucket, "burst">;

/** PSCHED_SHIFT of net/pkt_sched.h: /proc/net/psched says the same on every kernel since 2.6.31. */
const TICKS_PER_MICROSECOND = 1000 / 64;
/** The longest that a packet may wait, as in the reference. */
const LATENCY_MICROSECONDS = 25_000;
const MICROSECONDS = 1_000_000;

/**
 * As in the reference, from bits a second and bits. The numbers are of 32 bits there: a burst that takes longer than 275 s at the rate is
 * cut in the same way, so that either finds what the other has set.
 */
export function tokenBucket(rateInBits: number, burstInBits: number): TokenBucket {
  const rate = Math.floor(rateInBits / 8);
  const burst = u32(Math.floor(burstInBits / 8));
  return {
    rate,
    burst,
    limit: u32(u32((rate * LATENCY_MICROSECONDS) / MICROSECONDS) + burst),
    buffer: u32(u32((burst * MICROSECONDS) / rate) * TICKS_PER_MICROSECOND),
  };
}

/** Bytes that go out at once: less than `burst` when that was cut. A larger packet never does. */
export function largestPacket({ rate, buffer }: TokenBucketSettings): number {
  return Math.floor((buffer / TICKS_PER_MICROSECOND / MICROSECONDS) * rate);
}

export function sameBucket(a: TokenBucketSettings, b: TokenBucketSettings): boolean {
  return a.rate === b.rate && a.limit === b.limit && a.buffer === b.buffer;
}

function u32(value: number): number {
  return Number(BigInt.asUintN(32, BigInt(Math.trunc(value))));
}
