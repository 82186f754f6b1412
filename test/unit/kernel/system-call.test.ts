import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const source = readFileSync("src/kernel/system-call.ts", "utf8");

/** The machine's header; that of AArch64 is the generic one. */
const headers = {
  x64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  arm64: "/usr/include/asm-generic/unistd.h",
} as const;

test.each(["x64", "arm64"] as const)("every system call has its number on %s", (machine) => {
  const [, body = ""] = new RegExp(`  ${machine}: \\{([^}]*)\\}`).exec(source) ?? [];
  const ours = [...body.matchAll(/(\w+): (\d+),/g)].map(([, name = "", number]) => [name, Number(number)] as const);
  const header = readFileSync(headers[machine], "utf8");
  const theirs = ours.map(([name]) => {
    const [, number] = new RegExp(`#define __NR(?:3264)?_${name} (\\d+)`).exec(header) ?? [];
    return [name, Number(number)] as const;
  });
  expect(ours.length).toBeGreaterThan(10);
  expect(ours).toEqual(theirs);
});
