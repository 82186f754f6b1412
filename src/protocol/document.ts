// JSON as Go's decoder reads it: keys match without regard to case, and of two spellings of one key the later in the text wins.
// JSON.parse keeps neither the order of repeated keys nor two equal ones, so every key gets its place in the text as a prefix.
import { CniError, ErrorCode, messageOf } from "./error.ts";

declare const brand: unique symbol;
/** A parsed JSON value whose object keys still carry their place in the text. Read it with `decode`. */
export type Document = { readonly [brand]: "Document" };

const LONGEST_PRINT = 120;

/** `null` is an object without members, as in Go. Errors: 6 when the text is not JSON. */
export function parseDocument(text: string, what: string): Document {
  try {
    return (JSON.parse(numberKeys(text)) ?? {}) as Document;
  } catch {
    throw new CniError(ErrorCode.DecodingFailure, `${what} is not JSON: ${syntaxProblem(text)}`);
  }
}

/** The members of a JSON object in the order of the text, without the prefix; undefined for anything else. */
export function membersOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).map(([key, member]) => [key.slice(key.indexOf(":") + 1), member] as const);
}

/** The value as people wrote it, for messages. */
export function printDocument(value: unknown): string {
  const text = JSON.stringify(plain(value, LONGEST_PRINT)) ?? "nothing";
  return text.length > LONGEST_PRINT ? `${text.slice(0, LONGEST_PRINT - 3)}...` : text;
}

/** What is deeper than `depth` has no room in the message. */
function plain(value: unknown, depth: number): unknown {
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((member) => plain(member, depth - 1));
  const members = membersOf(value);
  if (members === undefined) return value;
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member, depth - 1)]));
}

/** `{"a": 1}` -> `{"0:a": 1}`. A string with a colon behind it is a key. No regular expression reads megabytes of escapes. */
function numberKeys(text: string): string {
  const parts: string[] = [];
  let done = 0;
  for (let open = text.indexOf('"'); open >= 0; ) {
    const behind = endOfString(text, open + 1);
    if (text[endOfSpace(text, behind)] === ":") {
      parts.push(text.slice(done, open + 1), `${parts.length}:`);
      done = open + 1;
    }
    open = text.indexOf('"', behind);
  }
  return parts.join("") + text.slice(done);
}

/** The place behind the quote that ends it: one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function endOfSpace(text: string, start: number): number {
  let end = start;
  while (" \t\n\r".includes(text[end] ?? ":")) end++;
  return end;
}

function syntaxProblem(text: string): string {
  if (text.trim() === "") return "it is empty";
  try {
    JSON.parse(text);
    return "it cannot be read";
  } catch (error) {
    return messageOf(error);
  }
}
