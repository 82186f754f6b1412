/** Why rules cannot name this interface, which may exist; undefined when they can. */
export function ruleInterfaceProblem(name: string): string | undefined {
  if (name.endsWith("+")) return "to iptables, + at the end means any interface that begins so";
  if (/^[!-]/.test(name)) return "to iptables, ! and - at the beginning are no part of a name";
  if (/["'\\]/.test(name)) return "iptables does not print quotes and backslashes as it reads them";
  return undefined;
}
