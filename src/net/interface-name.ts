/** IFNAMSIZ of linux/if.h without the closing zero. */
const LONGEST = 15;
/** Unicode's White_Space, spelled out: the property takes longer to compile than the rest of the check. */
const whiteSpace = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Why the text cannot name a network interface, or undefined when it can: the rules of the CNI library, and those of the kernel. */
export function interfaceNameProblem(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (Buffer.byteLength(name) > LONGEST) return `it is longer than ${LONGEST} bytes`;
  if (name === "." || name === "..") return "it is a directory name";
  if (name.includes("/") || name.includes(":")) return "it contains / or :";
  if (whiteSpace.test(name)) return "it contains white space";
  if (/[%\0\ufffd]/.test(name)) return "it contains %, a zero byte, or what is not UTF-8";
  // each interface has a directory in /proc/sys/net, and these two are there already
  if (name === "all" || name === "default") return "the kernel has these names for the settings of all interfaces";
  return undefined;
}
