import { CniError, ErrorCode } from "./error.ts";

/**
 * CNI_ARGS: `K=V;K2=V2`. Keys match by exact case; a pair has exactly one `=`; a key that is not `known` is an error unless
 * `IgnoreUnknown` is true, wherever it stands. Errors: 4.
 */
export function parseCniArgs<Key extends string>(text: string, known: readonly Key[]): Partial<Record<Key, string>> {
  const pairs = text === "" ? [] : text.split(";").map(parsePair);
  const ignoreUnknown = pairs.filter(([key]) => key === "IgnoreUnknown").map(([, value]) => parseBoolean(value));
  const isKnown = ([key]: Pair) => key === "IgnoreUnknown" || (known as readonly string[]).includes(key);
  const unknown = pairs.filter((pair) => !isKnown(pair)).map((pair) => pair.join("="));
  if (unknown.length > 0 && ignoreUnknown.at(-1) !== true) {
    throw badArgs(`unknown arguments [${unknown.join(" ")}]; set IgnoreUnknown=1 to have them ignored`);
  }
  return Object.fromEntries(pairs) as Partial<Record<Key, string>>;
}

type Pair = readonly [key: string, value: string];

function parsePair(text: string): Pair {
  const [key = "", value, ...more] = text.split("=");
  if (value === undefined || more.length > 0) throw badArgs(`${JSON.stringify(text)} is not of the form KEY=VALUE`);
  return [key, value];
}

function parseBoolean(value: string): boolean {
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw badArgs(`IgnoreUnknown is ${JSON.stringify(value)}, not true or false`);
}

function badArgs(problem: string): CniError {
  return new CniError(ErrorCode.InvalidEnvironment, `CNI_ARGS: ${problem}`);
}
