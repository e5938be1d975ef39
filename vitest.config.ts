// Two parts of one suite: unit tests in threads, and tests that start processes in processes. The files that a worker runs
// share the modules that they load, for nothing of a test outlives it.
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.ts";

// The tests talk to this machine alone, and further certificates make every start of Node a third slower.
delete process.env.NODE_EXTRA_CA_CERTS;

const common = {
  // Bounds, not expectations: no test waits for time, and a machine that is busy may be ten times slower.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  retry: 0,
  typecheck: { enabled: false },
};

export default defineConfig({
  test: {
    ...common,
    globalSetup: "test/support/sweep.ts",
    teardownTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          setupFiles: "test/support/seed.ts",
          pool: "threads",
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...common,
          name: "processes",
          include: ["test/{types,integration,fault,e2e}/**/*.test.ts"],
          globalSetup: "test/support/python.ts",
          setupFiles: ["test/support/mark.ts", "test/support/seed.ts"],
          isolate: false,
          sequence: { groupOrder: 1 },
          // One more than the cores that we count on: these tests wait for their processes a fifth of the time.
          maxWorkers: 3,
        },
      },
    ],
  },
});
