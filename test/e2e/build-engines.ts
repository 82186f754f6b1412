// Engines that Debian 12 does not have, built from their Go modules into dist/tools/engines. It takes some minutes, once.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { engines } from "./engines.ts";

interface Engine {
  readonly module: string;
  readonly programs: readonly string[];
  /** Options of `go mod edit`, and files to leave out: what only its own tests need, and is not in the module. */
  readonly edits?: readonly string[];
  readonly without?: readonly string[];
}

/** See setup.mjs. */
const GO = resolve("dist/tools/go/bin/go");

const ENGINES: readonly Engine[] = [
  {
    module: "github.com/containerd/containerd/v2@v2.1.4",
    programs: ["containerd", "ctr", "containerd-shim-runc-v2"],
  },
  {
    module: "github.com/containerd/nerdctl/v2@v2.1.3",
    programs: ["nerdctl"],
    edits: [
      "-droprequire=github.com/containerd/nerdctl/mod/tigron",
      "-dropreplace=github.com/containerd/nerdctl/mod/tigron@v0.0.0",
    ],
    without: ["cmd/nerdctl/helpers/testing_linux.go"],
  },
];

/** Builds those that are not there. One that cannot be built is said, and its scenarios say that they are skipped. */
export async function buildEngines(): Promise<void> {
  mkdirSync(engines, { recursive: true });
  for (const engine of ENGINES) {
    if (engine.programs.every((program) => existsSync(join(engines, program)))) continue;
    const start = performance.now();
    console.log(`> go build ${engine.module}: ${engine.programs.join(", ")}`);
    try {
      await build(engine);
      console.log(`> it took ${Math.round((performance.now() - start) / 1000)} s`);
    } catch (error) {
      console.log(`> ${engine.module} cannot be built here: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Go installs no program of a module that has `exclude` or `replace` in its go.mod, so it is built as the main module. */
async function build({ module, programs, edits = [], without = [] }: Engine): Promise<void> {
  const source = mkdtempSync(join(tmpdir(), "dockbridge-engine-"));
  try {
    const { stdout } = await execa(GO, ["mod", "download", "-json", module], { cwd: source });
    cpSync((JSON.parse(stdout) as { readonly Dir: string }).Dir, source, { recursive: true });
    await execa("chmod", ["-R", "u+w", source]);
    for (const file of without) rmSync(join(source, file));
    if (edits.length > 0) await execa(GO, ["mod", "edit", ...edits], { cwd: source });
    const packages = programs.map((program) => `./cmd/${program}`);
    const flags = ["build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", `${engines}/`];
    await execa(GO, [...flags, ...packages], { cwd: source });
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}
