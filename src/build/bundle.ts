import { createHash } from "node:crypto";
import { build } from "esbuild";

/** The program in few files: what is always needed, and the code of each plugin. */
export interface Bundle {
  readonly main: string;
  /** By the name of the plugin: a script whose value is a function of (module, require). */
  readonly plugins: ReadonlyMap<string, string>;
  /** No other program, and none for another runtime, has this one. */
  readonly id: string;
}

/** Stands for the id while it is being calculated. */
const PLACEHOLDER = "0".repeat(64);

/** `salt` is whatever else makes a difference to the executable. */
export async function bundle({
  names,
  version,
  salt,
}: {
  names: readonly string[];
  version: string;
  salt: string;
}): Promise<Bundle> {
  const [main = "", ...plugins] = await Promise.all(
    ["dockbridge", ...names].map((name) => bundleFile(`cmd/${name}.ts`, version)),
  );
  const id = createHash("sha256")
    .update([main, ...plugins, salt].join("\0"))
    .digest("hex");
  const finish = (code: string) => code.replaceAll(PLACEHOLDER, id);
  const scripts = names.map((name, i) => [name, `(function(module,require){${finish(plugins[i] ?? "")}\n})`] as const);
  return { main: finish(main), plugins: new Map(scripts), id };
}

async function bundleFile(entry: string, version: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    minify: true,
    legalComments: "none",
    mainFields: ["module", "main"],
    define: { DOCKBRIDGE_VERSION: JSON.stringify(version), DOCKBRIDGE_BUILD_ID: JSON.stringify(PLACEHOLDER) },
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
