import { describe, expect, test } from "vitest";
import { largestPacket, sameBucket, tokenBucket } from "../../../src/net/token-bucket.ts";

// the numbers are those that the Go plugin set
test.each([
  [8_000_000, 800_000, { rate: 1_000_000, burst: 100_000, limit: 125_000, buffer: 1_562_500 }],
  [8, 8, { rate: 1, burst: 1, limit: 1, buffer: 15_625_000 }],
  [40_000_000_000, 80_000_000, { rate: 5_000_000_000, burst: 10_000_000, limit: 135_000_000, buffer: 31_250 }],
  // what containerd sends: the time of the burst does not fit into 32 bits
  [10_000_000, 4_294_967_295, { rate: 1_250_000, burst: 536_870_911, limit: 536_902_161, buffer: 2_415_919_079 }],
])("%i bit/s with %i bits at once", (rate, burst, expected) => {
  expect(tokenBucket(rate, burst)).toEqual(expected);
});

describe("the largest packet", () => {
  test.each([
    [8_000_000, 800_000, 100_000],
    [10_000_000, 4_294_967_295, 193_273_526],
    [9, 12_345, 168],
  ])("at %i bit/s with %i bits at once", (rate, burst, bytes) => {
    expect(largestPacket(tokenBucket(rate, burst))).toBe(bytes);
  });
});

test("two are the same when the kernel sees no difference", () => {
  const bucket = tokenBucket(8_000_000, 800_000);
  expect(sameBucket({ ...bucket }, tokenBucket(8_000_007, 800_007))).toBe(true);
  expect(sameBucket(bucket, tokenBucket(8_000_000, 800_008))).toBe(false);
});
