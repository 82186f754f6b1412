// npm test [-- files or options of vitest]: builds, then checks types and style, and runs every test. The last line is the count.
import { readFileSync, rmSync } from "node:fs";
import { execa } from "execa";
import { buildEngines } from "./e2e/build-engines.ts";
import { printReports, removeReports } from "./e2e/report.ts";
import { ELSEWHERE, testOnUserModeKernel } from "./user-mode-kernel.ts";

/** As far as we read what vitest writes. */
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const report = "dist/test-report.json";
const elsewhere = "dist/user-mode-report.json";
rmSync(report, { force: true });
removeReports();

const steps = [
  await isFine("the build", ["build.mjs"]),
  await isFine("the types", ["node_modules/.bin/tsc", "--noEmit"]),
  await isFine("style and borders of layers", ["node_modules/.bin/biome", "ci", "--error-on-warnings"]),
];
const asked = process.argv.slice(2);
if (asked.length === 0 || asked.some((file) => file.includes("e2e"))) await buildEngines();
const vitest = [
  "--config",
  "test/vitest.config.ts",
  "--reporter",
  "default",
  "--reporter",
  "json",
  "--outputFile",
  report,
];
const isTested = await isFine("the tests", ["node_modules/.bin/vitest", "run", ...vitest, ...asked]);

const here = count(report, isTested);
const there = here.skipped.some(isForElsewhere)
  ? await countElsewhere(here.skipped)
  : { passed: 0, failed: 0, skipped: [] };
const skipped = [...here.skipped.filter((name) => !isForElsewhere(name)), ...there.skipped];
const [passed, failed] = [here.passed + there.passed, here.failed + there.failed];
printReports();
for (const name of skipped) console.log(`> skipped: ${name}`);
const failures = failed + steps.filter((fine) => !fine).length;
console.log(`${passed + steps.filter((fine) => fine).length} passed, ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);

async function isFine(what: string, [file = "", ...args]: readonly string[]): Promise<boolean> {
  console.log(`> ${what}: ${[file, ...args].join(" ")}`);
  const isScript = file.endsWith(".mjs");
  const { exitCode } = await execa(isScript ? process.execPath : file, isScript ? [file, ...args] : args, {
    stdio: "inherit",
    reject: false,
  });
  return exitCode === 0;
}

/** A file that could not be loaded has no tests, and counts as one that failed. */
function count(file: string, isFine: boolean): Count {
  try {
    const { testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
    const tests = testResults.flatMap((file) => file.assertionResults);
    const named = (status: string) => tests.filter((test) => test.status === status);
    const broken = testResults.filter((file) => file.status === "failed" && !file.assertionResults.some(isFailed));
    const failed = named("failed").length + broken.length;
    return {
      passed: named("passed").length,
      failed: failed === 0 && !isFine ? 1 : failed,
      skipped: tests.filter((test) => !["passed", "failed"].includes(test.status)).map((test) => test.fullName),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}

/** On a kernel that can do what this one cannot; those that it has not passed then either are skipped still. */
async function countElsewhere(skippedHere: readonly string[]): Promise<Count> {
  const reason = await testOnUserModeKernel(elsewhere);
  if (reason !== undefined) {
    console.log(`> ${reason}`);
    return { passed: 0, failed: 0, skipped: skippedHere.filter(isForElsewhere) };
  }
  const { passed, failed, skipped } = count(elsewhere, true);
  return { passed, failed, skipped: skipped.filter(isForElsewhere) };
}

function isForElsewhere(name: string): boolean {
  return name.startsWith(ELSEWHERE);
}

function isFailed(test: { readonly status: string }): boolean {
  return test.status === "failed";
}
