// npm run e2e [-- files or options of vitest]: the scenarios with container engines, one after the other, so that their times can be
// compared. Engines that Debian does not have are built first, which needs the module proxy of Go; without it they are skipped.
import { execa } from "execa";
import { buildEngines } from "./build-engines.ts";
import { printReports, removeReports } from "./report.ts";

await buildEngines();
removeReports();
const options = ["run", "--config", "test/vitest.config.ts", "--no-file-parallelism", "--reporter", "verbose"];
const files = process.argv.length > 2 ? process.argv.slice(2) : ["test/e2e"];
const { exitCode = 1 } = await execa("node_modules/.bin/vitest", [...options, ...files], {
  stdio: "inherit",
  reject: false,
});
printReports();
process.exit(exitCode);
