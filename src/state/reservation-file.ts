// The file of a reservation as it is found: whole, the same as at the last look, or damaged.
import { constants, readFileSync, statSync } from "node:fs";
import { isErrno } from "../kernel/kernel-error.ts";
import { type IndexLine, isCutOff, parseOwner } from "./reservation.ts";

/** The line as it was `before` when the file is the same; undefined when there is no file. */
export function readReservation(
  path: string,
  name: string,
  before: IndexLine | undefined,
): IndexLine | "damaged" | "empty" | undefined {
  const file = identify(path);
  if (before !== undefined && before.file === file) return before;
  const content = readIfThere(path);
  if (content === undefined) return undefined;
  const owner = parseOwner(content);
  const isWhole = before === undefined || !isCutOff(content, before.owner);
  if (owner !== undefined && isWhole) return { name, owner, file, netns: undefined };
  return content === "" ? "empty" : "damaged";
}

/** Tells a file from a later one of the same name; empty when there is none. */
export function identify(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}

/** Undefined when there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    // whatever it is, reading it does not wait
    return readFileSync(path, { encoding: "utf8", flag: constants.O_RDONLY | constants.O_NONBLOCK });
  } catch (error) {
    if (isErrno(error, "ENOENT", "EISDIR", "ENXIO", "ELOOP")) return undefined;
    throw error;
  }
}
