/** For names and addresses that are made up: node:crypto takes longer to load than a call has. */
export function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256));
}
