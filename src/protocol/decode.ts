// From JSON to our types, with all problems named at once. zod/mini did this before, and took 2 ms of a bridge ADD's 26: building
// its schemas pays off from the second object on, and a plugin reads one.
import { type Document, membersOf, printDocument } from "./document.ts";
import { CniError, ErrorCode } from "./error.ts";

/** Reads a value that is there. What is wrong with it goes to the place, and the value that is returned then is never used. */
export type Decoder<T> = (value: unknown, place: Place) => T;

export interface Place {
  /** `.ipam.ranges[0]`; empty for the whole document. */
  readonly path: string;
  readonly problems: Problem[];
}

interface Problem {
  readonly code: number;
  readonly sentence: string;
}

type OutputOf<D> = D extends Decoder<infer T> ? T : never;
type Required<T> = Decoder<T> & { readonly isRequired: true };
type Decoded<F> = {
  readonly [K in keyof F]: F[K] extends { readonly isRequired: true } ? OutputOf<F[K]> : OutputOf<F[K]> | undefined;
};

export const string: Decoder<string> = (value, place) =>
  typeof value === "string" ? value : wrongType("a string", value, place);

export const boolean: Decoder<boolean> = (value, place) =>
  typeof value === "boolean" ? value : wrongType("true or false", value, place);

/** Go has no fractions in an `int`. What is beyond 2^53 has lost its last digits by now. */
export const integer: Decoder<number> = (value, place) => {
  if (Number.isSafeInteger(value)) return value as number;
  return Number.isInteger(value) ? outOfRange(value as number, place) : wrongType("a whole number", value, place);
};

export const anything: Decoder<unknown> = (value) => value;

/** A text that `parse` understands; `expected` says what it should have been. */
export function parsed<T>(parse: (text: string) => T | undefined, expected: string): Decoder<T> {
  return (value, place) => {
    const result = typeof value === "string" ? parse(value) : wrongType("a string", value, place);
    return typeof value === "string" && result === undefined ? wrongValue(expected, value, place) : (result as T);
  };
}

/** The same, where an empty text counts as absent, as Go has it for addresses. */
export function optionalParsed<T>(parse: (text: string) => T | undefined, expected: string): Decoder<T | undefined> {
  const decoder = parsed(parse, expected);
  return (value, place) => (value === "" ? undefined : decoder(value, place));
}

export function array<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return wrongType("a list", value, place);
    return value.map((member, i) => item(member, { ...place, path: `${place.path}[${i}]` }));
  };
}

/** An object with any keys, in the order of the text; one that is written twice is there twice. */
export function entriesOf<T>(item: Decoder<T>): Decoder<readonly (readonly [string, T])[]> {
  return (value, place) => {
    const members = membersOf(value);
    if (members === undefined) return wrongType("an object", value, place);
    return members.map(([key, member]) => [key, item(member, { ...place, path: `${place.path}.${key}` })] as const);
  };
}

/** The same, where the later of two counts. */
export function mapOf<T>(item: Decoder<T>): Decoder<ReadonlyMap<string, T>> {
  const entries = entriesOf(item);
  return (value, place) => new Map(entries(value, place));
}

/** A field that must be there. */
export function required<T>(decoder: Decoder<T>): Required<T> {
  return Object.assign((value: unknown, place: Place) => decoder(value, place), { isRequired: true } as const);
}

/** Whatever cannot be read counts as absent. */
export function lenient<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return (value, { path }) => {
    const problems: Problem[] = [];
    const result = decoder(value, { path, problems });
    return problems.length === 0 ? result : undefined;
  };
}

/** An object as Go decodes it: keys in any case, the later of two wins, unknown keys are dropped, `null` leaves everything unset. */
export function struct<F extends Readonly<Record<string, Decoder<unknown>>>>(fields: F): Decoder<Decoded<F>> {
  const names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  return (value, place) => {
    const members = fold(value ?? {}, names);
    if (members === undefined) return wrongType("an object", value, place);
    const decoded: Record<string, unknown> = {};
    for (const [name, decoder] of Object.entries(fields)) {
      const path = `${place.path}.${name}`;
      if (members.has(name)) decoded[name] = decoder(members.get(name), { ...place, path });
      else if ("isRequired" in decoder) missing(path, place);
    }
    return decoded as Decoded<F>;
  };
}

/** The same for an object that is our own: an unknown key is a mistake. */
export function closedStruct<F extends Readonly<Record<string, Decoder<unknown>>>>(fields: F): Decoder<Decoded<F>> {
  const decoder = struct(fields);
  const known = new Set(Object.keys(fields).map((name) => name.toLowerCase()));
  return (value, place) => {
    for (const [key] of membersOf(value) ?? []) {
      if (!known.has(key.toLowerCase())) unknown(`${place.path}.${key}`, place);
    }
    return decoder(value, place);
  };
}

/**
 * Errors: 2 for an unknown key where there may be none, 6 when a value has the wrong type, 7 when it has the right one but cannot be.
 * Each problem with its path and value.
 */
export function decode<T>(decoder: Decoder<T>, document: Document, what: string): T {
  const problems: Problem[] = [];
  const decoded = decoder(document, { path: "", problems });
  if (problems.length === 0) return decoded;
  const code = codesBySeverity.find((each) => problems.some((problem) => problem.code === each));
  throw new CniError(
    code ?? ErrorCode.InvalidConfig,
    `${what}: ${problems.map((problem) => problem.sentence).join("; ")}`,
  );
}

function fold(value: unknown, names: ReadonlyMap<string, string>): ReadonlyMap<string, unknown> | undefined {
  const members = membersOf(value);
  if (members === undefined) return undefined;
  const folded = new Map<string, unknown>();
  for (const [key, member] of members) {
    const name = names.get(key.toLowerCase());
    if (name !== undefined && member !== null) folded.set(name, merged(folded.get(name), member));
  }
  return folded;
}

/** Go decodes the later of two objects over the first; every key has its place in the text, so none is lost. */
function merged(first: unknown, later: unknown): unknown {
  return membersOf(first) === undefined || membersOf(later) === undefined
    ? later
    : { ...(first as object), ...(later as object) };
}

/** The first of these that is among several problems is that of the error. */
const codesBySeverity = [ErrorCode.DecodingFailure, ErrorCode.UnsupportedField, ErrorCode.InvalidConfig];

function unknown(path: string, { problems }: Place): void {
  problems.push({ code: ErrorCode.UnsupportedField, sentence: `${path.slice(1)} is not supported` });
}

function missing(path: string, { problems }: Place): void {
  problems.push({ code: ErrorCode.InvalidConfig, sentence: `${path.slice(1)} is missing` });
}

function outOfRange(value: number, place: Place): never {
  return complain(ErrorCode.DecodingFailure, `${printDocument(value)} is too ${value > 0 ? "large" : "small"}`, place);
}

function wrongType(expected: string, value: unknown, place: Place): never {
  return report(ErrorCode.DecodingFailure, expected, value, place);
}

function wrongValue(expected: string, value: unknown, place: Place): never {
  return report(ErrorCode.InvalidConfig, expected, value, place);
}

function report(code: number, expected: string, value: unknown, place: Place): never {
  return complain(code, `expected ${expected}, got ${printDocument(value)}`, place);
}

function complain(code: number, problem: string, { path, problems }: Place): never {
  const where = path === "" ? "" : `${path.replace(/^\./, "")}: `;
  problems.push({ code, sentence: `${where}${problem}` });
  return undefined as never;
}
