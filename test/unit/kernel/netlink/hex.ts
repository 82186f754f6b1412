/** Bytes written in hexadecimal digits, with white space wherever it helps. */
export function hex(digits: TemplateStringsArray): Buffer {
  const text = digits.join("").replaceAll(/\s/g, "");
  const bytes = Buffer.from(text, "hex");
  if (bytes.length * 2 !== text.length) throw new Error(`these are not all hexadecimal digits: ${text}`);
  return bytes;
}
