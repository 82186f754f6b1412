import { messageOf } from "./error.ts";

/**
 * What an ADD has done so far, as the actions that take it back. Unless it is kept, the end of its scope runs them, newest
 * first. One that fails is reported and does not stop the others.
 */
export class Undo {
  readonly #actions: { readonly what: string; readonly run: () => void | Promise<void> }[] = [];
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** `what` completes the sentence "could not ...". */
  defer(what: string, run: () => void | Promise<void>): void {
    this.#actions.push({ what, run });
  }

  keep(): void {
    this.#actions.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let action = this.#actions.pop(); action !== undefined; action = this.#actions.pop()) {
      try {
        await action.run();
      } catch (error) {
        this.#log(`could not ${action.what}: ${messageOf(error)}`);
      }
    }
  }
}
