import { getSystemErrorMessage, getSystemErrorName } from "node:util";

/** What the kernel said: the errno of a call, and for netlink also its own words (the extended acknowledgement). */
export class KernelError extends Error {
  override readonly name = "KernelError";
  /** `EEXIST` */
  readonly errno: string;
  readonly detail: string | undefined;

  /** `what` was being tried, `number` the positive errno. */
  constructor(what: string, number: number, detail?: string) {
    const errno = getSystemErrorName(-number);
    const reason =
      detail === undefined ? getSystemErrorMessage(-number) : `${getSystemErrorMessage(-number)} (${detail})`;
    super(`${what}: ${errno}: ${reason}`);
    this.errno = errno;
    this.detail = detail;
  }
}

/** Whether it is one of these errors of the kernel, from a call of ours or of node:fs. */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  if (error instanceof KernelError) return names.includes(error.errno);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && names.includes(code);
}
