import { defineConfig } from "vitest/config";

export default defineConfig({
  define: { DOCKBRIDGE_BUILD_ID: JSON.stringify("test"), DOCKBRIDGE_VERSION: JSON.stringify("0.0.0-test") },
  test: {
    include: ["test/**/*.test.ts"],
    // a process for each file: what a test does to its own process, such as entering a namespace, stays there
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
