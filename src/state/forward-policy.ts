// Whether the policy of FORWARD is DROP because forwarding was switched on here: a host that did not forward shall not forward everything.
import { existsSync } from "node:fs";
import type { Family } from "../net/ip.ts";
import { replaceFile, stateDirectory } from "./state-directory.ts";

export function isForwardPolicyOurs(family: Family): boolean {
  return existsSync(path(family));
}

export function noteForwardPolicy(family: Family): void {
  replaceFile(path(family), "");
}

function path(family: Family): string {
  return `${stateDirectory()}/forward-drop-${family}`;
}
