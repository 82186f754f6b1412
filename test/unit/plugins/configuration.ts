import { parseDocument } from "../../../src/protocol/document.ts";
import type { Network } from "../../../src/protocol/plugin.ts";
import type { SpecVersion } from "../../../src/protocol/version.ts";

/** A configuration as a plugin gets it, after the checks that are the same for every plugin. */
export function networkOf(config: object, version: SpecVersion = "1.0.0"): Network {
  const text = JSON.stringify({ cniVersion: version, name: "n1", ...config });
  return {
    name: "n1",
    version,
    document: parseDocument(text, "the test"),
    input: Buffer.from(text),
    prevResult: undefined,
  };
}
