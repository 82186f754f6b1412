// Every folder below test/golden/<plugin>/ is a case: calls to the built executable on a machine of its own, and what came out of
// them. `call.json` has the calls, the stdin files are what a runtime sent, `expected.txt` is what people read and accepted.
//
// To accept a change: UPDATE_GOLDEN=1 npm test, and read the diff of every expected.txt before it is committed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Host, type Ran } from "./harness/host.ts";
import { ours } from "./harness/plugin.ts";

interface Case {
  readonly title: string;
  /** Shell commands that make the machine as it is before the first call. */
  readonly prepare?: readonly string[];
  readonly calls: readonly Call[];
  /** Shell commands that show the machine, after a call that names `show`. */
  readonly show?: readonly string[];
}

interface Call {
  readonly plugin?: string;
  /** CNI_ variables; CNI_PATH is the directory of the executable unless it is given. */
  readonly env: Readonly<Record<string, string>>;
  /** What is on stdin: a file of the folder, a text, or an object that is written as JSON. */
  readonly file?: string;
  readonly text?: string;
  readonly config?: object;
  readonly show?: boolean;
}

const root = "test/golden";

for (const plugin of readdirSync(root)) {
  for (const name of readdirSync(join(root, plugin))) {
    test.concurrent(`${plugin}/${name}`, async () => {
      const folder = join(root, plugin, name);
      const actual = await play(folder, plugin);
      const expected = join(folder, "expected.txt");
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(expected, actual);
      expect(existsSync(expected), `${expected} is missing: see the head of this file`).toBe(true);
      expect(actual).toBe(readFileSync(expected, "utf8"));
      expect(unused(folder)).toEqual([]);
    });
  }
}

async function play(folder: string, plugin: string): Promise<string> {
  const script = JSON.parse(readFileSync(join(folder, "call.json"), "utf8")) as Case;
  await using host = await Host.start();
  for (const command of script.prepare ?? []) await host.sh(command);
  const parts = [script.title];
  for (const call of script.calls) {
    const executable = call.plugin ?? plugin;
    const env: Record<string, string> = { CNI_PATH: ours, ...call.env };
    const ran = await host.run(`${ours}/${executable}`, [], { input: inputOf(call, folder), env });
    parts.push(
      `=== ${executable} ${env["CNI_COMMAND"] ?? "without CNI_COMMAND"}: exit code ${ran.exitCode}`,
      ...outputs(ran),
    );
    if (call.show === true) parts.push(...(await shown(host, script.show ?? [])));
  }
  return normalise(`${parts.join("\n")}\n`);
}

function outputs({ stdout, stderr }: Ran): string[] {
  return [
    ...(stdout === ""
      ? []
      : [`--- stdout${stdout.endsWith("\n") ? ", with a newline at the end" : ""}`, stdout.trimEnd()]),
    ...(stderr === "" ? [] : ["--- stderr", stderr.trimEnd()]),
  ];
}

async function shown(host: Host, commands: readonly string[]): Promise<string[]> {
  const parts: string[] = [];
  for (const command of commands) {
    const { stdout, stderr } = await host.run("sh", ["-c", command]);
    parts.push(`--- ${command}`, `${stdout}${stderr}`.trim());
  }
  return parts;
}

function inputOf({ file, text = "", config }: Call, folder: string): string | Buffer {
  if (file !== undefined) return readFileSync(join(folder, file));
  return config === undefined ? text : JSON.stringify(config);
}

/** MAC addresses that the kernel made up get a number each, in the order in which they turn up. */
function normalise(text: string): string {
  const macs: string[] = [];
  const numbered = text.replaceAll(
    /\b(?!00:00:00:00:00:|ff:ff:ff:|02:00:00:00:00:)[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g,
    (mac) => {
      if (!macs.includes(mac)) macs.push(mac);
      return `<MAC ${macs.indexOf(mac) + 1}>`;
    },
  );
  return numbered
    .replaceAll(ours, "<bin>")
    .replaceAll(/[ \t]+$/gm, "")
    .replaceAll(/^# (Generated|Completed).*\n/gm, "");
}

function unused(folder: string): string[] {
  const text = readFileSync(join(folder, "call.json"), "utf8");
  const known = ["call.json", "expected.txt"];
  return readdirSync(folder).filter((file) => !known.includes(file) && !text.includes(`"${file}"`));
}
