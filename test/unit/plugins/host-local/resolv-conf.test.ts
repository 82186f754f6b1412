import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseResolvConf, readResolvConf } from "../../../../src/plugins/host-local/resolv-conf.ts";
import { reportError } from "../../../../src/protocol/error.ts";
import type { Dns } from "../../../../src/protocol/result.ts";

const nothing: Dns = { nameservers: [], domain: undefined, search: [], options: [] };

test.for([
  ["an empty file", "", {}],
  [
    "HL-12: indented lines, two name servers",
    "\n\tnameserver 192.0.2.0\n\t nameserver 192.0.2.1\n",
    { nameservers: ["192.0.2.0", "192.0.2.1"] },
  ],
  ["HL-13: a comment with ;", "nameserver 192.0.2.0\n;nameserver 192.0.2.1\n", { nameservers: ["192.0.2.0"] }],
  [
    "HL-14: everything",
    `
# header
nameserver 192.0.2.0
nameserver 192.0.2.2
domain example.com
;nameserver comment
#nameserver comment
search example.net example.org
search example.gov
options one two three
options four
`,
    {
      nameservers: ["192.0.2.0", "192.0.2.2"],
      domain: "example.com",
      search: ["example.net", "example.org", "example.gov"],
      options: ["one", "two", "three", "four"],
    },
  ],
  ["the last domain", "domain a.org\ndomain b.org\n", { domain: "b.org" }],
  ["one name server of a line", "nameserver 192.0.2.0 192.0.2.1", { nameservers: ["192.0.2.0"] }],
  ["keywords without a value", "nameserver\ndomain \nsearch\noptions\t\n", {}],
  ["unknown keywords", "sortlist 10.0.0.0\nNAMESERVER 192.0.2.0\n", {}],
  [
    "lines that end as on Windows",
    "nameserver 192.0.2.0\r\nsearch a.org\r\n",
    { nameservers: ["192.0.2.0"], search: ["a.org"] },
  ],
  ["indented comments", "  # nameserver 192.0.2.0\n\t;domain a.org\n", {}],
] as const)("%s", ([, text, dns]) => {
  expect(parseResolvConf(text)).toEqual({ ...nothing, ...dns });
});

test("a file is read", () => {
  const directory = mkdtempSync(join(tmpdir(), "resolv-conf-"));
  try {
    writeFileSync(join(directory, "resolv.conf"), "nameserver 192.0.2.0\n");
    expect(readResolvConf(join(directory, "resolv.conf"))).toEqual({ ...nothing, nameservers: ["192.0.2.0"] });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a file that cannot be read is told with its cause", () => {
  let thrown: unknown;
  try {
    readResolvConf("/does/not/exist");
  } catch (error) {
    thrown = error;
  }
  expect(reportError(thrown)).toEqual({
    code: 7,
    msg: "ipam.resolvConf: cannot read /does/not/exist",
    details: "ENOENT: no such file or directory, open '/does/not/exist'",
  });
});
