import { readFileSync } from "node:fs";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Dns } from "../../protocol/result.ts";

/** Reads a file in the form of resolv.conf(5). `search` and `options` add up over several lines, as in the reference. */
export function readResolvConf(path: string): Dns {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CniError(ErrorCode.InvalidConfig, `ipam.resolvConf: cannot read ${path}`, { cause: error });
  }
}

export function parseResolvConf(text: string): Dns {
  const nameservers: string[] = [];
  const search: string[] = [];
  const options: string[] = [];
  let domain: string | undefined;
  for (const line of text.split("\n")) {
    const [keyword = "", first, ...more] = line.trim().split(/\s+/);
    if (first === undefined || /^[#;]/.test(keyword)) continue;
    if (keyword === "nameserver") nameservers.push(first);
    if (keyword === "domain") domain = first;
    if (keyword === "search") search.push(first, ...more);
    if (keyword === "options") options.push(first, ...more);
  }
  return { nameservers, domain, search, options };
}
