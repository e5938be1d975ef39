import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { emptyModel, type Model, type TaskRow } from "../../../../tools/context-monitor/model.ts";
import { draw, drawOnce } from "../../../../tools/context-monitor/table.ts";
import { columnsOf, timeOfDay } from "../../../../tools/context-monitor/terminal/text.ts";
import { FIRST_VIEW, type View } from "../../../../tools/context-monitor/view.ts";
import { taskRow } from "./rows.ts";

const NOW_MS = Date.parse("2026-01-02T03:04:05.000Z");
const ENDPOINT = "tcp://127.0.0.1:5556";

function modelOf(rows: readonly TaskRow[], facts: Partial<Model> = {}): Model {
  const sampledMs = new Map(rows.map(({ transaction }) => [transaction, NOW_MS]));
  return {
    ...emptyModel({ kind: "connected", endpoint: ENDPOINT }),
    contextId: "context001",
    rows: new Map(rows.map((row) => [row.key, row])),
    sampledMs,
    ...facts,
  };
}

interface Options {
  columns?: number;
  rows?: number;
  view?: Partial<View>;
  isUnicode?: boolean;
  isColoured?: boolean;
}

function drawn(
  model: Model,
  { columns = 200, rows = 20, view = {}, isUnicode = true, isColoured = false }: Options = {},
) {
  const terminal = { isUnicode, isColoured };
  return draw(model, { ...FIRST_VIEW, ...view }, { size: { columns, rows }, terminal, nowMs: NOW_MS });
}

function headOf(columns: number, model = modelOf([taskRow("ts001")])): string {
  return drawn(model, { columns }).lines[2] as string;
}

const five = ["running", "failed", "backingOff", "blocked", "stopped"].map((state, index) =>
  taskRow(`ts${index}`, { state }),
);
const sixty = Array.from({ length: 60 }, (_, index) => taskRow(`ts${index + 1}`));

describe("the table", () => {
  test("says of a task that waits for its time when that comes", () => {
    const nextRun = new Date(2026, 11, 2, 3, 0, 0).toISOString();
    const waiting = taskRow("backup", { state: "exited", pid: undefined, nextRun });
    const { lines } = drawn(modelOf([waiting, taskRow("web", { nextRun })]));

    expect(lines[3]).toMatch(/backup .*next run 2026-12-02 03:00:00/);
    expect(lines[4]).not.toContain("next run");
  });

  test("shows all of a task in a wide window", () => {
    const { lines } = drawn(modelOf([taskRow("ts001", { last: { atMs: NOW_MS, words: "updated celsius=42" } })]));

    expect(lines[0]).toMatch(/^context001 · T1 +tcp:\/\/127\.0\.0\.1:5556 ● live$/);
    expect(lines[1]?.trimEnd()).toBe("1 task  CPU 12.3%  MEM 51.6 MiB  ● 1 running");
    expect(lines[2]?.split(/ {2,}/).map((word) => word.trim())).toEqual([
      "",
      "TASK▲",
      "SERVICE",
      "STATE",
      "PID",
      "CPU %",
      "CPU",
      "MEM MiB",
      "MEM",
      "RUNS",
      "UPTIME",
      "LAST EVENT",
      "",
    ]);
    expect(lines[3]).toMatch(
      /^▸ ts001 +service_ts001 +● running +4312 +12\.3 +▁▅█ +51\.6 +▁▁▃ +1 +5m03s +\d\d:\d\d:\d\d updated celsius=42 *$/,
    );
    expect(lines[3]).toContain(`${timeOfDay(NOW_MS)} updated`);
    expect(lines.at(-1)).toMatch(
      /^q quit {2}\? help {2}Enter all {2}l log {2}w why {2}S start {2}X stop {2}R restart {2}/,
    );
  });

  test("says what the provider takes, where there is room for it", () => {
    const model = modelOf([taskRow("ts001")], { cost: { cpu: 0.52, rss: 102.4 } });
    const second = (columns: number) => drawn(model, { columns }).lines[1]?.trimEnd();

    expect(second(80)).toMatch(/^1 task {2}CPU 12\.3% {2}MEM 51\.6 MiB {2}● 1 running +provider 0\.5% 102\.4 MiB$/);
    expect(second(60)).toBe("1 task  CPU 12.3%  MEM 51.6 MiB  ● 1 running");
  });

  test("names the transaction of each task only where there are several", () => {
    const two = modelOf([taskRow("ts001"), taskRow("ts001", { transaction: "T2" })]);

    expect(headOf(200)).not.toContain("TRANSACTION");
    expect(headOf(200, two)).toContain("TRANSACTION");
    expect(
      drawn(two)
        .lines.slice(3, 5)
        .map((line) => line.slice(2, 4)),
    ).toEqual(["T1", "T2"]);
  });

  test("keeps what matters most in a narrow window", () => {
    expect(headOf(60).trim().split(/ {2,}/)).toEqual(["TASK▲", "STATE", "CPU %", "MEM MiB", "LAST EVENT"]);
    expect(headOf(30).trim().split(/ {2,}/)).toEqual(["TASK▲", "STATE", "CPU %"]);
  });

  test.each([1, 2, 3, 4, 5, 8, 24, 80])("has exactly the lines of a terminal of %i, and none too wide", (rows) => {
    for (const columns of [10, 40, 60, 80, 100, 200]) {
      for (const mode of ["table", "filtering", "details", "help"] as const) {
        const { lines } = drawn(modelOf([...five, ...sixty]), { columns, rows, view: { mode, selected: "T1 ts3" } });

        expect(lines).toHaveLength(rows);
        expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(columns);
      }
    }
  });

  test("has rows of the same width where texts are wide, long or cut", () => {
    const odd = [taskRow("温度計温度計温度計温度計温度計"), taskRow("x".repeat(300), { service: "👍🏽".repeat(40) })];
    const { lines } = drawn(modelOf(odd), { columns: 120 });

    expect(lines.slice(2, 5).map(columnsOf)).toEqual([120, 120, 120]);
  });

  test("scrolls to the selected task and says where it is", () => {
    const { lines, top } = drawn(modelOf(sixty), { rows: 14, view: { selected: "T1 ts40" } });

    expect(top).toBe(30);
    expect(lines[1]).toMatch(/ 31-40 of 60$/);
    expect(lines.slice(3, 13).at(-1)).toMatch(/^▸ ts40 /);
  });

  test("shows the tasks that match, and how many there are", () => {
    const { lines } = drawn(modelOf(five), { view: { filter: "fail" } });

    expect(lines[1]).toMatch(/ 1 of 5 match$/);
    expect(lines.slice(3, 5)).toEqual([expect.stringContaining("✗ failed"), ""]);
    expect(drawn(modelOf(five), { view: { filter: "x" } }).lines.join("\n")).toContain('No task matches "x".');
  });

  test("tells states apart without colour, and without Unicode", () => {
    const states = ({ lines }: { lines: string[] }) => lines.slice(3, 8).map((line) => line.slice(21, 37).trim());

    expect(states(drawn(modelOf(five)))).toEqual(["● running", "✗ failed", "↻ backing off", "◌ blocked", "■ stopped"]);
    expect(states(drawn(modelOf(five), { isUnicode: false }))).toEqual([
      "* running",
      "x failed",
      "~ backing off",
      "? blocked",
      "- stopped",
    ]);
  });

  test("is ASCII where the locale is", () => {
    for (const mode of ["table", "details", "help"] as const) {
      const { lines } = drawn(modelOf([...five, ...sixty]), {
        isUnicode: false,
        columns: 90,
        view: { mode, selected: "T1 ts3" },
      });

      expect(lines.join("\n")).toMatch(/^[\n -~]*$/);
    }
  });

  test("says the same with colour", () => {
    const { lines } = drawn(modelOf(five), { isColoured: true });

    expect(lines.map(stripVTControlCharacters)).toEqual(drawn(modelOf(five)).lines);
    expect(lines[3]).toContain("\u001b[7m");
    expect(lines[4]).toContain("\u001b[31m✗ failed");
  });

  test("marks the column it is sorted by, and the direction", () => {
    expect(drawn(modelOf(five), { view: { sort: "cpu" } }).lines[2]).toContain("CPU %▼");
    expect(drawn(modelOf(five), { view: { sort: "cpu", isReversed: true } }).lines[2]).toContain("CPU %▲");
  });
});

describe("the head says", () => {
  test.each([
    ["what it waits for", { connection: { kind: "waiting", what: "F.xml" } }, "waiting for F.xml"],
    [
      "how long the provider has been away",
      { connection: { kind: "away", sinceMs: NOW_MS - 65_000 } },
      "provider away for 1m05s, waiting",
    ],
    ["that no figures come", { sampledMs: new Map([["T1", NOW_MS - 9_000]]) }, `${ENDPOINT} silent for 9s`],
  ] as const)("%s", (_, facts, expected) => {
    expect(drawn(modelOf(five, facts as Partial<Model>)).lines[0]?.trimEnd()).toMatch(new RegExp(` ${expected}$`));
  });

  test("which is why nothing looks alive while the provider is away", () => {
    const away = modelOf(five, { connection: { kind: "away", sinceMs: NOW_MS } });
    const { lines } = drawn(away, { isColoured: true });

    expect(lines[4]).toMatch(/^\S* {2}ts1 .*✗ failed/);
    expect(lines[4]).not.toContain("\u001b[31m");
    expect(lines[4]).toContain("\u001b[90m");
  });

  test("which transaction is over", () => {
    const over = modelOf(five, { sampledMs: new Map(), ended: new Set(["T1"]) });

    expect(drawn(over).lines[0]).toMatch(/^context001 · T1 ended /);
  });

  test("that nothing runs, and how to change that", () => {
    const { lines } = drawn(modelOf([]));

    expect(lines[0]).toMatch(/^context001 · no transaction /);
    expect(lines.join("\n")).toContain("zcontext start -f <file>");
  });
});

describe("the details of a task", () => {
  const row = taskRow("ts001", {
    restarts: 2,
    reason: "not well",
    figures: {
      cpu_percent: 2,
      rss: 11.6,
      status: "sleeping",
      threads: 7,
      fds: 21,
      fds_limit: 1024,
      cpu_times: { user: 1.5, system: 0.25 },
      io: { read_bytes: 0, write_bytes: 1_048_576 },
      total: { listening: [["127.0.0.1", 8080]] },
      streams: [
        {
          queue: "orders",
          protocol: "HTTPHandler",
          sent: 0,
          unsent: 0,
          accepted: 3,
          refused: 0,
          handled: 2,
          failed: 1,
        },
      ],
      children: [{ pid: 99, ppid: 4312, status: "running", cpu_percent: 10.3, rss: 40, threads: 1 }],
    },
    transitions: [{ atMs: NOW_MS, state: "running", words: "started", from: "starting", to: "running" }],
    announcements: [{ atMs: NOW_MS, words: "updated celsius=42" }],
  });
  const shown = (columns: number) =>
    drawn(modelOf([row]), { columns, rows: 60, view: { mode: "details", selected: row.key } }).lines.join("\n");

  test.each([60, 200])("are all there in %i columns", (columns) => {
    for (const fact of [
      "ts001  ● running  service_ts001  Steady",
      "pid 4312  up 5m03s  runs 1",
      "not well",
      "12.3%  own 2.0%",
      "51.6 MiB  own 11.6 MiB",
      "21 of 1024",
      "1.5 s user, 0.25 s system",
      "0.0 MiB, 1.0 MiB",
      "127.0.0.1:8080",
      "orders over HTTPHandler: 3 accepted, 2 handled, 1 failed",
      "starting → running: started",
      "updated celsius=42",
    ])
      expect(shown(columns)).toContain(fact);
    expect(shown(columns)).toMatch(/^ +99 +4312 {2}running +10\.3% +40\.0 +1$/m);
  });

  test("leave out what is not known, or is no figure", () => {
    const odd = {
      ...row,
      figures: { status: 3, children: "x", io: [], fds: "many", streams: [{ queue: 1 }], total: { listening: [3] } },
    };
    const { lines } = drawn(modelOf([odd]), { view: { mode: "details", selected: row.key } });

    expect(lines.join("\n")).not.toMatch(/status|Processes|read|open files|Queues/);
  });

  test("clean what they show", () => {
    const rude = { ...row, figures: { status: "a\u001b[2Jb", children: [{ pid: 1, status: "\u009b31m" }] } };
    const { lines } = drawn(modelOf([rude]), { view: { mode: "details", selected: row.key } });

    expect(lines.join("")).not.toMatch(/\p{Cc}/u);
  });

  test("give way to the table when their task has gone", () => {
    expect(drawn(modelOf(five), { view: { mode: "details", selected: "T1 gone" } }).lines[2]).toContain("TASK");
  });
});

test("the table of one moment has no sparklines, and nothing cut where no terminal is", () => {
  const words = "failed: ".padEnd(300, "x");
  const model = modelOf([taskRow("ts001"), taskRow("ts002", { state: "failed", last: { atMs: undefined, words } })]);
  const terminal = { isUnicode: true, isColoured: false };
  const lines = drawOnce(model, { columns: Number.POSITIVE_INFINITY, terminal });

  expect(lines[0]).toBe(
    "TASK    SERVICE        STATE           PID   CPU %   MEM MiB   RUNS   UPTIME  LAST EVENT".replace(/ {2}$/, ""),
  );
  expect(lines[2]).toMatch(new RegExp(` ${words}$`));
  expect(drawOnce(model, { columns: 80, terminal }).every((line) => columnsOf(line) <= 80)).toBe(true);
});
