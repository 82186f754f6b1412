import type { Invocation } from "./command.ts";
import { dispatch } from "./dispatch.ts";
import { reportError } from "./error.ts";
import { printJson } from "./json.ts";
import type { Plugin } from "./plugin.ts";
import { printResult } from "./result-print.ts";
import { Undo } from "./undo.ts";

/** Runs a verb, prints its result or its error, and returns the exit code. An ADD that fails, be it at printing, is undone. */
export async function run(plugin: Plugin, invocation: Invocation): Promise<number> {
  const { env, log, checkInterrupt, writeOutput } = invocation;
  try {
    await using undo = new Undo(log);
    const answer = await dispatch(plugin, invocation, { env, log, checkInterrupt, undo });
    if (answer === undefined) return 0;
    const text = printResult(answer.result, answer.version);
    await checkInterrupt();
    writeOutput(text);
    undo.keep();
    return 0;
  } catch (error) {
    return printError(error, invocation);
  }
}

function printError(error: unknown, { writeOutput, log }: Invocation): number {
  const text = printJson(reportError(error));
  try {
    writeOutput(text);
  } catch {
    // nobody reads stdout any more
    log(text);
  }
  return 1;
}
