import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { longestStopMs, mayStop, missingFor, type States } from "../../../../src/context/transaction/dependencies.ts";
import { hasProcess, type TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

function needing(id: string, ...dependsOn: string[]): TaskServiceConfig {
  return task(id, { supervision: { ...DEFAULT_SUPERVISION, dependsOn } });
}

/** Tasks of one transaction, each as it stands. */
function standing(...tasks: [task: TaskServiceConfig, state: TaskState][]): States {
  return new Map(tasks.map(([one, state]) => [one.id, { task: one, state }]));
}

const STATES: readonly TaskState[] = [
  "defined",
  "backingOff",
  "blocked",
  "starting",
  "running",
  "stopping",
  "unready",
  "unresponsive",
  "stuck",
  "stopped",
  "exited",
  "failed",
];

describe("a task that needs another", () => {
  test.each(STATES)("and finds it %s", (state) => {
    const isReady = state === "running" || state === "exited";

    expect(missingFor(needing("b", "a"), standing([task("a"), state]))).toEqual(isReady ? [] : [{ id: "a", state }]);
  });

  test("waits for one that nobody has started yet", () => {
    expect(missingFor(needing("b", "a"), standing())).toEqual([{ id: "a", state: "defined" }]);
  });

  test("waits for each of them, and says so in the order of the file", () => {
    const states = standing([task("a"), "failed"], [task("b"), "running"], [task("c"), "starting"]);

    expect(missingFor(needing("d", "c", "b", "a", "e"), states)).toEqual([
      { id: "c", state: "starting" },
      { id: "a", state: "failed" },
      { id: "e", state: "defined" },
    ]);
  });

  test("does not wait for those that these need themselves", () => {
    const states = standing([task("a"), "failed"], [needing("b", "a"), "running"]);

    expect(missingFor(needing("c", "b"), states)).toEqual([]);
  });
});

describe("a stop of all may take", () => {
  const lasting = (id: string, graceMs: number, ...dependsOn: string[]) => {
    const { supervision, ...rest } = needing(id, ...dependsOn);
    return { ...rest, supervision: { ...supervision, graceMs } };
  };

  test("as long as the longest grace period where nobody needs anybody", () => {
    expect(longestStopMs([lasting("a", 10), lasting("b", 30)])).toBe(30);
    expect(longestStopMs([])).toBe(0);
  });

  test("as long as those of the longest chain together", () => {
    const tasks = [lasting("a", 10), lasting("b", 20, "a"), lasting("c", 5, "b"), lasting("d", 30, "a")];

    expect(longestStopMs(tasks)).toBe(40);
  });
});

test("a task that needs nobody waits for nobody", () => {
  expect(missingFor(task("a"), standing([task("b"), "failed"]))).toEqual([]);
});

describe("a task that another needs", () => {
  const all = new Set(["a", "b"]);

  test.each(STATES)("and that one is %s", (state) => {
    const states = standing([task("a"), "running"], [needing("b", "a"), state]);

    // Who can't be ended is not waited for.
    expect(mayStop("a", all, states)).toBe(!hasProcess(state) || state === "stuck");
  });

  test("is stopped at once when that one is not to be stopped", () => {
    const states = standing([task("a"), "running"], [needing("b", "a"), "running"]);

    expect(mayStop("a", new Set(["a"]), states)).toBe(true);
  });

  test("is stopped after that one, whatever it needs itself", () => {
    const states = standing([task("a"), "running"], [needing("b", "a"), "running"]);

    expect(mayStop("b", all, states)).toBe(true);
  });

  test("waits for the last of those that need it", () => {
    const needers = [needing("b", "a"), needing("c", "a")] as const;
    const toStop = new Set(["a", "b", "c"]);

    expect(
      mayStop("a", toStop, standing([task("a"), "running"], [needers[0], "stopped"], [needers[1], "stopping"])),
    ).toBe(false);
    expect(
      mayStop("a", toStop, standing([task("a"), "running"], [needers[0], "stopped"], [needers[1], "exited"])),
    ).toBe(true);
  });

  test("does not wait for one that nobody has started", () => {
    expect(mayStop("a", all, standing([task("a"), "running"]))).toBe(true);
  });

  test("does not wait for itself", () => {
    expect(mayStop("a", new Set(["a"]), standing([task("a"), "running"]))).toBe(true);
  });
});
