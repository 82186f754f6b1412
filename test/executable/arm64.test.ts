// The executable for the other architecture, as a file: nothing here can run it.
import { readFileSync } from "node:fs";
import { execa } from "execa";
import { expect, test } from "vitest";
import { bytesOf, cString, machineOf, sectionNamed } from "../../src/build/elf.ts";
import { ours } from "../harness/plugin.ts";

const DT_NEEDED = 1n;

/** As `readelf --dynamic` shows them. */
function neededLibraries(image: Buffer): string[] {
  const [dynamic, names] = [bytesOf(image, sectionNamed(image, ".dynamic")), sectionNamed(image, ".dynstr")];
  const entries = Array.from({ length: dynamic.length / 16 }, (_, i) => dynamic.subarray(i * 16, i * 16 + 16));
  const needed = entries.filter((entry) => entry.readBigUInt64LE(0) === DT_NEEDED);
  return needed.map((entry) => cString(image, names.offset + Number(entry.readBigUInt64LE(8))));
}

test("the same script builds for linux-arm64", { timeout: 300_000 }, async () => {
  await execa(process.execPath, ["build.mjs", "--arch", "arm64"]);
  const image = readFileSync("dist/cni-arm64/bin/bridge");
  expect(machineOf(image)).toBe(183); // EM_AARCH64
  expect(neededLibraries(image).sort()).toEqual([
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libstdc++.so.6",
  ]);
  expect(image.subarray(-81).toString()).toMatch(/^dockbridge-build:[0-9a-f]{64}$/);
});

test("and the one for this machine needs no libatomic either", () => {
  const libraries = neededLibraries(readFileSync(`${ours}/bridge`));
  expect(libraries).toContain("libc.so.6");
  expect(libraries).not.toContain("libatomic.so.1");
});

test("a build for anything else is refused", async () => {
  const { exitCode, stderr } = await execa(process.execPath, ["build.mjs", "--arch", "riscv64"], { reject: false });
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "--arch riscv64: only x64 and arm64 are built" });
});
