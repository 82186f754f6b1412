// From the bundle and the Node.js runtime to one executable, with pkg in SEA mode.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import { avoidHugePages } from "./huge-pages.ts";
import { setV8Default } from "./v8-flags.ts";

const sea: (main: string, options: object) => Promise<void> = createRequire(import.meta.url)(
  "@yao-pkg/pkg/lib-es5/sea.js",
).default;

export type Architecture = "x64" | "arm64";

/**
 * node:ffi announces on stderr that it is experimental. Threads that have nothing to do take time to start. No plugin needs what a
 * machine configures of OpenSSL, and an /etc/ssl/openssl.cnf that Node.js cannot read would end every call.
 */
export const nodeOptions = ["--disable-warning=ExperimentalWarning", "--v8-pool-size=1", "--openssl-config=/dev/null"];

export interface Executable {
  readonly bundle: Bundle;
  /** Path of the Node.js binary to build on. */
  readonly runtime: string;
  readonly architecture: Architecture;
  /** For everything that is made on the way. */
  readonly directory: string;
}

/** Returns the path of the executable. What V8 compiles can be kept only where the runtime runs: another architecture has no code cache. */
export async function makeExecutable({ bundle, runtime, architecture, directory }: Executable): Promise<string> {
  const isNative = architecture === process.arch;
  mkdirSync(directory, { recursive: true });
  const [main, base, output] = ["main.cjs", "runtime", "dockbridge"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  rmSync(output, { force: true });
  writeFileSync(main, bundle.main);
  writeFileSync(base, withLazyCompilation(readFileSync(runtime), false), { mode: 0o755 });
  await sea(main, {
    nodePath: base,
    // pkg then makes the blob with the Node.js that runs it, which is of the same version
    useLocalNode: !isNative,
    targets: [
      { platform: "linux", arch: architecture, nodeRange: `node${process.versions.node.split(".")[0]}`, output },
    ],
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: isNative,
      assets: writeAssets(bundle, { directory, compiler: isNative ? base : undefined }),
      execArgv: nodeOptions,
      // nothing in the environment of a runtime, such as NODE_OPTIONS, may change how a plugin runs
      execArgvExtension: "none",
    },
  });
  const executable = avoidHugePages(withLazyCompilation(readFileSync(output), true));
  writeFileSync(output, Buffer.concat([executable, Buffer.from(`dockbridge-build:${bundle.id}`)]));
  return output;
}

/** The scripts of the plugins, and what V8 makes of them. */
function writeAssets(
  bundle: Bundle,
  { directory, compiler }: { directory: string; compiler: string | undefined },
): Record<string, string> {
  const assets: Record<string, string> = {};
  for (const [name, code] of bundle.plugins) {
    const [script, cache] = [join(directory, `${name}.js`), join(directory, `${name}.cache`)];
    writeFileSync(script, code);
    if (compiler === undefined) writeFileSync(cache, "");
    else execFileSync(compiler, ["-e", COMPILE, script, cache, name]);
    Object.assign(assets, { [`${name}.js`]: script, [`${name}.cache`]: cache });
  }
  return assets;
}

const COMPILE = `const [, script, cache, filename] = process.argv;
const fs = require("node:fs");
const code = fs.readFileSync(script, "latin1");
fs.writeFileSync(cache, new (require("node:vm").Script)(code, { filename }).createCachedData());`;

/**
 * pkg makes the code cache with the runtime that it builds on. While that compiles every function at once, all of them are in the
 * cache, which saves 10 ms of a bridge ADD; the finished executable must not do so with the modules of Node.js.
 */
function withLazyCompilation(image: Buffer, isLazy: boolean): Buffer {
  setV8Default(image, "lazy", isLazy);
  return image;
}
