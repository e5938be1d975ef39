import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION } from "../../../../src/config/context-config.ts";
import type { Schedule } from "../../../../src/config/schedule.ts";
import {
  consequenceOfDue,
  createNextRun,
  type Due,
  dueSince,
  MOST_COUNTED,
  scheduleOf,
} from "../../../../src/context/task/schedule.ts";
import { task } from "../task.ts";

const DAILY: Schedule = { cron: "0 3 * * *", zone: "UTC", catchUp: false };
const at = (text: string) => Date.parse(`2026-${text}Z`);

describe("what has come of a schedule", () => {
  test.each<[string, [seen: string, now: string], Due | undefined]>([
    ["is nothing before its time", ["03-01T03:00", "03-02T02:59"], undefined],
    [
      "is its time when that comes",
      ["03-01T03:00", "03-02T03:00"],
      { atMs: at("03-02T03:00"), isMissed: false, before: 0 },
    ],
    ["is kept a little late", ["03-01T03:00", "03-02T03:01"], { atMs: at("03-02T03:00"), isMissed: false, before: 0 }],
    ["is missed an hour later", ["03-01T03:00", "03-02T04:00"], { atMs: at("03-02T03:00"), isMissed: true, before: 0 }],
    ["is missed several times", ["03-01T03:00", "03-05T12:00"], { atMs: at("03-05T03:00"), isMissed: true, before: 3 }],
    [
      "is in time after others were missed",
      ["03-01T03:00", "03-05T03:00"],
      { atMs: at("03-05T03:00"), isMissed: false, before: 3 },
    ],
    ["is nothing where the clock was set back", ["03-02T03:00", "03-01T04:00"], undefined],
  ])("%s", (_, [seen, now], due) => {
    expect(dueSince(DAILY, at(seen), at(now))).toEqual(due);
  });

  test("is counted up to a bound, and its last time is right all the same", () => {
    const schedule: Schedule = { cron: "* * * * * *", zone: "UTC", catchUp: false };

    expect(dueSince(schedule, at("03-01T03:00"), at("03-05T03:00"))).toEqual({
      atMs: at("03-05T03:00"),
      isMissed: false,
      before: MOST_COUNTED,
    });
  });

  test.each<[string, string, string[]]>([
    ["a time that summer leaves out is taken when the clock is changed", "30 2 * * *", ["03-29T01:00", "03-30T00:30"]],
    ["a time that winter brings twice is taken once", "30 2 * * *", ["10-25T00:30", "10-26T01:30"]],
  ])("%s", (_, cron, times) => {
    const schedule: Schedule = { cron, zone: "Europe/Berlin", catchUp: false };
    const [first = "", second = ""] = times;

    expect(dueSince(schedule, at(first) - 1, at(first))?.atMs).toBe(at(first));
    expect(dueSince(schedule, at(first), at(second))).toMatchObject({ atMs: at(second), before: 0 });
  });
});

describe("a time that has come", () => {
  const inTime: Due = { atMs: at("03-02T03:00"), isMissed: false, before: 0 };
  const missed: Due = { ...inTime, isMissed: true, before: 3 };
  const MISSED = "its schedule came 4 times while nobody could start it, last at 2026-03-02T03:00:00.000Z";

  test.each<[string, Due, { catchUp: boolean; running?: string }, boolean, string[]]>([
    ["starts the task", inTime, { catchUp: false }, true, []],
    [
      "is skipped while it runs",
      inTime,
      { catchUp: true, running: "running" },
      false,
      ["run skipped: its schedule came at 2026-03-02T03:00:00.000Z, when it was running still"],
    ],
    ["is only told where it was missed", missed, { catchUp: false }, false, [`run missed: ${MISSED}`]],
    ["is made up for", missed, { catchUp: true }, true, [`run missed: ${MISSED}; one run makes up for that`]],
    [
      "starts the task after others were missed",
      { ...inTime, before: 1 },
      { catchUp: false },
      true,
      ["run missed: its schedule came once while nobody could start it"],
    ],
    [
      "is not told twice where it was missed and the task runs",
      { ...missed, before: 0 },
      { catchUp: false, running: "running" },
      false,
      ["run missed: its schedule came once while nobody could start it, last at 2026-03-02T03:00:00.000Z"],
    ],
    [
      "is told with its bound",
      { ...missed, before: MOST_COUNTED },
      { catchUp: false },
      false,
      [
        "run missed: its schedule came 1000 times or more while nobody could start it, last at 2026-03-02T03:00:00.000Z",
      ],
    ],
  ])("%s", (_, due, { catchUp, running }, isStart, notes) => {
    const consequence = consequenceOfDue(due, { ...DAILY, catchUp }, running);

    expect(consequence.isStart).toBe(isStart);
    expect(consequence.notes.map(({ phrase, reason }) => `${phrase}: ${reason}`)).toEqual(notes);
  });
});

test("a stop switches a schedule off", () => {
  const scheduled = task("backup", { supervision: { ...DEFAULT_SUPERVISION, schedule: DAILY } });

  expect(scheduleOf(scheduled, "stopped")).toBeUndefined();
  expect((["defined", "running", "exited", "failed"] as const).map((state) => scheduleOf(scheduled, state))).toEqual([
    ...[DAILY, DAILY, DAILY, DAILY],
  ]);
});

test("the next run of a record goes on with the clock, forwards and back", () => {
  let nowMs = at("03-01T12:00");
  const nextRun = createNextRun(() => nowMs);
  const next = () => nextRun(DAILY).next_run;

  expect([next(), next()]).toEqual(["2026-03-02T03:00:00.000Z", "2026-03-02T03:00:00.000Z"]);
  nowMs = at("03-02T03:00");
  expect(next()).toBe("2026-03-03T03:00:00.000Z");
  nowMs = at("02-01T00:00");
  expect(next()).toBe("2026-02-01T03:00:00.000Z");
  expect(nextRun(undefined)).toEqual({});
});
