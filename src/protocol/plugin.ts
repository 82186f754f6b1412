import type { Document } from "./document.ts";
import type { Result } from "./result.ts";
import type { Undo } from "./undo.ts";
import type { SpecVersion } from "./version.ts";

/** A configuration after the checks that are the same for every plugin. */
export interface Network {
  readonly name: string;
  readonly version: SpecVersion;
  /** The whole configuration. */
  readonly document: Document;
  /** The bytes on stdin, which a delegated plugin gets unchanged. */
  readonly input: Buffer;
  readonly prevResult: Result | undefined;
}

export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

interface Call {
  readonly network: Network;
  /** CNI_PATH, split. */
  readonly path: readonly string[];
}

export interface AddCall extends Call, Attachment {
  readonly verb: "ADD";
  readonly netns: string;
  /** CNI_ARGS as given. */
  readonly args: string;
}

export interface CheckCall extends Call, Attachment {
  readonly verb: "CHECK";
  readonly netns: string;
  readonly args: string;
}

/** DEL gets whatever the runtime still knows, so it asks for nothing that it can do without. */
export interface DelCall extends Call, Attachment {
  readonly verb: "DEL";
  readonly netns: string | undefined;
}

export interface StatusCall extends Call {
  readonly verb: "STATUS";
}

export interface GcCall extends Call {
  readonly verb: "GC";
  readonly validAttachments: readonly Attachment[];
}

export type AnyCall = AddCall | CheckCall | DelCall | StatusCall | GcCall;

/** What a running verb may use of the world outside. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line for people, on stderr. */
  readonly log: (line: string) => void;
  /** Throws when the runtime has asked this process to end: call it before and while waiting. */
  readonly checkInterrupt: () => Promise<void>;
  readonly undo: Undo;
}

/** A verb that a plugin leaves out succeeds and does nothing, as in the library. */
export interface Plugin {
  readonly add?: (call: AddCall, around: Surroundings) => Promise<Result>;
  readonly check?: (call: CheckCall, around: Surroundings) => Promise<void>;
  /** What it returns is for a plugin that calls it in the same process. */
  readonly del?: (call: DelCall, around: Surroundings) => Promise<unknown>;
  readonly status?: (call: StatusCall, around: Surroundings) => Promise<void>;
  readonly gc?: (call: GcCall, around: Surroundings) => Promise<void>;
  /** Whether the path is the network namespace that this process runs in; false for a path that cannot be opened. */
  readonly isOwnNetns?: (path: string) => boolean;
}
