// npm run build [-- --arch x64|arm64] [-- --install DIR]
// esbuild bundle -> pkg executable -> hard links. Runs on the Node.js 26 that npm ci installs.
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

if (Number.parseInt(process.versions.node, 10) < 26) {
  console.error(`This is Node.js ${process.versions.node}; run "npm ci", and then "npm run build".`);
  process.exit(1);
}

const { arch: architecture, install: destination } = readOptions();

const [{ commands }, { bundle }, { makeExecutable, nodeOptions }, { prepareRuntime }, { install }] = await Promise.all([
  import("./cmd/commands.ts"),
  import("./src/build/bundle.ts"),
  import("./src/build/executable.ts"),
  import("./src/build/runtime.ts"),
  import("./src/build/install.ts"),
]);

// the machine's own goes where one looks for it, the other one beside
const directory = resolve(architecture === process.arch ? "dist/cni/bin" : `dist/cni-${architecture}/bin`);
const names = commands.map((command) => command.name);
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

console.log(`> Preparing the Node.js runtime for linux-${architecture}...`);
const runtime = resolve(await prepareRuntime(architecture, "dist/runtime"));
console.log("> Bundling...");
const salt = [process.versions.node, architecture, ...nodeOptions].join(" ");
const code = commands.flatMap((command) => [
  command.name,
  ...Object.values(command.code ?? {}),
  ...(command.special === undefined ? [] : [command.special.code]),
]);
const built = await bundle({ names: [...new Set(code)], version, salt });
const executable = await makeExecutable({
  bundle: built,
  runtime,
  architecture,
  directory: resolve(`dist/build/${architecture}`),
});

const codeSize = [built.main, ...built.plugins.values()].reduce((size, code) => size + code.length, 0);
if (existsSync(directory)) rmSync(directory, { recursive: true });
install({ executable, names, directory });
console.log(`> ${directory}: dockbridge, and as links to it ${names.join(", ")}`);
console.log(
  `> the whole set on disk: ${kilobytes(statSync(`${directory}/dockbridge`).size)}, of it our code ${kilobytes(codeSize)}`,
);

if (destination !== undefined) {
  install({ executable, names, directory: resolve(destination) });
  console.log(`> installed into ${resolve(destination)}`);
}

function readOptions() {
  const options = { arch: { type: "string", default: process.arch }, install: { type: "string" } };
  try {
    const { values } = parseArgs({ options });
    if (values.arch === "x64" || values.arch === "arm64") return values;
    console.error(`--arch ${values.arch}: only x64 and arm64 are built`);
  } catch (error) {
    console.error(`${error.message}\nusage: npm run build -- [--arch x64|arm64] [--install DIR]`);
  }
  return process.exit(1);
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1000).toLocaleString("en")} kB`;
}
