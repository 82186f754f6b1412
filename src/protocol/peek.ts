type Read = (buffer: Buffer) => number;

/** More than any configuration has; what is behind it is not looked at. */
const LONGEST = 2 * 1024 * 1024;

/** Looks at what is on stdin without taking it away: `read` then gives it again, and the error that ended it, if one did. */
export function peek(read: Read): { readonly text: string; readonly read: Read } {
  const chunks: Buffer[] = [];
  let failure: { readonly error: unknown } | undefined;
  try {
    for (let length = 0; length <= LONGEST; ) {
      const chunk = Buffer.allocUnsafe(64 * 1024);
      const count = read(chunk);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
      length += count;
    }
  } catch (error) {
    failure = { error };
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const again: Read = (buffer) => {
    const [first] = chunks;
    if (first === undefined && failure !== undefined) throw failure.error;
    if (first === undefined) return read(buffer);
    const count = first.copy(buffer);
    chunks.splice(0, 1, ...(count < first.length ? [first.subarray(count)] : []));
    return count;
  };
  return { text, read: again };
}
