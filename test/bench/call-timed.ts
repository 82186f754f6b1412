// One call of a plugin, timed from before the start of the process to its end.
import { Child } from "../../src/kernel/process.ts";

export interface Call {
  readonly plugin: string;
  readonly directory: string;
  readonly verb: string;
  /** Its name is that of the container, too. */
  readonly netns: string;
  readonly config: object;
}

export interface Timed {
  readonly milliseconds: number;
  readonly stdout: string;
}

/** Throws when it fails. */
export function callTimed({ plugin, directory, verb, netns, config }: Call): Timed {
  const input = Buffer.from(JSON.stringify(config));
  const env = {
    PATH: process.env["PATH"],
    CNI_COMMAND: verb,
    CNI_CONTAINERID: netns.replaceAll("/", ""),
    CNI_NETNS: netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: directory,
  };
  const start = process.hrtime.bigint();
  const { exitCode, stdout, stderr } = new Child({ file: `${directory}/${plugin}`, env, input }).finished();
  const end = process.hrtime.bigint();
  if (exitCode !== 0) throw new Error(`${directory}/${plugin} ${verb}: ${stdout}${stderr}`);
  return { milliseconds: Number(end - start) / 1e6, stdout };
}
