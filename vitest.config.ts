import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Bounds, not expectations: no test waits for time, and a machine that is busy may be ten times slower.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: the tests start processes of their own.
    maxWorkers: 2,
    retry: 0,
    typecheck: { enabled: false },
  },
});
