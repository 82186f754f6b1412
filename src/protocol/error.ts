/** Error codes of the CNI specification, and the two that the library adds (8 and 999). 100 and above are free for plugins. */
export const ErrorCode = {
  Unknown: 0,
  IncompatibleVersion: 1,
  UnsupportedField: 2,
  UnknownContainer: 3,
  InvalidEnvironment: 4,
  IoFailure: 5,
  DecodingFailure: 6,
  InvalidConfig: 7,
  InvalidNetns: 8,
  TryAgainLater: 11,
  PluginNotAvailable: 50,
  LimitedConnectivity: 51,
  /** Ours: a port of the host is somebody else's. */
  PortConflict: 100,
  /** Ours: the link that macvlans shall be on is not there. */
  ParentMissing: 101,
  /** Ours: it is down. */
  ParentDown: 102,
  Internal: 999,
} as const;

export interface ErrorReport {
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

/** What we tell the runtime: one clear sentence with the object and the cause; the rest goes into `details`. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string | undefined;

  constructor(code: number, message: string, more: { details?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.code = code;
    this.details = more.details;
  }
}

/** Any thrown thing as the error object of the protocol. What is not a CniError is code 999. */
export function reportError(thrown: unknown): ErrorReport {
  const error = firstFailure(thrown);
  if (error instanceof CniError) return withDetails(error.code, error.message, error.details ?? causesOf(error));
  return withDetails(ErrorCode.Internal, messageOf(error), causesOf(error));
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** When a `using` block fails and its clean-up fails too, the failure of the block is the one to tell. */
function firstFailure(thrown: unknown): unknown {
  return thrown instanceof SuppressedError ? firstFailure(thrown.suppressed) : thrown;
}

function causesOf(error: unknown): string | undefined {
  const causes: string[] = [];
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) causes.push(messageOf(cause));
  return causes.length > 0 ? causes.join(": ") : undefined;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function withDetails(code: number, msg: string, details: string | undefined): ErrorReport {
  return details === undefined || details === "" ? { code, msg } : { code, msg, details };
}
