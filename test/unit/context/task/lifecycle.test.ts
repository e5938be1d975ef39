import { describe, expect, test } from "vitest";
import { advance, initialStanding, isWanted, restoredStanding } from "../../../../src/context/task/lifecycle.ts";
import { hasProcess, isAtRest, isPending, TASK_STATES, type TaskState } from "../../../../src/protocol/task-state.ts";
import { countOf, EVENTS, effectsOfLast, HELD_BACK_MS, lifeAfter, stateAfter, WORDS, type Word } from "./life.ts";

const ANNOUNCEMENTS = ["started", "unfit", "updated", "failed", "exited", "stopped"] as const;
const UP = ["start", "spawned", "started"] as const;

describe("a start", () => {
  test("spawns at once, and the task runs only once it has said so", () => {
    expect(effectsOfLast("start")).toEqual(["spawn"]);
    expect(stateAfter("start")).toBe("starting");
    expect(stateAfter("start", "spawned")).toBe("starting");
    expect(stateAfter("start", "spawned", "started")).toBe("running");
  });

  test("begins a new run each time", () => {
    expect(initialStanding().life.run).toBe(0);
    expect(lifeAfter(...UP).standing.life.run).toBe(1);
    expect(lifeAfter(...UP, "stop", "end", "start").standing.life.run).toBe(2);
  });

  test("knows the pid as soon as the operating system has given one, also when it is stopping by then", () => {
    expect(lifeAfter("start").standing.life.pid).toBeUndefined();
    expect(lifeAfter("start", "spawned").standing.life.pid).toBe(4312);
    expect(lifeAfter("start", "stop", "spawned").standing.life.pid).toBe(4312);
  });

  test("forgets everything about the run before", () => {
    const { life } = lifeAfter(...UP, "failed", "restartLater", "stopped", "crash", "backoffOver").standing;

    expect(life).toEqual({ ...initialStanding().life, run: 2 });
  });

  test.each(["stop end", "end", "crash"])("is possible again after %s", (end) => {
    expect(stateAfter(...UP, ...(end.split(" ") as Word[]), "start")).toBe("starting");
  });

  test.each([
    ["starting", ["start"]],
    ["running", UP],
  ] as const)("of a task that is %s changes nothing", (state, story) => {
    expect(stateAfter(...story, "start")).toBe(state);
    expect(effectsOfLast(...story, "start")).toEqual([]);
  });

  test("of a task that is stopping waits for the process to be gone", () => {
    expect(effectsOfLast(...UP, "stop", "start")).toEqual([]);
    expect(stateAfter(...UP, "stop", "start")).toBe("stopping");
    expect(effectsOfLast(...UP, "stop", "start", "end")).toEqual(["disarm grace", "announce stopped", "spawn"]);
    expect(stateAfter(...UP, "stop", "start", "end")).toBe("starting");
  });

  test("of a task that is stopping by itself waits as well", () => {
    expect(stateAfter(...UP, "stopped", "start", "end")).toBe("starting");
    expect(stateAfter("start", "unfit", "start", "crash")).toBe("starting");
  });

  test("that could not spawn fails, and fires on_fail", () => {
    expect(stateAfter("start", "spawnFailed")).toBe("failed");
    expect(effectsOfLast("start", "spawnFailed")).toEqual(["disarm ready", "announce failed", "fire on_fail"]);
    expect(lifeAfter("start", "spawnFailed").standing.life.reason).toBe("no such service");
  });
});

describe("the end of a run", () => {
  test("is announced when no process is left, however the task has told of it", () => {
    expect(effectsOfLast(...UP, "stop", "ending")).toEqual([]);
    expect(effectsOfLast(...UP, "stop", "ending", "end")).toEqual(["disarm grace", "announce stopped"]);
    expect(effectsOfLast(...UP, "ending")).toEqual(["awaitEnd"]);
    expect(effectsOfLast(...UP, "ending", "end")).toEqual(["disarm grace", "announce stopped", "fire on_exit"]);
    expect(effectsOfLast(...UP, "failing")).toEqual(["awaitEnd"]);
    expect(effectsOfLast(...UP, "failing", "crash")).toEqual(["disarm grace", "announce failed", "fire on_fail"]);
  });

  test("is good where the task says so, and bad where it says so, whatever its process makes of it", () => {
    expect(stateAfter(...UP, "ending", "crash")).toBe("exited");
    expect(stateAfter(...UP, "failing", "end")).toBe("failed");
    expect(lifeAfter(...UP, "failing", "crash").standing.life.reason).toBe("the disk is full");
    expect(stateAfter(...UP, "stop", "failing", "crash")).toBe("stopped");
    expect(stateAfter(...UP, "tooLarge", "ending", "end")).toBe("failed");
  });

  test("is announced as stopped where the failure has been announced before", () => {
    for (const end of ["end", "crash", "ending end", "failing crash"])
      expect(effectsOfLast(...UP, "failed", ...(end.split(" ") as Word[])).at(-1)).toBe("announce stopped");
    expect(stateAfter(...UP, "failed", "end")).toBe("failed");
  });

  test("is not announced again where a program has announced it", () => {
    expect(countOf("announce stopped", ...UP, "stopped", "end")).toBe(0);
    expect(countOf("announce stopped", ...UP, "stop", "stopped", "end")).toBe(0);
  });

  test("has the pid of the process where it was asked to end, and none where it came by itself", () => {
    const lastOf = (...words: Word[]) => lifeAfter(...words).effects.at(-1);

    expect(lastOf(...UP, "stop", "end")).toContainEqual({ type: "announce", word: "stopped", pid: 4312 });
    expect(lastOf(...UP, "end")).toContainEqual({ type: "announce", word: "stopped" });
  });
});

describe("a task that waits to be stopped until others are gone", () => {
  test("runs again when it is started meanwhile, once it is gone", () => {
    expect(stateAfter(...UP, "stopSoon", "start")).toBe("running");
    expect(isWanted(lifeAfter(...UP, "stopSoon", "start").standing)).toBe(true);
    expect(stateAfter(...UP, "stopSoon", "start", "restart", "end")).toBe("starting");
    expect(stateAfter(...UP, "stopSoon", "start", "end")).toBe("starting");
  });

  test("does not when it is stopped after that", () => {
    expect(stateAfter(...UP, "stopSoon", "start", "stopSoon", "stop", "end")).toBe("stopped");
  });
});

// What becomes of each order in each state. A queued start is one that follows the end of the process.
describe("an order", () => {
  const STORIES = {
    defined: ["define"],
    blocked: ["needsOther", "start"],
    starting: ["start", "spawned"],
    running: [...UP],
    backingOff: [...UP, "crashAndBack"],
    stopping: [...UP, "stop"],
    unready: ["start", "spawned", "readyLate"],
    unresponsive: [...UP, "silent"],
    stuck: [...UP, "stop", "killDue", "stuck"],
    stopped: [...UP, "stop", "end"],
    exited: [...UP, "end"],
    failed: [...UP, "crash"],
  } as const satisfies Record<string, readonly Word[]>;

  /** The state after the order; with `queued` or `leaves`, that after the process has ended. */
  const TABLE = {
    //             start             restart            stop
    defined: ["starting", "starting", "stopped"],
    blocked: ["blocked", "blocked", "stopped"],
    starting: ["starting", "queued starting", "leaves stopped"],
    running: ["running", "queued starting", "leaves stopped"],
    backingOff: ["starting", "starting", "stopped"],
    stopping: ["queued starting", "queued starting", "leaves stopped"],
    unready: ["queued starting", "queued starting", "leaves stopped"],
    unresponsive: ["queued starting", "queued starting", "leaves stopped"],
    stuck: ["queued starting", "queued starting", "leaves stopped"],
    stopped: ["starting", "starting", "stopped"],
    exited: ["starting", "starting", "exited"],
    failed: ["starting", "starting", "failed"],
  } as const satisfies Record<TaskState, readonly [string, string, string]>;

  const cells = TASK_STATES.flatMap((state) =>
    (["start", "restart", "stop"] as const).map((order, index) => ({
      state,
      order,
      becomes: TABLE[state][index] ?? "",
    })),
  );

  test.each(cells)("$order of a task that is $state: $becomes", ({ state, order, becomes }) => {
    const story = STORIES[state];
    const [how, next] = becomes.includes(" ") ? becomes.split(" ") : ["at once", becomes];
    const isLate = how !== "at once";

    expect(stateAfter(...story)).toBe(state);
    expect(stateAfter(...story, order, ...(isLate ? (["crash"] as const) : []))).toBe(next);
    if (isLate) expect(countOf("spawn", ...story, order)).toBe(countOf("spawn", ...story));
  });

  test.each(cells.filter(({ becomes }) => becomes.startsWith("queued")))(
    "$order of a task that is $state: a stop after it cancels it, and a start after that is queued again",
    ({ state, order }) => {
      const story = [...STORIES[state], order, "stop"] as const;

      expect(stateAfter(...story, "crash")).toBe("stopped");
      expect(stateAfter(...story, "start", "crash")).toBe("starting");
      expect(countOf("spawn", ...story, "start", "start", "restart", "crash")).toBe(2);
    },
  );
});

describe("a task on demand", () => {
  test("is announced as created when it is defined, and nothing runs", () => {
    expect(effectsOfLast("define")).toEqual(["announce created"]);
    expect(stateAfter("define")).toBe("defined");
  });

  test("is announced again when it is defined after it has ended", () => {
    for (const story of [
      ["define", "stop"],
      [...UP, "stop", "end"],
      [...UP, "end"],
      [...UP, "crash"],
    ] as Word[][]) {
      expect(effectsOfLast(...story, "define")).toEqual(["announce created"]);
      expect(stateAfter(...story, "define")).toBe("defined");
    }
  });

  test("is left alone by that while it runs, or is to", () => {
    for (const story of [["start"], UP, [...UP, "stop"], ["startLater"]] as Word[][]) {
      expect(effectsOfLast(...story, "define")).toEqual([]);
      expect(stateAfter(...story, "define")).toBe(stateAfter(...story));
    }
  });

  test("runs when it is started or restarted", () => {
    expect(stateAfter("define", "start")).toBe("starting");
    expect(stateAfter("define", "restart")).toBe("starting");
  });

  test("is over when it is stopped before it ever ran, and the provider says so", () => {
    expect(stateAfter("define", "stop")).toBe("stopped");
    expect(effectsOfLast("define", "stop")).toEqual(["announce stopped"]);
  });
});

describe("on_start", () => {
  test("fires on the first started of a run", () => {
    expect(effectsOfLast(...UP)).toEqual(["disarm ready", "fire on_start"]);
  });

  test("fires once per run, however often the task says it", () => {
    expect(countOf("fire on_start", ...UP, "started", "started")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fire on_start", ...UP, "restart", "stopped", "end", "spawned", "started")).toBe(2);
  });

  test("does not fire for a task that says it could not start", () => {
    expect(countOf("fire on_start", "start", "spawned", "unfit", "started", "crash")).toBe(0);
  });

  test("does not fire once the task was asked to stop", () => {
    expect(countOf("fire on_start", "start", "spawned", "stop", "started", "end")).toBe(0);
  });
});

describe("a process that has lived long enough", () => {
  test("counts as started: the provider says so, and on_start fires", () => {
    expect(effectsOfLast("start", "spawned")).toEqual(["awaitReady"]);
    expect(effectsOfLast("start", "spawned", "ready")).toEqual(["disarm ready", "announce started", "fire on_start"]);
    expect(stateAfter("start", "spawned", "ready")).toBe("running");
  });

  test("is waited for only while the task has not started", () => {
    expect(countOf("disarm ready", ...UP)).toBe(1);
    expect(effectsOfLast(...UP, "ready")).toEqual([]);
    expect(effectsOfLast("start", "started", "spawned")).toEqual([]);
    expect(effectsOfLast("start", "stop", "spawned")).toEqual([]);
    expect(effectsOfLast("start", "spawned", "stop", "ready")).toEqual([]);
  });

  test("may say so itself later, which is nothing new", () => {
    expect(countOf("fire on_start", "start", "spawned", "ready", "started")).toBe(1);
    expect(stateAfter("start", "spawned", "ready", "started")).toBe("running");
  });

  test("may still say that it could not start", () => {
    expect(stateAfter("start", "spawned", "ready", "unfit", "crash")).toBe("failed");
  });

  test.each([
    ["end", "exited"],
    ["crash", "failed"],
  ] as const)("has never started when it comes to its %s before that", (end, state) => {
    expect(countOf("announce started", "start", "spawned", end, "ready")).toBe(0);
    expect(countOf("fire on_start", "start", "spawned", end, "ready")).toBe(0);
    expect(stateAfter("start", "spawned", end, "ready")).toBe(state);
  });
});

describe("on_update", () => {
  test("fires on every updated", () => {
    expect(countOf("fire on_update", ...UP, "updated", "updated", "updated")).toBe(3);
  });

  test("fires before the task has said started, too", () => {
    expect(countOf("fire on_update", "start", "spawned", "updated")).toBe(1);
  });

  test("does not fire once the task was asked to stop", () => {
    expect(countOf("fire on_update", ...UP, "stop", "updated", "end")).toBe(0);
    expect(countOf("fire on_update", ...UP, "restart", "updated")).toBe(0);
  });
});

describe("on_fail", () => {
  test.each([
    ["failed is announced", ["failed"]],
    ["the task says it could not start", ["unfit"]],
    ["the process ends abnormally", ["crash"]],
  ] as const)("fires when %s", (_, [word]) => {
    expect(effectsOfLast("start", "spawned", word)).toContain("fire on_fail");
    expect(effectsOfLast(...UP, word)).toContain("fire on_fail");
  });

  test("fires once per run, whatever else goes wrong in it", () => {
    expect(countOf("fire on_fail", ...UP, "failed", "failed", "crash")).toBe(1);
    expect(countOf("fire on_fail", "start", "spawned", "unfit", "failed", "unfit", "crash")).toBe(1);
    expect(countOf("fire on_fail", ...UP, "failed", "stopped", "failed", "crash")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fire on_fail", ...UP, "crash", "start", "spawned", "crash")).toBe(2);
  });

  test("does not fire once the task was asked to stop, however it ends", () => {
    for (const ending of [["failed", "crash"], ["crash"], ["unfit", "end"], ["spawnFailed"]] as Word[][]) {
      expect(countOf("fire on_fail", "start", "stop", ...ending)).toBe(0);
      expect(countOf("fire on_fail", "start", "restart", ...ending)).toBe(0);
    }
  });

  test("keeps the first reason of the run", () => {
    expect(lifeAfter(...UP, "failed", "crash").standing.life.reason).toBe("the disk is full");
    expect(lifeAfter(...UP, "crash").standing.life.reason).toBe("the process was ended by SIGSEGV");
    expect(lifeAfter("start", "unfit", "failed", "crash").standing.life.reason).toBe("no default export");
  });
});

describe("on_exit", () => {
  test("fires when the process ends with code 0 by itself", () => {
    expect(effectsOfLast(...UP, "end")).toEqual(["announce stopped", "fire on_exit"]);
    expect(stateAfter(...UP, "end")).toBe("exited");
  });

  test("fires when the process ends with code 0 before it has said started", () => {
    expect(effectsOfLast("start", "spawned", "end")).toEqual(["disarm ready", "announce stopped", "fire on_exit"]);
  });

  test.each(["stopped", "exited"] as const)("fires on the task's own %s, and not again at its end", (word) => {
    expect(effectsOfLast(...UP, word)).toContain("fire on_exit");
    expect(countOf("fire on_exit", ...UP, word, "end")).toBe(1);
    expect(stateAfter(...UP, word, "end")).toBe("exited");
  });

  test("fires once per run, however often the task announces its end", () => {
    expect(countOf("fire on_exit", ...UP, "exited", "exited", "stopped", "stopped", "end")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fire on_exit", ...UP, "stopped", "end", ...UP, "end")).toBe(2);
  });

  test.each(["stop", "restart"] as const)("never fires after a %s", (command) => {
    for (const ending of [["end"], ["stopped", "end"], ["exited", "stopped", "end"], ["crash"]] as Word[][])
      expect(countOf("fire on_exit", ...UP, command, ...ending)).toBe(0);
  });

  test("does not fire for a task that has announced its failure, though its code be 0", () => {
    for (const ending of [["end"], ["stopped", "end"], ["exited", "end"]] as Word[][]) {
      expect(countOf("fire on_exit", ...UP, "failed", ...ending)).toBe(0);
      expect(stateAfter(...UP, "failed", ...ending)).toBe("failed");
    }
  });

  test("does not fire for a task that could not start, though its code be 0", () => {
    expect(countOf("fire on_exit", "start", "spawned", "unfit", "stopped", "end")).toBe(0);
    expect(stateAfter("start", "spawned", "unfit", "stopped", "end")).toBe("failed");
  });

  test("has the last word when the task announced its end before its process crashed", () => {
    expect(stateAfter(...UP, "stopped", "crash")).toBe("exited");
    expect(countOf("fire on_fail", ...UP, "stopped", "crash")).toBe(0);
  });
});

describe("a stop", () => {
  test("asks the task, and sets a limit to its patience", () => {
    expect(effectsOfLast(...UP, "stop")).toEqual(["askToStop", "awaitEnd"]);
    expect(stateAfter(...UP, "stop")).toBe("stopping");
  });

  test("is over when the process is gone, not when the task says so", () => {
    expect(stateAfter(...UP, "stop", "stopped")).toBe("stopping");
    expect(stateAfter(...UP, "stop", "stopped", "end")).toBe("stopped");
    expect(effectsOfLast(...UP, "stop", "stopped", "end")).toEqual(["disarm grace"]);
  });

  test("ends as stopped, however the process left", () => {
    expect(stateAfter(...UP, "stop", "crash")).toBe("stopped");
    expect(stateAfter(...UP, "failed", "stop", "crash")).toBe("stopped");
  });

  test("works while the task is starting, before and after there is a process", () => {
    expect(effectsOfLast("start", "stop")).toEqual(["disarm ready", "askToStop", "awaitEnd"]);
    expect(stateAfter("start", "stop", "end")).toBe("stopped");
    expect(stateAfter("start", "spawned", "stop", "end")).toBe("stopped");
    expect(stateAfter("start", "stop", "spawnFailed")).toBe("stopped");
  });

  test("is not undone by a late started", () => {
    expect(stateAfter("start", "spawned", "stop", "started")).toBe("stopping");
  });

  test("asks once, also when it comes twice", () => {
    expect(countOf("askToStop", ...UP, "stop", "stop", "stop")).toBe(1);
    expect(countOf("awaitEnd", ...UP, "stop", "stop", "stop")).toBe(1);
  });

  test("asks, and at the end of the grace period asks no more", () => {
    expect(effectsOfLast(...UP, "stop", "killDue")).toEqual(["kill"]);
    expect(stateAfter(...UP, "stop", "killDue")).toBe("stopping");
    expect(stateAfter(...UP, "stop", "killDue", "crash")).toBe("stopped");
  });

  test("wins over a start that waits for the process to be gone", () => {
    expect(stateAfter(...UP, "stop", "start", "stop", "end")).toBe("stopped");
  });

  test("wins over a restart", () => {
    expect(stateAfter(...UP, "restart", "stop", "end")).toBe("stopped");
    expect(stateAfter(...UP, "restartLater", "stop", "end")).toBe("stopped");
  });

  test("is itself overtaken by a later start", () => {
    expect(stateAfter(...UP, "restart", "stop", "start", "end")).toBe("starting");
  });

  test("makes a natural end that is under way a stop", () => {
    expect(stateAfter(...UP, "stopped", "stop", "end")).toBe("stopped");
  });

  test.each([
    ["stopped", [...UP, "stop", "end"]],
    ["exited", [...UP, "end"]],
    ["failed", [...UP, "crash"]],
  ] as const)("of a task that is %s changes nothing", (state, story) => {
    expect(stateAfter(...story, "stop")).toBe(state);
    expect(effectsOfLast(...story, "stop")).toEqual([]);
  });
});

describe("a task that ends by itself", () => {
  test("gets the same patience after its own stopped as after a stop, but is not asked", () => {
    expect(effectsOfLast(...UP, "stopped")).toEqual(["fire on_exit", "awaitEnd"]);
    expect(effectsOfLast(...UP, "stopped", "killDue")).toEqual(["kill"]);
  });

  test("may go on after its own exited", () => {
    expect(stateAfter(...UP, "exited")).toBe("running");
    expect(countOf("fire on_update", ...UP, "exited", "updated")).toBe(1);
  });

  test("is asked to leave when it says it could not start", () => {
    expect(effectsOfLast("start", "spawned", "unfit")).toEqual([
      "disarm ready",
      "askToStop",
      "fire on_fail",
      "awaitEnd",
    ]);
    expect(stateAfter("start", "spawned", "unfit")).toBe("stopping");
    expect(stateAfter("start", "spawned", "unfit", "crash")).toBe("failed");
  });

  test("may announce its failure while it ends", () => {
    expect(effectsOfLast(...UP, "stopped", "failed")).toEqual(["fire on_fail"]);
    expect(stateAfter(...UP, "stopped", "failed", "crash")).toBe("failed");
  });

  test("lives on after it has announced a failure, and can be restarted then", () => {
    expect(stateAfter(...UP, "failed")).toBe("running");
    expect(stateAfter(...UP, "failed", "restart", "end")).toBe("starting");
  });
});

describe("a restart", () => {
  test("stops first and starts when the process is gone", () => {
    expect(effectsOfLast(...UP, "restart")).toEqual(["askToStop", "awaitEnd"]);
    expect(stateAfter(...UP, "restart")).toBe("stopping");
    expect(effectsOfLast(...UP, "restart", "stopped", "end")).toEqual(["disarm grace", "spawn"]);
    expect(stateAfter(...UP, "restart", "stopped", "end")).toBe("starting");
  });

  test("starts, too, when there was nothing to stop after all", () => {
    expect(stateAfter("start", "restart", "spawnFailed")).toBe("starting");
  });

  test("spawns once, also when it comes twice", () => {
    expect(countOf("spawn", ...UP, "restart", "restart", "end")).toBe(2);
  });

  test.each([
    ["stopped", [...UP, "stop", "end"]],
    ["exited", [...UP, "end"]],
    ["failed", [...UP, "crash"]],
  ] as const)("of a task that is %s is a start", (_, story) => {
    expect(stateAfter(...story, "restart")).toBe("starting");
  });
});

describe("a start that is held back", () => {
  test("waits, and comes when its time has come", () => {
    expect(stateAfter("startLater")).toBe("backingOff");
    expect(effectsOfLast("startLater")).toEqual(["backOff"]);
    expect(lifeAfter("startLater").standing.life.delayMs).toBe(HELD_BACK_MS);
    expect(effectsOfLast("startLater", "backoffOver")).toEqual(["disarm backoff", "spawn"]);
    expect(stateAfter("startLater", "backoffOver")).toBe("starting");
  });

  test("is cancelled by a stop, and the provider says that the task is stopped", () => {
    expect(stateAfter("startLater", "stop")).toBe("stopped");
    expect(effectsOfLast("startLater", "stop")).toEqual(["disarm backoff", "announce stopped"]);
  });

  test("does not begin to wait anew when another one comes", () => {
    expect(effectsOfLast("startLater", "startLater")).toEqual([]);
    expect(effectsOfLast("startLater", "restartLater")).toEqual([]);
  });

  test.each(["start", "restart"] as const)("gives way to a %s that nobody holds back", (command) => {
    expect(effectsOfLast("startLater", command)).toEqual(["disarm backoff", "spawn"]);
  });

  test("waits once the process of the run before is gone", () => {
    expect(stateAfter(...UP, "restartLater")).toBe("stopping");
    expect(effectsOfLast(...UP, "restartLater", "end")).toEqual(["disarm grace", "announce stopped", "backOff"]);
    expect(stateAfter(...UP, "stop", "startLater", "end")).toBe("backingOff");
  });

  test("goes by what was asked last while the process is still there", () => {
    expect(stateAfter(...UP, "restartLater", "start", "end")).toBe("starting");
    expect(stateAfter(...UP, "restart", "startLater", "end")).toBe("backingOff");
  });

  test.each([
    ["stopped", [...UP, "stop", "end"]],
    ["exited", [...UP, "end"]],
    ["failed", [...UP, "crash"]],
  ] as const)("waits from %s as well", (_, story) => {
    expect(stateAfter(...story, "startLater")).toBe("backingOff");
    expect(stateAfter(...story, "restartLater")).toBe("backingOff");
  });
});

describe("the provider speaks for a task", () => {
  test("that ended without a word", () => {
    expect(effectsOfLast(...UP, "end")).toContain("announce stopped");
    expect(effectsOfLast(...UP, "stop", "crash")).toContain("announce stopped");
    expect(effectsOfLast("start", "stop", "spawnFailed")).toContain("announce stopped");
  });

  test("that failed without a word", () => {
    expect(effectsOfLast(...UP, "crash")).toContain("announce failed");
    expect(effectsOfLast("start", "spawned", "unfit", "crash")).toContain("announce failed");
  });

  test("and keeps silent when it has announced its own end", () => {
    expect(countOf("announce stopped", ...UP, "stopped", "end")).toBe(0);
    expect(countOf("announce stopped", ...UP, "exited", "end")).toBe(0);
    expect(countOf("announce stopped", ...UP, "stop", "stopped", "end")).toBe(0);
    expect(countOf("announce stopped", ...UP, "failed", "stop", "stopped", "end")).toBe(0);
  });

  test("and keeps silent when it has announced its own failure", () => {
    expect(countOf("announce failed", ...UP, "failed", "crash")).toBe(0);
    expect(countOf("announce failed", ...UP, "failed", "stopped", "end")).toBe(0);
    expect(countOf("announce failed", ...UP, "stopped", "failed", "crash")).toBe(0);
  });

  test("once, for one end", () => {
    expect(countOf("announce stopped", ...UP, "end", "stop", "end", "crash")).toBe(1);
    expect(countOf("announce failed", ...UP, "crash", "stop", "crash")).toBe(1);
  });
});

describe("a task that depends on others", () => {
  test("is blocked until all of them are ready", () => {
    expect(stateAfter("needsOther", "start")).toBe("blocked");
    expect(effectsOfLast("needsOther", "start")).toEqual([]);
    expect(lifeAfter("needsOther", "start").standing.life.missing).toEqual([{ id: "ts_1", state: "starting" }]);
    expect(effectsOfLast("needsOther", "start", "needsNobody")).toEqual(["spawn"]);
    expect(stateAfter("needsOther", "start", "needsNobody")).toBe("starting");
  });

  test("passes through when they are ready", () => {
    expect(stateAfter("needsOther", "needsNobody", "start")).toBe("starting");
  });

  test("is not stopped when one of them goes, and waits for it before its own next run", () => {
    expect(effectsOfLast(...UP, "needsOther")).toEqual([]);
    expect(stateAfter(...UP, "needsOther")).toBe("running");
    expect(stateAfter(...UP, "needsOther", "restart", "end")).toBe("blocked");
    expect(stateAfter(...UP, "needsOther", "crashAndBack", "backoffOver")).toBe("blocked");
  });

  test("hears of them in whatever state it is, but for nothing else to happen", () => {
    const stories: Word[][] = [[], ["start"], [...UP], [...UP, "stop"], [...UP, "stop", "end"], [...UP, "crash"]];
    const waiting: Word[][] = [["startLater"], [...UP, "readyLate"], [...UP, "silent"], [...UP, "stuck"]];

    for (const story of [...stories, ...waiting]) {
      expect(lifeAfter(...story, "needsOther").standing.life.missing).toEqual([{ id: "ts_1", state: "starting" }]);
      expect(stateAfter(...story, "needsOther")).toBe(stateAfter(...story));
      expect(effectsOfLast(...story, "needsOther")).toEqual([]);
    }
  });

  test.each(["stop", "stopSoon"] as const)("waits no more after a %s, and the provider says so", (command) => {
    expect(stateAfter("needsOther", "start", command)).toBe("stopped");
    expect(effectsOfLast("needsOther", "start", command)).toEqual(["announce stopped"]);
    expect(stateAfter("needsOther", "start", command, "needsNobody")).toBe("stopped");
  });

  test("is neither alive nor at rest while it waits, and what is said of it counts for nothing", () => {
    expect(stateAfter("needsOther", "start", "started", "ready", "failed", "start", "restart")).toBe("blocked");
    expect(isPending("blocked")).toBe(true);
  });
});

describe("a task that somebody else calls ready", () => {
  test("is not running by its own word, which is kept all the same", () => {
    expect(effectsOfLast("start", "spawned", "startedButProbed")).toEqual([]);
    expect(stateAfter("start", "spawned", "startedButProbed")).toBe("starting");
  });

  test("runs when its probe succeeds, and its start is announced once", () => {
    expect(effectsOfLast("start", "spawned", "startedButProbed", "ready")).toEqual(["disarm ready", "fire on_start"]);
    expect(effectsOfLast("start", "spawned", "ready")).toEqual(["disarm ready", "announce started", "fire on_start"]);
    expect(effectsOfLast("start", "spawned", "ready", "startedButProbed")).toEqual([]);
  });

  test("is late when the probe does not succeed, whatever the task said", () => {
    expect(stateAfter("start", "spawned", "startedButProbed", "readyLate")).toBe("unready");
  });

  test("forgets its word in the next run", () => {
    const again = ["start", "spawned", "startedButProbed", "crash", "start", "spawned", "ready"] as const;

    expect(effectsOfLast(...again)).toContain("announce started");
  });
});

describe.each([
  ["unready", ["start", "spawned", "readyLate"], "not ready within 30 s", ["disarm ready", "askToStop", "awaitEnd"]],
  ["unresponsive", [...UP, "silent"], "no heartbeat for 5 s", ["askToStop", "awaitEnd"]],
  ["stopping", [...UP, "tooLarge"], "its processes hold 300 MiB, more than 200 MiB", ["askToStop", "awaitEnd"]],
] as const)("a task at fault, and so %s", (state, story, fault, effects) => {
  test("is asked to leave, and killed when it does not", () => {
    expect(stateAfter(...story)).toBe(state);
    expect(effectsOfLast(...story)).toEqual(effects);
    expect(effectsOfLast(...story, "killDue")).toEqual(["kill"]);
  });

  test.each(["end", "crash"] as const)("has failed for that reason, also when it then comes to its %s", (end) => {
    expect(stateAfter(...story, end)).toBe("failed");
    expect(effectsOfLast(...story, end)).toEqual(["disarm grace", "announce failed", "fire on_fail"]);
    expect(lifeAfter(...story, end).standing.life.reason).toBe(fault);
  });

  test("has failed though it says that it has stopped, and no natural end is seen in it", () => {
    expect(stateAfter(...story, "stopped", "end")).toBe("failed");
    expect(countOf("fire on_exit", ...story, "exited", "stopped", "end")).toBe(0);
    expect(countOf("fire on_fail", ...story, "stopped", "end")).toBe(1);
  });

  test("fires on_fail once, also when it announces a failure of its own", () => {
    expect(countOf("fire on_fail", ...story, "failed", "end")).toBe(1);
    expect(countOf("announce failed", ...story, "failed", "end")).toBe(0);
  });

  test("comes back when it is to", () => {
    expect(effectsOfLast(...story, "endAndBack")).toEqual([
      "disarm grace",
      "announce failed",
      "fire on_fail",
      "backOff",
    ]);
    expect(stateAfter(...story, "endAndBack")).toBe("backingOff");
    expect(lifeAfter(...story, "endAndBack").standing.life.reason).toBe(fault);
  });

  test("is stopped when somebody asks meanwhile, and is asked no second time", () => {
    expect(effectsOfLast(...story, "stop")).toEqual([]);
    expect(stateAfter(...story, "stop", "end")).toBe("stopped");
    expect(countOf("fire on_fail", ...story, "stop", "end")).toBe(0);
  });

  test.each(["start", "restart"] as const)("runs again after a %s that came meanwhile", (word) => {
    expect(stateAfter(...story, word, "end")).toBe("starting");
    expect(effectsOfLast(...story, word, "end").at(-1)).toBe("spawn");
  });

  test("does not come to life again by a late word, nor go through it twice", () => {
    for (const word of ["started", "ready", "readyLate", "silent", "tooLarge", "unfit"] as const) {
      expect(stateAfter(...story, word)).toBe(state);
      expect(effectsOfLast(...story, word)).toEqual([]);
    }
  });
});

test("a task may fall silent before it is ready", () => {
  expect(effectsOfLast("start", "spawned", "silent")).toEqual(["disarm ready", "askToStop", "awaitEnd"]);
  expect(stateAfter("start", "spawned", "silent")).toBe("unresponsive");
});

test("a task that was asked to stop is at fault no more, whatever is found out about it", () => {
  for (const word of ["readyLate", "silent", "tooLarge"] as const) {
    expect(stateAfter(...UP, "stop", word, "end")).toBe("stopped");
    expect(lifeAfter(...UP, "stop", word).standing.life.fault).toBeUndefined();
  }
});

describe("a process that leaves others behind", () => {
  test("is not gone before they are, and has a grace period from then on", () => {
    expect(stateAfter(...UP, "lingers")).toBe("stopping");
    expect(effectsOfLast(...UP, "lingers")).toEqual(["awaitEnd"]);
    expect(effectsOfLast("start", "spawned", "lingers")).toEqual(["disarm ready", "awaitEnd"]);
    expect(effectsOfLast(...UP, "lingers", "killDue")).toEqual(["kill"]);
  });

  test("has ended the way its leader did", () => {
    expect(stateAfter(...UP, "lingers", "end")).toBe("exited");
    expect(effectsOfLast(...UP, "lingers", "end")).toEqual(["disarm grace", "announce stopped", "fire on_exit"]);
    expect(stateAfter(...UP, "lingers", "crash")).toBe("failed");
    expect(stateAfter(...UP, "lingers", "crashAndBack")).toBe("backingOff");
  });

  test("has no second grace period where it is being stopped already", () => {
    expect(effectsOfLast(...UP, "stop", "lingers")).toEqual([]);
    expect(stateAfter(...UP, "stop", "lingers")).toBe("stopping");
    expect(stateAfter(...UP, "silent", "lingers")).toBe("unresponsive");
  });
});

describe("a task that can't be ended", () => {
  const STUCK = [...UP, "stop", "killDue", "stuck"] as const;

  test("is stuck, for everybody to see, and never stopped", () => {
    expect(stateAfter(...STUCK)).toBe("stuck");
    expect(effectsOfLast(...STUCK)).toEqual(["disarm grace"]);
    expect(lifeAfter(...STUCK).standing.life.stuck).toBe("pid 4312 (sh): in state D");
    expect(hasProcess("stuck")).toBe(true);
  });

  test("is stopped once it is gone after all", () => {
    expect(stateAfter(...STUCK, "crash")).toBe("stopped");
    expect(effectsOfLast(...STUCK, "crash")).toEqual(["announce stopped"]);
  });

  test("stays so, whatever it says or is asked", () => {
    for (const word of ["started", "stopped", "failed", "stop", "stopSoon", "start", "restart", "stuck"] as const)
      expect(stateAfter(...STUCK, word)).toBe("stuck");
  });

  test("runs again after its end when that was asked meanwhile, and not when it was stopped again", () => {
    expect(stateAfter(...STUCK, "start", "crash")).toBe("starting");
    expect(stateAfter(...STUCK, "start", "stop", "crash")).toBe("stopped");
    expect(stateAfter(...STUCK, "start", "stopSoon", "crash")).toBe("stopped");
  });

  test("has failed or ended by itself, where nobody asked it to", () => {
    expect(stateAfter(...UP, "lingers", "killDue", "stuck", "crash")).toBe("failed");
    expect(stateAfter(...UP, "lingers", "killDue", "stuck", "end")).toBe("exited");
    expect(stateAfter(...UP, "stuck", "crashAndBack")).toBe("backingOff");
  });

  test("is not waited for with a start that may never come", () => {
    expect(effectsOfLast("start", "spawned", "stuck")).toEqual(["disarm ready"]);
  });
});

describe("a task that ends by itself and is to run again", () => {
  test.each([
    ["its natural end", "endAndBack", ["announce stopped", "fire on_exit", "backOff"]],
    ["its crash", "crashAndBack", ["announce failed", "fire on_fail", "backOff"]],
  ] as const)("waits after %s, which is told and fires its trigger", (_, word, effects) => {
    expect(stateAfter(...UP, word)).toBe("backingOff");
    expect(effectsOfLast(...UP, word)).toEqual(effects);
    expect(lifeAfter(...UP, word).standing.life.delayMs).toBe(HELD_BACK_MS);
    expect(stateAfter(...UP, word, "backoffOver")).toBe("starting");
  });

  test("waits, too, when it could not be spawned", () => {
    expect(stateAfter("start", "spawnFailedAndBack")).toBe("backingOff");
    expect(effectsOfLast("start", "spawnFailedAndBack")).toEqual([
      "disarm ready",
      "announce failed",
      "fire on_fail",
      "backOff",
    ]);
    expect(lifeAfter("start", "spawnFailedAndBack").standing.life.reason).toBe("no memory");
  });

  test("fires nothing again that has fired at its own word, and announces nothing it has announced", () => {
    expect(effectsOfLast(...UP, "failed", "crashAndBack")).toEqual(["announce stopped", "backOff"]);
    expect(effectsOfLast(...UP, "failed", "endAndBack")).toEqual(["announce stopped", "backOff"]);
    expect(effectsOfLast(...UP, "stopped", "crashAndBack")).toEqual(["disarm grace", "backOff"]);
    expect(effectsOfLast(...UP, "exited", "endAndBack")).toEqual(["backOff"]);
    expect(effectsOfLast("start", "spawned", "unfit", "crashAndBack")).toEqual([
      "disarm grace",
      "announce failed",
      "backOff",
    ]);
  });

  test("keeps the first reason of the run while it waits", () => {
    expect(lifeAfter(...UP, "failed", "crashAndBack").standing.life.reason).toBe("the disk is full");
  });

  test("does not, when it was stopped", () => {
    for (const command of ["stop", "stopSoon"] as const)
      expect(stateAfter(...UP, command, "crashAndBack")).toBe("stopped");
    expect(stateAfter(...UP, "crashAndBack", "stop")).toBe("stopped");
    expect(stateAfter(...UP, "crashAndBack", "stopSoon")).toBe("stopped");
    expect(stateAfter(...UP, "crashAndBack", "stop", "backoffOver")).toBe("stopped");
  });

  test("goes by what somebody has asked for, where somebody has", () => {
    expect(stateAfter(...UP, "restart", "crashAndBack")).toBe("starting");
    expect(lifeAfter(...UP, "restartLater", "crashAndBack").standing.life.delayMs).toBe(HELD_BACK_MS);
  });
});

describe("a stop that waits for those who need the task", () => {
  test("leaves the task in peace until then", () => {
    expect(effectsOfLast(...UP, "stopSoon")).toEqual([]);
    expect(stateAfter(...UP, "stopSoon")).toBe("running");
    expect(effectsOfLast(...UP, "stopSoon", "stop")).toEqual(["askToStop", "awaitEnd"]);
  });

  test("lets what the task does meanwhile be no event of its own", () => {
    for (const word of ["updated", "failed", "exited", "stopped", "unfit", "end", "crash"] as const)
      for (const effect of ["fire on_update", "fire on_fail", "fire on_exit"] as const)
        expect(countOf(effect, ...UP, "stopSoon", word)).toBe(0);
  });

  test("lets it become ready, but fires nothing by that", () => {
    expect(stateAfter("start", "spawned", "stopSoon", "started")).toBe("running");
    expect(countOf("fire on_start", "start", "spawned", "stopSoon", "started")).toBe(0);
    expect(effectsOfLast("start", "spawned", "stopSoon", "ready")).toEqual(["disarm ready", "announce started"]);
  });

  test.each(["end", "crash", "crashAndBack"] as const)("makes its %s a stop", (end) => {
    expect(stateAfter(...UP, "stopSoon", end)).toBe("stopped");
  });

  test("wins over a start that waits for the process to be gone", () => {
    expect(stateAfter(...UP, "restart", "stopSoon", "end")).toBe("stopped");
  });

  test("ends a wait at once", () => {
    expect(stateAfter("startLater", "stopSoon")).toBe("stopped");
    expect(effectsOfLast("startLater", "stopSoon")).toEqual(["disarm backoff", "announce stopped"]);
  });

  test.each([
    ["defined", []],
    ["stopped", [...UP, "stop", "end"]],
    ["exited", [...UP, "end"]],
    ["failed", [...UP, "crash"]],
  ] as const)("means nothing to a task that is %s", (state, story) => {
    expect(stateAfter(...story, "stopSoon")).toBe(state);
    expect(effectsOfLast(...story, "stopSoon")).toEqual([]);
  });

  test("is overtaken by a restart", () => {
    expect(stateAfter(...UP, "stopSoon", "restart", "end")).toBe("starting");
  });
});

describe("a task whose restart is refused", () => {
  const refusal = "it has ended more than 5 times within 60 s";

  test("has failed, though it had ended well, and the provider says so", () => {
    expect(stateAfter(...UP, "end", "givenUp")).toBe("failed");
    expect(effectsOfLast(...UP, "end", "givenUp")).toEqual(["announce failed"]);
    expect(lifeAfter(...UP, "end", "givenUp").standing.life).toMatchObject({ reason: undefined, refusal });
    expect(lifeAfter(...UP, "end", "givenUp").effects.at(-1)).toMatchObject([{ reason: refusal }]);
  });

  test("has failed for that reason as well, where it had failed", () => {
    expect(stateAfter(...UP, "crash", "givenUp")).toBe("failed");
    expect(effectsOfLast(...UP, "crash", "givenUp")).toEqual([]);
    expect(lifeAfter(...UP, "crash", "givenUp").standing.life).toMatchObject({
      reason: "the process was ended by SIGSEGV",
      refusal,
    });
  });

  test("fires no trigger by that", () => {
    for (const end of ["end", "crash"] as const)
      for (const effect of ["fire on_fail", "fire on_exit"] as const)
        expect(countOf(effect, ...UP, end, "givenUp")).toBe(countOf(effect, ...UP, end));
  });

  test.each([
    ["runs", UP],
    ["is starting", ["start"]],
    ["waits", ["startLater"]],
    ["was stopped", [...UP, "stop", "end"]],
    ["is being stopped", [...UP, "stop"]],
  ] as const)("goes on as before when it %s", (_, story) => {
    expect(stateAfter(...story, "givenUp")).toBe(stateAfter(...story));
    expect(effectsOfLast(...story, "givenUp")).toEqual([]);
  });

  test("may be started by hand", () => {
    expect(stateAfter(...UP, "end", "givenUp", "start")).toBe("starting");
    expect(lifeAfter(...UP, "end", "givenUp", "start").standing.life).toMatchObject({
      reason: undefined,
      refusal: undefined,
    });
  });
});

describe("a task that an earlier provider has left", () => {
  test.each(["defined", "stopped", "exited", "failed"] as const)("is %s as it was", (state) => {
    expect(restoredStanding({ state: state, runs: 3 })).toMatchObject({ state, life: { run: 3, pid: undefined } });
  });

  test.each(["starting", "running", "stopping", "unready", "unresponsive", "stuck", "backingOff", "blocked"] as const)(
    "was %s, and no process of it lives now",
    (state) => {
      expect(restoredStanding({ state: state, runs: 3 }).state).toBe("stopped");
    },
  );

  test.each(["defined", "stopped", "exited", "failed", "running"] as const)(
    "%s: runs on command, and counts on",
    (state) => {
      const [next, effects] = advance(restoredStanding({ state: state, runs: 3 }), EVENTS.start);

      expect(next).toMatchObject({ state: "starting", life: { run: 4, saidEnded: false, saidFailed: false } });
      expect(effects).toEqual([{ type: "spawn" }]);
    },
  );

  test.each(["stopped", "exited", "failed"] as const)("%s: says nothing about its end again", (state) => {
    expect(advance(restoredStanding({ state: state, runs: 3 }), EVENTS.stop)[1]).toEqual([]);
  });

  test("waits for those it depends on", () => {
    const [dependent] = advance(restoredStanding({ state: "running", runs: 1 }), EVENTS.needsOther);

    expect(advance(dependent, EVENTS.start)[0].state).toBe("blocked");
  });
});

test.each<[string, Word[], boolean]>([
  ["was never started", [], false],
  ["runs", [...UP], true],
  ["is starting", ["start"], true],
  ["waits for its backoff", [...UP, "crashAndBack"], true],
  ["waits for others", ["needsOther", "start"], true],
  ["is to be stopped soon", [...UP, "stopSoon"], false],
  ["is being stopped", [...UP, "stop"], false],
  ["is being restarted", [...UP, "restart"], true],
  ["is being stopped, and started after that", [...UP, "stop", "start"], true],
  ["is at fault", [...UP, "silent"], true],
  ["is stuck on its way to a stop", [...UP, "stop", "stuck"], false],
  ["was stopped while it waited to be restarted", [...UP, "restartLater", "end", "stop"], false],
  ["has failed", [...UP, "crash"], false],
])("whether a task is wanted that %s: %#", (_, story, isWantedThen) => {
  expect(isWanted(lifeAfter(...story).standing)).toBe(isWantedThen);
});

test("what a task says when it is not alive changes nothing", () => {
  const stories: Word[][] = [
    [],
    ["startLater"],
    [...UP, "stop", "end"],
    [...UP, "end"],
    [...UP, "crash"],
    ["start", "spawnFailed"],
  ];

  for (const story of stories) {
    for (const word of ANNOUNCEMENTS) {
      expect(effectsOfLast(...story, word)).toEqual([]);
      expect(lifeAfter(...story, word).standing.life).toEqual(lifeAfter(...story).standing.life);
      expect(stateAfter(...story, word)).toBe(stateAfter(...story));
    }
  }
});

test("a task that has never run takes nothing but commands", () => {
  const commands: Word[] = ["define", "start", "startLater", "restart", "restartLater", "stop"];

  for (const word of WORDS.filter((other) => !commands.includes(other))) {
    expect(effectsOfLast(word)).toEqual([]);
    expect(stateAfter(word)).toBe("defined");
  }
});

test("an event leaves the standing before it as it was", () => {
  const { standing } = lifeAfter("start");
  const { state, life } = structuredClone({ state: standing.state, life: standing.life });

  advance(standing, EVENTS.crash);

  expect(standing).toMatchObject({ state, life });
});

test.each([
  ["defined", false, true],
  ["backingOff", false, false],
  ["blocked", false, false],
  ["starting", true, false],
  ["running", true, false],
  ["stopping", true, false],
  ["unready", true, false],
  ["unresponsive", true, false],
  ["stuck", true, false],
  ["stopped", false, true],
  ["exited", false, true],
  ["failed", false, true],
] as const)("%s: a process may live: %s; nothing is under way: %s", (state, alive, atRest) => {
  expect(hasProcess(state)).toBe(alive);
  expect(isAtRest(state)).toBe(atRest);
  expect(isPending(state)).toBe(!alive && !atRest);
});
