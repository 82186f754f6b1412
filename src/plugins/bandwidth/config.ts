import { type TokenBucket, tokenBucket } from "../../net/token-bucket.ts";
import { anything, decode, integer, lenient, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";

/** As the container sees it; undefined is without a limit. */
export interface BandwidthConfig {
  /** To the container. */
  readonly ingress: TokenBucket | undefined;
  /** From the container. */
  readonly egress: TokenBucket | undefined;
}

const LARGEST_U32 = 0xffff_ffff;

const limits = { ingressRate: integer, ingressBurst: integer, egressRate: integer, egressBurst: integer };

const fields = () =>
  struct({
    ...limits,
    runtimeConfig: struct({ bandwidth: struct(limits) }),
    shapedSubnets: anything,
    unshapedSubnets: anything,
  });

type Fields = ReturnType<ReturnType<typeof fields>>;
type Limits = Partial<Pick<Fields, keyof typeof limits>>;

/** For ADD, CHECK and STATUS. Errors: 2 for a field that is not supported, 6 and 7 for the configuration. */
export function decodeConfig(network: Network): BandwidthConfig {
  const written = decode(fields(), network.document, "bandwidth");
  for (const name of ["shapedSubnets", "unshapedSubnets"] as const) {
    if (!isEmpty(written[name]))
      throw new CniError(
        ErrorCode.UnsupportedField,
        `bandwidth: ${name} is not supported: all that is sent is limited`,
      );
  }
  return bucketsOf(limitsOf(written));
}

/** For DEL: what cannot be read was never set either. */
export function decodeRemains(network: Network): BandwidthConfig {
  try {
    return bucketsOf(limitsOf(decode(remains(), network.document, "bandwidth")));
  } catch {
    return { ingress: undefined, egress: undefined };
  }
}

const remains = () => {
  const few = {
    ingressRate: lenient(integer),
    ingressBurst: lenient(integer),
    egressRate: lenient(integer),
    egressBurst: lenient(integer),
  };
  return struct({ ...few, runtimeConfig: lenient(struct({ bandwidth: lenient(struct(few)) })) });
};

/** What is in the file comes before what the runtime asks for, all of it. */
function limitsOf({ runtimeConfig, ...ofFile }: Limits & Pick<Fields, "runtimeConfig">): Limits {
  const { ingressRate, ingressBurst, egressRate, egressBurst } = ofFile;
  const isInFile = [ingressRate, ingressBurst, egressRate, egressBurst].some((limit) => limit !== undefined);
  return isInFile ? ofFile : (runtimeConfig?.bandwidth ?? {});
}

function bucketsOf({ ingressRate, ingressBurst, egressRate, egressBurst }: Limits): BandwidthConfig {
  return {
    ingress: bucketOf("ingress", ingressRate, ingressBurst),
    egress: bucketOf("egress", egressRate, egressBurst),
  };
}

/** Bits a second, and bits; none is 0. */
function bucketOf(direction: string, rate = 0, burst = 0): TokenBucket | undefined {
  if (rate < 0 || burst < 0) throw invalid(`${direction}Rate and ${direction}Burst cannot be below 0`);
  if (rate === 0 && burst === 0) return undefined;
  if (burst === 0) throw invalid(`${direction}Rate is set, so ${direction}Burst must be, too`);
  if (rate === 0) throw invalid(`${direction}Burst is set, so ${direction}Rate must be, too`);
  if (rate < 8 || burst < 8) throw invalid(`${direction}Rate and ${direction}Burst are in bits: 8 is the least`);
  if (Math.floor(burst / 8) >= LARGEST_U32) throw invalid(`${direction}Burst ${burst} is more than 4 GB`);
  return tokenBucket(rate, burst);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `bandwidth: ${problem}`);
}
