// The code of each plugin is an asset of the executable, with what V8 compiled of it when it was built: a call pays for the plugin
// that it runs, whatever else the executable holds. build.mjs puts the assets there.
import { getRawAsset } from "node:sea";
import { Script } from "node:vm";
import type { Program } from "../src/protocol/command.ts";

type Code = (module: { exports: { program?: Program } }, require: NodeJS.Require) => void;

export function loadProgram(name: string): Program {
  const code = Buffer.from(getRawAsset(`${name}.js`)).toString("latin1");
  const compiled = Buffer.from(getRawAsset(`${name}.cache`));
  // an executable that was built on another architecture has none
  const script = new Script(
    code,
    compiled.length === 0 ? { filename: name } : { filename: name, cachedData: compiled },
  );
  if (script.cachedDataRejected === true) throw new Error(`the code cache of ${name} was made for another runtime`);
  const module: { exports: { program?: Program } } = { exports: {} };
  (script.runInThisContext() as Code)(module, require);
  if (module.exports.program === undefined) throw new Error(`${name} has no program`);
  return module.exports.program;
}
