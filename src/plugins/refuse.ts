import { CniError, ErrorCode } from "../protocol/error.ts";

/** Errors: 999 unless there is no problem. */
export function refuse(problem: string | undefined): void {
  if (problem !== undefined && problem !== "") throw new CniError(ErrorCode.Internal, problem);
}
