import { CniError, ErrorCode, messageOf } from "./error.ts";

/** More than any runtime sends; a configuration with 10,000 published ports has 1 MB. */
const LONGEST = 2 * 1024 * 1024;

/** All of stdin. Errors: 5 when it cannot be read, 6 when it is longer than any configuration. */
export function readAll(read: (buffer: Buffer) => number): Buffer {
  const chunks: Buffer[] = [];
  for (let length = 0; ; ) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const count = readOrThrow(read, chunk);
    if (count === 0) return Buffer.concat(chunks, length);
    chunks.push(chunk.subarray(0, count));
    length += count;
    if (length > LONGEST) {
      throw new CniError(
        ErrorCode.DecodingFailure,
        `the network configuration on stdin is longer than ${LONGEST} bytes`,
      );
    }
  }
}

function readOrThrow(read: (buffer: Buffer) => number, chunk: Buffer): number {
  try {
    return read(chunk);
  } catch (error) {
    throw new CniError(ErrorCode.IoFailure, `cannot read the network configuration on stdin: ${messageOf(error)}`);
  }
}
