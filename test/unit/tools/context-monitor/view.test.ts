import { describe, expect, test } from "vitest";
import type { TaskRow } from "../../../../tools/context-monitor/model.ts";
import type { Key } from "../../../../tools/context-monitor/terminal/screen.ts";
import {
  FIRST_VIEW,
  pressed,
  SORTS,
  scrolledTo,
  shownRows,
  type View,
} from "../../../../tools/context-monitor/view.ts";
import { taskRow } from "./rows.ts";

const rows = [
  taskRow("ts10", { cpu: 1, memory: 30, state: "running", runs: 1 }),
  taskRow("ts2", { cpu: 9, memory: 20, state: "failed", runs: 4, service: "Mailer" }),
  taskRow("ts1", { cpu: undefined, memory: undefined, state: "exited", runs: 1 }),
];

function idsIn(view: Partial<View>, of: readonly TaskRow[] = rows): string[] {
  return shownRows(of, { ...FIRST_VIEW, ...view }).map(({ id }) => id);
}

/** The view after these keys; a text types each of its characters. */
function viewAfter(...keys: (Key | string)[]): View | "quit" {
  const each = keys.flatMap((key) =>
    typeof key === "string" ? [...key].map((text) => ({ name: text.toLowerCase(), text })) : [key],
  );
  return each.reduce<View | "quit">((view, key) => {
    if (view === "quit") throw new Error("a key after the end");
    return pressed(view, key, { rows: shownRows(rows, view), page: 2 });
  }, FIRST_VIEW);
}

const key = (name: string): Key => ({ name });

describe("tasks are shown", () => {
  test("by their names at first, numbers by their value", () => {
    expect(idsIn({})).toEqual(["ts1", "ts2", "ts10"]);
  });

  test("by a figure, the largest first and those without one last", () => {
    expect(idsIn({ sort: "cpu" })).toEqual(["ts2", "ts10", "ts1"]);
    expect(idsIn({ sort: "memory" })).toEqual(["ts10", "ts2", "ts1"]);
    expect(idsIn({ sort: "cpu", isReversed: true })).toEqual(["ts1", "ts10", "ts2"]);
  });

  test("by their state, the worst first", () => {
    expect(idsIn({ sort: "state" })).toEqual(["ts2", "ts10", "ts1"]);
  });

  test("in a lasting order where they are alike", () => {
    expect(idsIn({ sort: "runs" })).toEqual(["ts2", "ts1", "ts10"]);
  });

  test("that have all words of the filter, in whatever case", () => {
    expect(idsIn({ filter: "mail FAILED" })).toEqual(["ts2"]);
    expect(idsIn({ filter: "nobody" })).toEqual([]);
  });
});

describe("a key", () => {
  test("goes through all orders and back to the first", () => {
    expect(viewAfter("s")).toMatchObject({ sort: "state" });
    expect(viewAfter("r")).toMatchObject({ isReversed: true });
    expect(viewAfter("s".repeat(SORTS.length))).toMatchObject({ sort: "task", isReversed: false });
  });

  test("moves the selection, and never past an end", () => {
    expect(viewAfter(key("down"))).toMatchObject({ selected: "T1 ts2" });
    expect(viewAfter("jjjjj")).toMatchObject({ selected: "T1 ts10" });
    expect(viewAfter("jj", key("up"))).toMatchObject({ selected: "T1 ts2" });
    expect(viewAfter("jjkkkk")).toMatchObject({ selected: "T1 ts1" });
    expect(viewAfter("G")).toMatchObject({ selected: "T1 ts10" });
    expect(viewAfter(key("end"), key("home"))).toMatchObject({ selected: "T1 ts1" });
  });

  test("opens the details of the selected task, and closes them", () => {
    expect(viewAfter("j", key("return"))).toMatchObject({ mode: "details", selected: "T1 ts2" });
    expect(viewAfter("j", key("return"), "jjj")).toMatchObject({ mode: "details", top: 3, selected: "T1 ts2" });
    expect(viewAfter("j", key("return"), key("escape"))).toMatchObject({ mode: "table", selected: "T1 ts2", top: 0 });
  });

  test("filters as it is typed, letters that are commands elsewhere included", () => {
    expect(viewAfter("/qs")).toMatchObject({ mode: "filtering", filter: "qs", sort: "task" });
    expect(viewAfter("/qs", key("backspace"))).toMatchObject({ filter: "q" });
    expect(viewAfter("/qs", key("return"))).toMatchObject({ mode: "table", filter: "qs" });
    expect(viewAfter("/qs", key("escape"))).toMatchObject({ mode: "table", filter: "" });
    expect(viewAfter("/q", key("return"), key("escape"))).toMatchObject({ mode: "table", filter: "" });
    expect(viewAfter("/", { name: "up", text: "\u001b[A" })).toMatchObject({ filter: "" });
  });

  test("shows the help, and anything but scrolling leaves it", () => {
    expect(viewAfter("?")).toMatchObject({ mode: "help" });
    expect(viewAfter("?j")).toMatchObject({ mode: "help", top: 1 });
    expect(viewAfter("?x")).toMatchObject({ mode: "table" });
  });

  test("starts the chosen task, and asks before it is stopped or restarted", () => {
    const order = { kind: "task", transaction: "T1", task: "ts2" };

    expect(viewAfter("jS")).toMatchObject({ order: { ...order, action: "start" }, asked: undefined });
    expect(viewAfter("jX")).toMatchObject({ asked: { ...order, action: "stop" }, order: undefined });
    expect(viewAfter("jXy")).toMatchObject({ asked: undefined, order: { ...order, action: "stop" } });
    expect(viewAfter("jRy")).toMatchObject({ order: { ...order, action: "restart" } });
    expect(viewAfter("jl", "Ry")).toMatchObject({ mode: "log", order: { ...order, action: "restart" } });
  });

  test.each(["n", "X", "j"])("%s is no yes, and means nothing else", (no) => {
    expect(viewAfter(`jX${no}`)).toMatchObject({ asked: undefined, order: undefined, selected: "T1 ts2" });
  });

  test("orders nothing of a task that is not the one in view", () => {
    const gone = { ...FIRST_VIEW, mode: "log" as const, selected: "T1 gone" };

    expect(pressed(gone, { name: "x", text: "X" }, { rows, page: 2 })).toMatchObject({ asked: undefined });
  });

  test("starts a transaction where there is none", () => {
    const none = { rows: [], page: 2 };

    const asked = pressed(FIRST_VIEW, { name: "s", text: "S" }, none) as View;
    expect(asked).toMatchObject({ asked: { kind: "begin" } });
    expect(pressed(FIRST_VIEW, { name: "x", text: "X" }, none)).toMatchObject({ asked: undefined });
  });

  test("goes from one thing of a task to another, and back to the table", () => {
    expect(viewAfter("jl")).toMatchObject({ mode: "log", selected: "T1 ts2", isAtEnd: true });
    expect(viewAfter("jlw")).toMatchObject({ mode: "why", selected: "T1 ts2" });
    expect(viewAfter("jlww")).toMatchObject({ mode: "table", selected: "T1 ts2" });
    expect(viewAfter("j", key("return"), "l", key("escape"))).toMatchObject({ mode: "table" });
    expect(viewAfter("mD")).toMatchObject({ mode: "letters" });
    expect(viewAfter("mm")).toMatchObject({ mode: "table" });
  });

  test("searches a log as it is typed, and leaves its end when it scrolls up", () => {
    expect(viewAfter("l/qw")).toMatchObject({ mode: "searching", search: "qw" });
    expect(viewAfter("l/qw", key("return"))).toMatchObject({ mode: "log", search: "qw" });
    expect(viewAfter("l/qw", key("return"), key("escape"))).toMatchObject({ mode: "log", search: "" });
    expect(viewAfter("lk")).toMatchObject({ isAtEnd: false });
  });

  test("chooses a dead letter, opens it, has it replayed, and asks before it is forgotten", () => {
    const letters = ["1-7", "1-9"].map((id) => ({ id, event: "orders.created", group: "billing" }));
    const seen = (...keys: Key[]) =>
      keys.reduce((view, each) => pressed(view, each, { rows, page: 2, letters }) as View, {
        ...FIRST_VIEW,
        mode: "letters" as const,
      } as View);
    const letter = { kind: "letter", id: "1-9", event: "orders.created", group: "billing" };

    expect(seen(key("down"))).toMatchObject({ letter: "1-9" });
    expect(seen(key("return"))).toMatchObject({ mode: "letter", letter: "1-7" });
    expect(seen(key("down"), { text: "R" })).toMatchObject({ order: { ...letter, action: "replay" } });
    expect(seen(key("down"), { text: "X" })).toMatchObject({ asked: { ...letter, action: "discard" } });
    expect(seen(key("down"), key("return"), key("escape"))).toMatchObject({ mode: "letters", letter: "1-9" });
  });

  test("leaves, Ctrl-C from everywhere", () => {
    const ctrlC = { name: "c", text: "\u0003", isCtrl: true };

    expect(viewAfter("q")).toBe("quit");
    expect(viewAfter("j", key("return"), "q")).toBe("quit");
    expect(viewAfter(ctrlC)).toBe("quit");
    expect(viewAfter("/q", ctrlC)).toBe("quit");
    expect(viewAfter("?", ctrlC)).toBe("quit");
  });
});

test("the table scrolls no further than it takes to show the selected task", () => {
  expect(scrolledTo(0, { top: 5, room: 10, count: 60 })).toBe(0);
  expect(scrolledTo(12, { top: 5, room: 10, count: 60 })).toBe(5);
  expect(scrolledTo(15, { top: 5, room: 10, count: 60 })).toBe(6);
  expect(scrolledTo(2, { top: 55, room: 10, count: 3 })).toBe(0);
});
