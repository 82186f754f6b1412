// Running another plugin, as the specification says of IPAM: same stdin, same environment, another verb.
import { decode, integer, string, struct } from "./decode.ts";
import { parseDocument } from "./document.ts";
import { CniError, ErrorCode, messageOf } from "./error.ts";
import type { Verb } from "./invocation.ts";
import type { Surroundings } from "./plugin.ts";
import { isRegularFile } from "./regular-file.ts";

export interface Finished {
  /** Undefined after death by a signal. */
  readonly exitCode: number | undefined;
  /** `exit status 1`, `signal 9` */
  readonly status: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is run; comes from the kernel layer, which this one does not know. */
export type RunProcess = (
  program: { readonly file: string; readonly env: Surroundings["env"]; readonly input: Buffer },
  checkInterrupt: () => Promise<void>,
) => Promise<Finished>;

export interface Delegation {
  /** Full path of the plugin. */
  readonly file: string;
  readonly verb: Verb;
  readonly input: Buffer;
}

/** The error object that a plugin printed. */
export class PluginFailure extends CniError {}

const errorObject = struct({ code: integer, msg: string, details: string });

/** The first regular file of that name in the directories; links are followed, the executable bit is not looked at. */
export function findPlugin(type: string, path: readonly string[], field: string): string {
  if (type === "" || /[/\0]/.test(type)) {
    throw new CniError(ErrorCode.InvalidConfig, `${field} ${JSON.stringify(type)} cannot name a plugin`);
  }
  const file = path.map((directory) => `${directory}/${type}`).find(isRegularFile);
  if (file !== undefined) return file;
  throw new CniError(ErrorCode.Internal, `the plugin ${type}, named by ${field}, is not in CNI_PATH ${path.join(":")}`);
}

/** Returns what it printed. Its error object becomes ours, with the same code, msg and details. */
export async function runPlugin(delegation: Delegation, run: RunProcess, around: Surroundings): Promise<string> {
  const { file, verb, input } = delegation;
  const finished = await run({ file, input, env: { ...around.env, CNI_COMMAND: verb } }, around.checkInterrupt);
  if (finished.exitCode !== 0) throw errorOf(finished, file);
  if (finished.stderr !== "") around.log(finished.stderr.trimEnd());
  return finished.stdout;
}

function errorOf({ status, stdout, stderr }: Finished, file: string): CniError {
  if (stdout === "") {
    const message = stderr.trim() === "" ? "it gave no error message" : stderr.trim();
    return new CniError(ErrorCode.Unknown, `the plugin ${file} failed with ${status}: ${message}`);
  }
  try {
    const {
      code = ErrorCode.Unknown,
      msg = "",
      details,
    } = decode(errorObject, parseDocument(stdout, "its output"), "its error");
    return new PluginFailure(code, msg, { details });
  } catch (error) {
    const message = `the plugin ${file} failed with ${status}, and ${messageOf(error)}`;
    return new CniError(ErrorCode.Unknown, message, { details: stdout });
  }
}
