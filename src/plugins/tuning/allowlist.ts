// Which settings an administrator lets networks have. Each line is a regular expression, as Go has them, that matches anywhere in a name.

/** What Go has in regular expressions and JavaScript has not, or means otherwise. */
const foreign = /\\[^dDwWsSbBtnrfv\W_]|\[\[:|\(\?(?!:)/;

/** The lines that say something. */
export function parseAllowlist(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Why one of the names may not be set, or undefined. */
export function allowlistProblem(names: readonly string[], allowlist: readonly string[]): string | undefined {
  const expressions = allowlist.map(parseExpression);
  const unreadable = allowlist.find((_, i) => expressions[i] === undefined);
  if (unreadable !== undefined) return `the line ${JSON.stringify(unreadable)} cannot be read as a regular expression`;
  const refused = names.find((name) => !expressions.some((expression) => expression?.test(name)));
  if (refused === undefined) return undefined;
  const allowed = allowlist.length === 0 ? ": the file allows none" : `, only ${allowlist.join(", ")}`;
  return `sysctl ${JSON.stringify(refused)} is not allowed${allowed}`;
}

function parseExpression(line: string): RegExp | undefined {
  if (foreign.test(line)) return undefined;
  try {
    return new RegExp(line);
  } catch {
    return undefined;
  }
}
