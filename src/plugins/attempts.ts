import { CniError, ErrorCode, messageOf } from "../protocol/error.ts";

/** The parts of a removal: one that fails does not keep the others. */
export class Attempts {
  readonly #failures: unknown[] = [];

  async try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failures.push(error);
    }
  }

  /** Throws what failed: the only failure as it is, several as one sentence. */
  finish(): void {
    if (this.#failures.length === 1) throw this.#failures[0];
    if (this.#failures.length === 0) return;
    const message = this.#failures.map(messageOf).join("; ");
    throw new CniError(ErrorCode.Internal, message, { cause: this.#failures[0] });
  }
}
