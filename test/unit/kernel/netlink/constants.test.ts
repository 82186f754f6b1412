import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { MacvlanMode } from "../../../../src/kernel/netlink/link.ts";

const headers = [
  "netlink",
  "rtnetlink",
  "if_link",
  "if_bridge",
  "veth",
  "if",
  "if_addr",
  "neighbour",
  "netfilter",
  "netfilter/nfnetlink",
  "netfilter/nf_tables",
  "netfilter/nfnetlink_conntrack",
  "pkt_sched",
  "pkt_cls",
  "tc_act/tc_mirred",
  "if_ether",
];
const source = readFileSync("src/kernel/netlink/constants.ts", "utf8");
const constants = [...source.matchAll(/^export const (\w+) = (\w+);$/gm)].map(([, name = "", value]) => ({
  name,
  value: Number(value),
}));
const modes = Object.entries(MacvlanMode).map(([mode, value]) => ({
  name: `MACVLAN_MODE_${mode.toUpperCase()}`,
  value,
}));

let ofKernel: ReadonlyMap<string, number>;

beforeAll(() => {
  ofKernel = askCompiler([...constants, ...modes].map(({ name }) => name));
});

test("every constant of the file is compared", () => {
  expect(constants.length).toBe(source.match(/^export /gm)?.length);
});

test.each([...constants, ...modes])("$name is that of the kernel headers", ({ name, value }) => {
  expect(value).toBe(ofKernel.get(name));
});

/** Half of them are enumerators, which the preprocessor alone does not know. */
function askCompiler(names: readonly string[]): ReadonlyMap<string, number> {
  if (!existsSync("/usr/include/linux/rtnetlink.h")) throw new Error("no kernel headers: install linux-libc-dev");
  const program = [
    "#include <stdio.h>",
    "#include <sys/socket.h>",
    ...headers.map((header) => `#include <linux/${header}.h>`),
    "int main(void) {",
    ...names.map((name) => `printf("${name} %lld\\n", (long long)(${expressionOf(name)}));`),
    "}",
  ];
  const directory = mkdtempSync(join(tmpdir(), "dockbridge-test-"));
  try {
    writeFileSync(join(directory, "print.c"), program.join("\n"));
    execute("gcc", ["-o", join(directory, "print"), join(directory, "print.c")]);
    const lines = execute(join(directory, "print"), []).trim().split("\n");
    return new Map(lines.map((line) => line.split(" ")).map(([name = "", value]) => [name, Number(value)]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The mask is made with ~ and would have more bits than the number that it is for. */
function expressionOf(name: string): string {
  return name === "NLA_TYPE_MASK" ? `(__u16)${name}` : name;
}

function execute(file: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
  if (error !== undefined) throw new Error(`no ${file}: install gcc`, { cause: error });
  if (status !== 0) throw new Error(`${file} failed: ${stderr}`);
  return stdout;
}
