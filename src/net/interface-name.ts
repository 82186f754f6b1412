/** IFNAMSIZ of linux/if.h without the closing zero. */
const LONGEST = 15;
/** Unicode's White_Space, spelled out: the property takes longer to compile than the rest of the check. */
const whiteSpace = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Why the text cannot name a network interface, or undefined when it can: the rules of the CNI library. */
export function interfaceNameProblem(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (Buffer.byteLength(name) > LONGEST) return `it is longer than ${LONGEST} bytes`;
  if (name === "." || name === "..") return "it is a directory name";
  if (name.includes("/") || name.includes(":")) return "it contains / or :";
  if (whiteSpace.test(name)) return "it contains white space";
  return undefined;
}
