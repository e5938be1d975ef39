import { describe, expect, test } from "vitest";
import { follow, isAlive, isAtRest, newborn } from "../../../src/context/lifecycle.ts";
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
    expect(newborn().life.run).toBe(0);
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

    expect(life).toEqual({ ...newborn().life, run: 2 });
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
    expect(effectsOfLast(...UP, "stop", "start", "end")).toEqual(["disarmGrace", "sayStopped", "spawn"]);
    expect(stateAfter(...UP, "stop", "start", "end")).toBe("starting");
  });

  test("of a task that is stopping by itself waits as well", () => {
    expect(stateAfter(...UP, "stopped", "start", "end")).toBe("starting");
    expect(stateAfter("start", "unfit", "start", "crash")).toBe("starting");
  });

  test("that could not spawn fails, and fires on_fail", () => {
    expect(stateAfter("start", "spawnFailed")).toBe("failed");
    expect(effectsOfLast("start", "spawnFailed")).toEqual(["disarmReady", "fireOnFail", "sayFailed"]);
    expect(lifeAfter("start", "spawnFailed").standing.life.reason).toBe("no such service");
  });
});

describe("a task on demand", () => {
  test("is announced as created when it is defined, and nothing runs", () => {
    expect(effectsOfLast("define")).toEqual(["sayCreated"]);
    expect(stateAfter("define")).toBe("defined");
  });

  test("is only announced while it has never run", () => {
    for (const story of [["start"], UP, [...UP, "stop"], [...UP, "end"], [...UP, "crash"], ["startLater"]] as Word[][])
      expect(effectsOfLast(...story, "define")).toEqual([]);
  });

  test("runs when it is started or restarted", () => {
    expect(stateAfter("define", "start")).toBe("starting");
    expect(stateAfter("define", "restart")).toBe("starting");
  });

  test("is over when it is stopped before it ever ran, and the provider says so", () => {
    expect(stateAfter("define", "stop")).toBe("stopped");
    expect(effectsOfLast("define", "stop")).toEqual(["sayStopped"]);
  });
});

describe("on_start", () => {
  test("fires on the first started of a run", () => {
    expect(effectsOfLast(...UP)).toEqual(["disarmReady", "fireOnStart"]);
  });

  test("fires once per run, however often the task says it", () => {
    expect(countOf("fireOnStart", ...UP, "started", "started")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fireOnStart", ...UP, "restart", "stopped", "end", "spawned", "started")).toBe(2);
  });

  test("does not fire for a task that says it could not start", () => {
    expect(countOf("fireOnStart", "start", "spawned", "unfit", "started", "crash")).toBe(0);
  });

  test("does not fire once the task was asked to stop", () => {
    expect(countOf("fireOnStart", "start", "spawned", "stop", "started", "end")).toBe(0);
  });
});

describe("a process that has lived long enough", () => {
  test("counts as started: the provider says so, and on_start fires", () => {
    expect(effectsOfLast("start", "spawned")).toEqual(["armReady"]);
    expect(effectsOfLast("start", "spawned", "ready")).toEqual(["disarmReady", "sayStarted", "fireOnStart"]);
    expect(stateAfter("start", "spawned", "ready")).toBe("running");
  });

  test("is waited for only while the task has not started", () => {
    expect(countOf("disarmReady", ...UP)).toBe(1);
    expect(effectsOfLast(...UP, "ready")).toEqual([]);
    expect(effectsOfLast("start", "started", "spawned")).toEqual([]);
    expect(effectsOfLast("start", "stop", "spawned")).toEqual([]);
    expect(effectsOfLast("start", "spawned", "stop", "ready")).toEqual([]);
  });

  test("may say so itself later, which is nothing new", () => {
    expect(countOf("fireOnStart", "start", "spawned", "ready", "started")).toBe(1);
    expect(stateAfter("start", "spawned", "ready", "started")).toBe("running");
  });

  test("may still say that it could not start", () => {
    expect(stateAfter("start", "spawned", "ready", "unfit", "crash")).toBe("failed");
  });

  test.each([
    ["end", "exited"],
    ["crash", "failed"],
  ] as const)("has never started when it comes to its %s before that", (end, state) => {
    expect(countOf("sayStarted", "start", "spawned", end, "ready")).toBe(0);
    expect(countOf("fireOnStart", "start", "spawned", end, "ready")).toBe(0);
    expect(stateAfter("start", "spawned", end, "ready")).toBe(state);
  });
});

describe("on_update", () => {
  test("fires on every updated", () => {
    expect(countOf("fireOnUpdate", ...UP, "updated", "updated", "updated")).toBe(3);
  });

  test("fires before the task has said started, too", () => {
    expect(countOf("fireOnUpdate", "start", "spawned", "updated")).toBe(1);
  });

  test("does not fire once the task was asked to stop", () => {
    expect(countOf("fireOnUpdate", ...UP, "stop", "updated", "end")).toBe(0);
    expect(countOf("fireOnUpdate", ...UP, "restart", "updated")).toBe(0);
  });
});

describe("on_fail", () => {
  test.each([
    ["failed is announced", ["failed"]],
    ["the task says it could not start", ["unfit"]],
    ["the process ends abnormally", ["crash"]],
  ] as const)("fires when %s", (_, [word]) => {
    expect(effectsOfLast("start", "spawned", word)).toContain("fireOnFail");
    expect(effectsOfLast(...UP, word)).toContain("fireOnFail");
  });

  test("fires once per run, whatever else goes wrong in it", () => {
    expect(countOf("fireOnFail", ...UP, "failed", "failed", "crash")).toBe(1);
    expect(countOf("fireOnFail", "start", "spawned", "unfit", "failed", "unfit", "crash")).toBe(1);
    expect(countOf("fireOnFail", ...UP, "failed", "stopped", "failed", "crash")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fireOnFail", ...UP, "crash", "start", "spawned", "crash")).toBe(2);
  });

  test("does not fire once the task was asked to stop, however it ends", () => {
    for (const ending of [["failed", "crash"], ["crash"], ["unfit", "end"], ["spawnFailed"]] as Word[][]) {
      expect(countOf("fireOnFail", "start", "stop", ...ending)).toBe(0);
      expect(countOf("fireOnFail", "start", "restart", ...ending)).toBe(0);
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
    expect(effectsOfLast(...UP, "end")).toEqual(["fireOnExit", "sayStopped"]);
    expect(stateAfter(...UP, "end")).toBe("exited");
  });

  test("fires when the process ends with code 0 before it has said started", () => {
    expect(effectsOfLast("start", "spawned", "end")).toEqual(["disarmReady", "fireOnExit", "sayStopped"]);
  });

  test.each(["stopped", "exited"] as const)("fires on the task's own %s, and not again at its end", (word) => {
    expect(effectsOfLast(...UP, word)).toContain("fireOnExit");
    expect(countOf("fireOnExit", ...UP, word, "end")).toBe(1);
    expect(stateAfter(...UP, word, "end")).toBe("exited");
  });

  test("fires once per run, however often the task announces its end", () => {
    expect(countOf("fireOnExit", ...UP, "exited", "exited", "stopped", "stopped", "end")).toBe(1);
  });

  test("fires again in the next run", () => {
    expect(countOf("fireOnExit", ...UP, "stopped", "end", ...UP, "end")).toBe(2);
  });

  test.each(["stop", "restart"] as const)("never fires after a %s", (command) => {
    for (const ending of [["end"], ["stopped", "end"], ["exited", "stopped", "end"], ["crash"]] as Word[][])
      expect(countOf("fireOnExit", ...UP, command, ...ending)).toBe(0);
  });

  test("does not fire for a task that has announced its failure, though its code be 0", () => {
    for (const ending of [["end"], ["stopped", "end"], ["exited", "end"]] as Word[][]) {
      expect(countOf("fireOnExit", ...UP, "failed", ...ending)).toBe(0);
      expect(stateAfter(...UP, "failed", ...ending)).toBe("failed");
    }
  });

  test("does not fire for a task that could not start, though its code be 0", () => {
    expect(countOf("fireOnExit", "start", "spawned", "unfit", "stopped", "end")).toBe(0);
    expect(stateAfter("start", "spawned", "unfit", "stopped", "end")).toBe("failed");
  });

  test("has the last word when the task announced its end before its process crashed", () => {
    expect(stateAfter(...UP, "stopped", "crash")).toBe("exited");
    expect(countOf("fireOnFail", ...UP, "stopped", "crash")).toBe(0);
  });
});

describe("a stop", () => {
  test("asks the task, and sets a limit to its patience", () => {
    expect(effectsOfLast(...UP, "stop")).toEqual(["askToStop", "armGrace"]);
    expect(stateAfter(...UP, "stop")).toBe("stopping");
  });

  test("is over when the process is gone, not when the task says so", () => {
    expect(stateAfter(...UP, "stop", "stopped")).toBe("stopping");
    expect(stateAfter(...UP, "stop", "stopped", "end")).toBe("stopped");
    expect(effectsOfLast(...UP, "stop", "stopped", "end")).toEqual(["disarmGrace"]);
  });

  test("ends as stopped, however the process left", () => {
    expect(stateAfter(...UP, "stop", "crash")).toBe("stopped");
    expect(stateAfter(...UP, "failed", "stop", "crash")).toBe("stopped");
  });

  test("works while the task is starting, before and after there is a process", () => {
    expect(effectsOfLast("start", "stop")).toEqual(["disarmReady", "askToStop", "armGrace"]);
    expect(stateAfter("start", "stop", "end")).toBe("stopped");
    expect(stateAfter("start", "spawned", "stop", "end")).toBe("stopped");
    expect(stateAfter("start", "stop", "spawnFailed")).toBe("stopped");
  });

  test("is not undone by a late started", () => {
    expect(stateAfter("start", "spawned", "stop", "started")).toBe("stopping");
  });

  test("asks once, also when it comes twice", () => {
    expect(countOf("askToStop", ...UP, "stop", "stop", "stop")).toBe(1);
    expect(countOf("armGrace", ...UP, "stop", "stop", "stop")).toBe(1);
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
    expect(effectsOfLast(...UP, "stopped")).toEqual(["fireOnExit", "armGrace"]);
    expect(effectsOfLast(...UP, "stopped", "killDue")).toEqual(["kill"]);
  });

  test("may go on after its own exited", () => {
    expect(stateAfter(...UP, "exited")).toBe("running");
    expect(countOf("fireOnUpdate", ...UP, "exited", "updated")).toBe(1);
  });

  test("is asked to leave when it says it could not start", () => {
    expect(effectsOfLast("start", "spawned", "unfit")).toEqual(["disarmReady", "askToStop", "fireOnFail", "armGrace"]);
    expect(stateAfter("start", "spawned", "unfit")).toBe("stopping");
    expect(stateAfter("start", "spawned", "unfit", "crash")).toBe("failed");
  });

  test("may announce its failure while it ends", () => {
    expect(effectsOfLast(...UP, "stopped", "failed")).toEqual(["fireOnFail"]);
    expect(stateAfter(...UP, "stopped", "failed", "crash")).toBe("failed");
  });

  test("lives on after it has announced a failure, and can be restarted then", () => {
    expect(stateAfter(...UP, "failed")).toBe("running");
    expect(stateAfter(...UP, "failed", "restart", "end")).toBe("starting");
  });
});

describe("a restart", () => {
  test("stops first and starts when the process is gone", () => {
    expect(effectsOfLast(...UP, "restart")).toEqual(["askToStop", "armGrace"]);
    expect(stateAfter(...UP, "restart")).toBe("stopping");
    expect(effectsOfLast(...UP, "restart", "stopped", "end")).toEqual(["disarmGrace", "spawn"]);
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
    expect(effectsOfLast("startLater")).toEqual(["armBackoff"]);
    expect(lifeAfter("startLater").standing.life.delayMs).toBe(HELD_BACK_MS);
    expect(effectsOfLast("startLater", "backoffOver")).toEqual(["disarmBackoff", "spawn"]);
    expect(stateAfter("startLater", "backoffOver")).toBe("starting");
  });

  test("is cancelled by a stop, and the provider says that the task is stopped", () => {
    expect(stateAfter("startLater", "stop")).toBe("stopped");
    expect(effectsOfLast("startLater", "stop")).toEqual(["disarmBackoff", "sayStopped"]);
  });

  test("does not begin to wait anew when another one comes", () => {
    expect(effectsOfLast("startLater", "startLater")).toEqual([]);
    expect(effectsOfLast("startLater", "restartLater")).toEqual([]);
  });

  test.each(["start", "restart"] as const)("gives way to a %s that nobody holds back", (command) => {
    expect(effectsOfLast("startLater", command)).toEqual(["disarmBackoff", "spawn"]);
  });

  test("waits once the process of the run before is gone", () => {
    expect(stateAfter(...UP, "restartLater")).toBe("stopping");
    expect(effectsOfLast(...UP, "restartLater", "end")).toEqual(["disarmGrace", "sayStopped", "armBackoff"]);
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
    expect(effectsOfLast(...UP, "end")).toContain("sayStopped");
    expect(effectsOfLast(...UP, "stop", "crash")).toContain("sayStopped");
    expect(effectsOfLast("start", "stop", "spawnFailed")).toContain("sayStopped");
  });

  test("that failed without a word", () => {
    expect(effectsOfLast(...UP, "crash")).toContain("sayFailed");
    expect(effectsOfLast("start", "spawned", "unfit", "crash")).toContain("sayFailed");
  });

  test("and keeps silent when it has announced its own end", () => {
    expect(countOf("sayStopped", ...UP, "stopped", "end")).toBe(0);
    expect(countOf("sayStopped", ...UP, "exited", "end")).toBe(0);
    expect(countOf("sayStopped", ...UP, "stop", "stopped", "end")).toBe(0);
    expect(countOf("sayStopped", ...UP, "failed", "stop", "stopped", "end")).toBe(0);
  });

  test("and keeps silent when it has announced its own failure", () => {
    expect(countOf("sayFailed", ...UP, "failed", "crash")).toBe(0);
    expect(countOf("sayFailed", ...UP, "failed", "stopped", "end")).toBe(0);
    expect(countOf("sayFailed", ...UP, "stopped", "failed", "crash")).toBe(0);
  });

  test("once, for one end", () => {
    expect(countOf("sayStopped", ...UP, "end", "stop", "end", "crash")).toBe(1);
    expect(countOf("sayFailed", ...UP, "crash", "stop", "crash")).toBe(1);
  });
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

  follow(standing, EVENTS.crash);

  expect(standing).toMatchObject({ state, life });
});

test.each([
  ["defined", false, true],
  ["backingOff", false, false],
  ["starting", true, false],
  ["running", true, false],
  ["stopping", true, false],
  ["stopped", false, true],
  ["exited", false, true],
  ["failed", false, true],
] as const)("%s: a process may live: %s; nothing is under way: %s", (state, alive, atRest) => {
  expect(isAlive(state)).toBe(alive);
  expect(isAtRest(state)).toBe(atRest);
});
