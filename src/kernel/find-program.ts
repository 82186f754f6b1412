import { CniError, ErrorCode } from "../protocol/error.ts";
import { isRegularFile } from "../protocol/regular-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A runtime's PATH may lack these. */
const USUAL_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];

/** Its full path, or undefined. */
export function findProgram(name: string, env: Environment): string | undefined {
  return directories(env)
    .map((directory) => `${directory}/${name}`)
    .find(isRegularFile);
}

/** The same when there is no way without it. Errors: 999, naming the program and where it was looked for. */
export function needProgram(name: string, env: Environment): string {
  const found = findProgram(name, env);
  if (found !== undefined) return found;
  const searched = [...new Set(directories(env))].join(":");
  throw new CniError(ErrorCode.Internal, `the network needs ${name}, which is in none of ${searched}`);
}

function directories(env: Environment): string[] {
  const path = (env["PATH"] ?? "").split(":");
  return [...path.filter((directory) => directory.startsWith("/")), ...USUAL_DIRECTORIES];
}
