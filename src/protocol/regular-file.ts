import { statSync } from "node:fs";

/** Whether there is a regular file; links are followed. What cannot be looked at (links in a circle, a name too long) is none. */
export function isRegularFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}
