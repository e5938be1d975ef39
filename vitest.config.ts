// Two parts of one suite. Unit tests share the modules that they load: nothing of theirs outlives a test. The others start
// processes, and each of their files has a worker of its own.
import { defineConfig } from "vitest/config";

const common = {
  // Bounds, not expectations: no test waits for time, and a machine that is busy may be ten times slower.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // Two cores: the tests start processes of their own.
  maxWorkers: 2,
  retry: 0,
  typecheck: { enabled: false },
};

export default defineConfig({
  test: {
    ...common,
    globalSetup: "test/support/sweep.ts",
    teardownTimeout: 60_000,
    projects: [
      { test: { ...common, name: "unit", include: ["test/unit/**/*.test.ts"], pool: "threads", isolate: false } },
      {
        test: {
          ...common,
          name: "processes",
          include: ["test/{types,integration,fault,e2e}/**/*.test.ts"],
          setupFiles: "test/support/mark.ts",
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
