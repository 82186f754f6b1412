import { setTimeout } from "node:timers/promises";
import type { Host } from "../harness/host.ts";

const ATTEMPTS = 20;

/** The address at which the server of the image (image.ts) sees a client of this host, or `-` when there is no answer. */
export async function ask(host: Host, address: string, port = 80): Promise<string> {
  // a server that has just been started may not listen yet
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    const answer = await askOnce(host, address, port);
    if (answer !== "-") return answer;
    await setTimeout(100);
  }
  return askOnce(host, address, port);
}

/** The same for one that runs, or that may not be reached. */
export async function askOnce(host: Host, address: string, port = 80): Promise<string> {
  const { exitCode, stdout } = await host.run("timeout", ["2", "busybox", ...wget(address, port)]);
  return exitCode === 0 ? clientIn(stdout) : "-";
}

/** The arguments of busybox that ask; they can be run in a container, too. */
export function wget(address: string, port = 80): string[] {
  const authority = address.includes(":") ? `[${address}]` : address;
  return ["wget", "-q", "-O", "-", `http://${authority}:${port}/cgi-bin/who`];
}

/** Without the brackets and the prefix of an IPv4 address. */
export function clientIn(answer: string): string {
  return answer.trim().replace(/^\[?(::ffff:)?([^\]]*)\]?$/, "$2");
}
