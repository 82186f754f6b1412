import { sha512 } from "../../kernel/libc.ts";

/** The parent of an internal network that names none: Docker has the beginning of the network's id there. */
export function isolatedParent(network: string): string {
  return `dm-${sha512(network).slice(0, 12)}`;
}
