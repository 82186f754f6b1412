import type { Invocation } from "./command.ts";
import { anything, array, boolean, decode, mapOf, required, string, struct } from "./decode.ts";
import { type Document, parseDocument } from "./document.ts";
import { CniError, ErrorCode } from "./error.ts";
import { readAll } from "./input.ts";
import { isName, readVariables, type Variables, type Verb } from "./invocation.ts";
import type { AnyCall, Attachment, Network, Plugin, Surroundings } from "./plugin.ts";
import type { Result } from "./result.ts";
import { decodePrevResult, dns } from "./result-decode.ts";
import { isAtLeast, isSpecVersion, parseVersion, type SpecVersion, unnamedVersion } from "./version.ts";

/** The result of an ADD and the version to print it in; undefined for the verbs that answer with nothing. */
export type Answer = { readonly result: Result; readonly version: SpecVersion } | undefined;

const envelope = struct({ name: string, cniVersion: string, prevResult: anything });

/** Read by the library for every plugin. */
const common = () => struct({ type: string, capabilities: mapOf(boolean), ipam: struct({ type: string }), dns });

const attachments = () => array(struct({ containerID: required(string), ifname: required(string) }));
const collection = () => struct({ "cni.dev/valid-attachments": attachments(), "cni.dev/attachments": attachments() });

/** Verbs that came later than the first version, and since when. */
const verbSince: Readonly<Partial<Record<Verb, readonly number[]>>> = {
  CHECK: [0, 4, 0],
  GC: [1, 1, 0],
  STATUS: [1, 1, 0],
};

/** Checks in the order of the library (invocation, stdin, name, verb, version), then runs the plugin. Throws CniError. */
export async function dispatch(plugin: Plugin, invocation: Invocation, around: Surroundings): Promise<Answer> {
  const variables = readVariables(invocation.verb, around.env);
  const input = readAll(invocation.read);
  const document = parseDocument(input.toString("utf8"), "the network configuration on stdin");
  const fields = decode(envelope, document, "network configuration");
  const name = checkName(fields.name);
  const verb = checkVerb(invocation.verb);
  const version = checkVersion(verb, fields.cniVersion, invocation.command.versions);
  if (verb === "ADD" || verb === "CHECK") decode(common(), document, "network configuration");
  const prevResult = fields.prevResult === undefined ? undefined : (fields.prevResult as Document);

  refuseOwnNetns(verb, variables.netns, plugin, around.env);
  const network = { name, version, document, input, prevResult: readPrevResult(verb, prevResult, version, around) };
  const result = await run(plugin, callOf(verb, variables, network), around);
  return result === undefined ? undefined : { result, version };
}

async function run(plugin: Plugin, call: AnyCall, around: Surroundings): Promise<Result | undefined> {
  switch (call.verb) {
    case "ADD":
      return plugin.add?.(call, around);
    case "CHECK":
      await plugin.check?.(call, around);
      return undefined;
    case "DEL":
      await plugin.del?.(call, around);
      return undefined;
    case "STATUS":
      await plugin.status?.(call, around);
      return undefined;
    case "GC":
      await plugin.gc?.(call, around);
      return undefined;
    default:
      return call satisfies never;
  }
}

function callOf(verb: Verb, variables: Variables, network: Network): AnyCall {
  const { containerId, ifname, netns, args } = variables;
  const path = variables.path.split(":").filter((directory) => directory !== "");
  switch (verb) {
    case "ADD":
    case "CHECK":
      return { verb, containerId, ifname, netns, args, path, network };
    case "DEL":
      return { verb, containerId, ifname, netns: netns === "" ? undefined : netns, path, network };
    case "GC":
      return { verb, path, network, validAttachments: validAttachments(network.document) };
    case "STATUS":
      return { verb, path, network };
    case "VERSION":
      throw new Error("VERSION needs no configuration");
    default:
      return verb satisfies never;
  }
}

function checkName(name: string | undefined): string {
  if (name === undefined || name === "") {
    throw new CniError(ErrorCode.InvalidConfig, "the network configuration has no name");
  }
  if (isName(name)) return name;
  const message = `name ${JSON.stringify(name)} must be of letters, digits, "_", "." and "-", a letter or digit first`;
  throw new CniError(ErrorCode.InvalidConfig, message, { details: name });
}

function checkVerb(text: string): Verb {
  const verbs: readonly string[] = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] satisfies Verb[];
  if (verbs.includes(text)) return text as Verb;
  throw new CniError(
    ErrorCode.InvalidEnvironment,
    `CNI_COMMAND is ${JSON.stringify(text)}, which is none of ${verbs.join(", ")}`,
  );
}

function checkVersion(verb: Verb, written: string | undefined, supported: readonly SpecVersion[]): SpecVersion {
  const version = written === undefined || written === "" ? unnamedVersion : written;
  checkVerbSince(verb, version);
  if (isSpecVersion(version) && supported.includes(version)) return version;
  throw new CniError(ErrorCode.IncompatibleVersion, `cniVersion ${JSON.stringify(version)} is not supported`, {
    details: `the configuration is of version ${JSON.stringify(version)}, the plugin supports ${JSON.stringify(supported)}`,
  });
}

function checkVerbSince(verb: Verb, version: string): void {
  const since = verbSince[verb];
  if (since === undefined) return;
  const parsed = parseVersion(version);
  if (parsed === undefined) {
    throw new CniError(ErrorCode.DecodingFailure, `cniVersion ${JSON.stringify(version)} is not a version`);
  }
  if (isAtLeast(parsed, since)) return;
  const message = `cniVersion ${version} does not allow ${verb}, which came with ${since.join(".")}`;
  throw new CniError(ErrorCode.IncompatibleVersion, message);
}

/** The library looks only after the work is done, and then prints a result and an error. */
function refuseOwnNetns(verb: Verb, netns: string, plugin: Plugin, env: Surroundings["env"]): void {
  if ((verb !== "ADD" && verb !== "DEL") || netns === "" || plugin.isOwnNetns === undefined) return;
  if (/^(1|true)$/i.test(env["CNI_NETNS_OVERRIDE"] ?? "") || !plugin.isOwnNetns(netns)) return;
  const message = `CNI_NETNS ${netns} is the network namespace that the plugin itself runs in`;
  throw new CniError(ErrorCode.InvalidNetns, message);
}

/** Other verbs are not given one. DEL does without one that it cannot read. */
function readPrevResult(
  verb: Verb,
  document: Document | undefined,
  version: SpecVersion,
  around: Surroundings,
): Result | undefined {
  if (document === undefined || verb === "GC" || verb === "STATUS") return undefined;
  try {
    return decodePrevResult(document, version);
  } catch (error) {
    if (verb !== "DEL" || !(error instanceof CniError)) throw error;
    around.log(`going on without prevResult: ${error.message}`);
    return undefined;
  }
}

/** Neither key, an empty list and `null` all mean that no attachment is valid any more. */
function validAttachments(document: Document): Attachment[] {
  const fields = decode(collection(), document, "network configuration");
  const valid = fields["cni.dev/valid-attachments"] ?? fields["cni.dev/attachments"] ?? [];
  return valid.map(({ containerID, ifname }) => ({ containerId: containerID, ifname }));
}
