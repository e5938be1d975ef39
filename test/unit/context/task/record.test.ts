import { describe, expect, test } from "vitest";
import { initialStanding } from "../../../../src/context/task/lifecycle.ts";
import { announced, commanded, newRecord, standingAt } from "../../../../src/context/task/record.ts";
import type { TaskRecord } from "../../../../src/protocol/task-record.ts";
import { task } from "../task.ts";
import { lifeAfter, type Word } from "./life.ts";

const ECHO = task("ts_100", { serviceName: "echo_action" });
const BODY = { id: "ts_100" };
const status = (result: string, items = {}) => ({ device_action: "shout", result, ...items });
const started = announced(commanded(newRecord(ECHO), "start", BODY), "started", status("success", { pid: 26907 }));

const shown = ({ action, state, pid }: TaskRecord) => `${action} ${state} ${pid}`;

test("a new record is defined, with the task's names and no pid", () => {
  expect(newRecord(ECHO)).toEqual({
    service_id: "ts_100",
    pid: null,
    action: "defined",
    state: "success",
    serviceName: "echo_action",
    instance: "EchoAction",
    lifecycle: "defined",
    runs: 0,
  });
});

test("a record goes through its life as the original's does", () => {
  const defined = newRecord(ECHO);
  const start = commanded(defined, "start", BODY);
  const updated = announced(started, "updated", status("success"));
  const stop = commanded(updated, "stop", BODY);
  const stopped = announced(stop, "stopped", status("success", { pid: 26907 }));

  expect([defined, start, started, updated, stop, stopped].map(shown)).toEqual([
    "defined success null",
    "start in_progress null",
    "started success 26907",
    "updated success 26907",
    "stop in_progress 26907",
    "stopped success 26907",
  ]);
});

describe("a command", () => {
  test("is kept as it travelled", () => {
    expect(newRecord(ECHO).task).toBeUndefined();
    expect(commanded(newRecord(ECHO), "start", BODY).task).toBe(BODY);
  });

  test("to start forgets the pid of the run before", () => {
    expect(commanded(started, "start", BODY).pid).toBeNull();
    expect(commanded(started, "restart", BODY).pid).toBe(26907);
  });
});

describe("an announcement", () => {
  test("without a pid keeps the one that is known", () => {
    expect(announced(started, "updated", status("success")).pid).toBe(26907);
    expect(announced(started, "updated", status("success", { pid: "many" })).pid).toBe(26907);
  });

  test("of a word of the task's own is kept as it is", () => {
    expect(shown(announced(started, "searching", status("success")))).toBe("searching success 26907");
  });

  test("of a failure to start changes nothing", () => {
    const start = commanded(newRecord(ECHO), "start", BODY);

    expect(announced(start, "started", status("failure", { pid: 26907 }))).toBe(start);
  });

  test("of failed is recorded, whatever its result", () => {
    expect(announced(started, "failed", status("failure")).action).toBe("failed");
    expect(announced(started, "failed", status("success")).action).toBe("failed");
  });

  test("leaves the record before it as it was", () => {
    const before = structuredClone(started);

    announced(started, "updated", status("success", { pid: 1 }));

    expect(started).toEqual(before);
  });
});

describe("where the task stands", () => {
  test("is shown beside what the original shows", () => {
    expect(standingAt(started, initialStanding())).toEqual({ ...started, lifecycle: "defined", runs: 0 });
    expect(standingAt(started, lifeAfter("start", "spawned", "started").standing)).toEqual({
      ...started,
      lifecycle: "running",
      runs: 1,
    });
  });

  test("shows the pid of a process that has said nothing yet, as long as it lives", () => {
    const start = commanded(newRecord(ECHO), "start", BODY);
    const pidAfter = (...words: Word[]) => standingAt(start, lifeAfter(...words).standing).pid;

    expect([pidAfter("start"), pidAfter("start", "spawned", "readyLate")]).toEqual([null, 4312]);
    expect(pidAfter("start", "spawned", "readyLate", "crash")).toBeNull();
  });

  test("has a reason only while the task has failed", () => {
    expect(standingAt(started, lifeAfter("start", "spawned", "failed").standing).reason).toBeUndefined();
    expect(standingAt(started, lifeAfter("start", "spawned", "failed", "crash").standing).reason).toBe(
      "the disk is full",
    );
    expect(standingAt(started, lifeAfter("start", "spawnFailed", "start").standing).reason).toBeUndefined();
  });
});
