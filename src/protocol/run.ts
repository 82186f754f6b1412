import type { Invocation } from "./command.ts";
import { dispatch } from "./dispatch.ts";
import { CniError, ErrorCode, messageOf, reportError } from "./error.ts";
import { printJson } from "./json.ts";
import type { Plugin } from "./plugin.ts";
import { printResult } from "./result-print.ts";
import { Undo } from "./undo.ts";

/** Runs a verb, prints its result or its error, and returns the exit code. An ADD that fails, be it at printing, is undone. */
export async function run(plugin: Plugin, invocation: Invocation): Promise<number> {
  const { env, log } = invocation;
  const checkInterrupt = async () => {
    const signal = await invocation.interruption();
    if (signal !== undefined) throw new CniError(ErrorCode.TryAgainLater, `interrupted by ${signal}`);
  };
  try {
    await using undo = new Undo(log);
    const answer = await dispatch(plugin, invocation, { env, log, checkInterrupt, undo });
    if (answer === undefined) return 0;
    const text = printResult(answer.result, answer.version);
    await checkInterrupt();
    writeResult(text, invocation);
    undo.keep();
    return 0;
  } catch (error) {
    writeError(error, invocation);
    return 1;
  }
}

function writeResult(text: string, { write }: Invocation): void {
  try {
    write(text);
  } catch (error) {
    throw new CniError(ErrorCode.IoFailure, `cannot write the result to stdout: ${messageOf(error)}`);
  }
}

function writeError(error: unknown, { write, log }: Invocation): void {
  const text = printJson(reportError(error));
  try {
    write(text);
  } catch {
    // nobody reads stdout any more
    log(text);
  }
}
