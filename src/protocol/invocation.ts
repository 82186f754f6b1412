import { interfaceNameProblem } from "../net/interface-name.ts";
import { CniError, ErrorCode } from "./error.ts";

export type Verb = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";

/** The variables of a call. A value that the verb does not need is not checked, and may be empty. */
export interface Variables {
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly args: string;
  readonly path: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Rule {
  readonly name: string;
  readonly requiredBy: readonly Verb[];
  readonly problem?: (value: string) => CniError | undefined;
}

const attachmentVerbs: readonly Verb[] = ["ADD", "DEL", "CHECK"];

/** In the order in which the library looks at them, and names those that are missing. */
const rules: readonly Rule[] = [
  { name: "CNI_CONTAINERID", requiredBy: attachmentVerbs, problem: containerIdProblem },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", requiredBy: attachmentVerbs, problem: ifnameProblem },
  { name: "CNI_PATH", requiredBy: [...attachmentVerbs, "GC", "STATUS"] },
];

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Whether the text may be a container id or a network name. */
export function isName(text: string): boolean {
  return namePattern.test(text);
}

/**
 * Reads and checks the variables of a call. `command` may be an unknown verb, for which nothing is required: the library
 * refuses it only after it has read stdin. Errors: 4, for the first variable with a bad value, else for all that are missing.
 */
export function readVariables(command: string, env: Environment): Variables {
  const required = rules.filter((rule) => (rule.requiredBy as readonly string[]).includes(command));
  const value = (name: string) => env[name] ?? "";
  for (const { name, problem } of required) {
    const found = value(name) === "" ? undefined : problem?.(value(name));
    if (found !== undefined) throw found;
  }
  const missing = required.map((rule) => rule.name).filter((name) => value(name) === "");
  if (missing.length > 0) {
    const message = `${command} needs the variables [${missing.join(",")}], which are missing`;
    throw new CniError(ErrorCode.InvalidEnvironment, message);
  }
  return {
    containerId: value("CNI_CONTAINERID"),
    netns: value("CNI_NETNS"),
    ifname: value("CNI_IFNAME"),
    args: value("CNI_ARGS"),
    path: value("CNI_PATH"),
  };
}

function containerIdProblem(value: string): CniError | undefined {
  if (isName(value)) return undefined;
  const message = `CNI_CONTAINERID ${JSON.stringify(value)} must be of letters, digits, "_", "." and "-", a letter or digit first`;
  return new CniError(ErrorCode.InvalidEnvironment, message, { details: value });
}

function ifnameProblem(value: string): CniError | undefined {
  const problem = interfaceNameProblem(value);
  if (problem === undefined) return undefined;
  const message = `CNI_IFNAME ${JSON.stringify(value)} cannot name a network interface: ${problem}`;
  return new CniError(ErrorCode.InvalidEnvironment, message);
}
