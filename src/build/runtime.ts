// The Node.js binary that the executable is built on: from npm, without debugging information and without libatomic.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { strip } from "./elf.ts";
import type { Architecture } from "./executable.ts";
import { removeLibatomic } from "./libatomic.ts";
import { trimStartUp } from "./start-up.ts";
import { ignoreV8Flag, setV8Default } from "./v8-flags.ts";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
}

/** Returns the path of the prepared binary, below `directory`; made anew only when the pinned version or this code changes. */
export async function prepareRuntime(architecture: Architecture, directory: string): Promise<string> {
  const name = `node-linux-${architecture}`;
  const { version, integrity } = lockedPackage(name);
  const prepared = join(directory, `${name}-${version}-${digestOfThisCode()}`);
  if (existsSync(prepared)) return prepared;
  const whole = readFileSync(await findBinary({ name, version, integrity, directory }));
  trimStartUp(whole);
  const image = strip(whole);
  removeLibatomic(image);
  // Node.js switches it on: a hash seed of its own for each process, 3 ms. A known seed matters where hash tables are filled with
  // input of strangers, which a plugin never gets.
  ignoreV8Flag(image, "rehash_snapshot");
  // a process of 15 ms collects nothing in the background, and optimises nothing
  setV8Default(image, "single_threaded_gc", true);
  setV8Default(image, "sparkplug", false);
  for (const tier of ["maglev", "maglev_osr", "turbofan", "osr"])
    setV8Default(image, `invocation_count_for_${tier}`, 30_000);
  // room for what a verb allocates, without a collection; in megabytes
  setV8Default(image, "min_semi_space_size", 8n);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${prepared}.new`, image, { mode: 0o755 });
  renameSync(`${prepared}.new`, prepared);
  return prepared;
}

function digestOfThisCode(): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(import.meta.dirname).sort())
    hash.update(readFileSync(join(import.meta.dirname, file)));
  return hash.digest("hex").slice(0, 12);
}

interface Wanted {
  readonly name: string;
  readonly version: string;
  /** As npm writes it: `sha512-...` */
  readonly integrity: string;
  readonly directory: string;
}

/** npm installs only the package of the machine's own architecture; the other is fetched, and checked against the lock file. */
async function findBinary({ name, version, integrity, directory }: Wanted): Promise<string> {
  const installed = join("node_modules", name, "bin", "node");
  if (existsSync(installed)) return installed;
  const unpacked = join(directory, `${name}-${version}.package`);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  await execa("npm", ["pack", `${name}@${version}`, "--silent", "--prefer-offline", "--pack-destination", unpacked], {
    stdin: "ignore",
  });
  const archive = join(unpacked, `${name}-${version}.tgz`);
  const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (found !== integrity) throw new Error(`${name}@${version} is not the package of package-lock.json: ${found}`);
  await execa("tar", ["-xzf", archive, "-C", unpacked, "package/bin/node"]);
  return join(unpacked, "package", "bin", "node");
}

function lockedPackage(name: string): { version: string; integrity: string } {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
  const found = lock.packages[`node_modules/${name}`];
  if (found === undefined) throw new Error(`package-lock.json does not have ${name}`);
  return found;
}
