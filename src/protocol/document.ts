// JSON as Go's decoder reads it: keys match without regard to case, and of two spellings of one key the later in the text wins.
// JSON.parse keeps neither the order of repeated keys nor two equal ones, so every key gets its place in the text as a prefix.
import { CniError, ErrorCode, messageOf } from "./error.ts";

declare const brand: unique symbol;
/** A parsed JSON value whose object keys still carry their place in the text. Read it with `decode`. */
export type Document = { readonly [brand]: "Document" };

const stringLiteral = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs;

/** `null` is an object without members, as in Go. Errors: 6 when the text is not JSON. */
export function parseDocument(text: string, what: string): Document {
  try {
    let place = 0;
    const numbered = text.replaceAll(stringLiteral, (literal, colon?: string) =>
      colon === undefined ? literal : `"${place++}:${literal.slice(1)}`,
    );
    return (JSON.parse(numbered) ?? {}) as Document;
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
  const text = JSON.stringify(plain(value)) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  const members = membersOf(value);
  return members === undefined ? value : Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
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
