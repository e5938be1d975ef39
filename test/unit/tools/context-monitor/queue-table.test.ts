import { describe, expect, test } from "vitest";
import type { Json } from "../../../../src/protocol/json.ts";
import { emptyModel } from "../../../../tools/context-monitor/model.ts";
import { eventsIn } from "../../../../tools/context-monitor/monitor-events.ts";
import { busIn, queueLines } from "../../../../tools/context-monitor/queue-table.ts";
import { draw } from "../../../../tools/context-monitor/table.ts";
import { columnsOf } from "../../../../tools/context-monitor/terminal/text.ts";
import { FIRST_VIEW, pressed } from "../../../../tools/context-monitor/view.ts";

const terminal = { isUnicode: true, isColoured: false };
const orders = { event: "orders.created", group: "billing", ready: 0, in_flight: 2, delayed: 1, dead: 0, members: 1 };
const told = {
  ...{ members: 3, calls: { waiting: 1, running: 0 }, left_out: 0 },
  queues: [
    { ...orders, rate_per_s: 48.02 },
    { ...orders, event: "bills.made", group: "mailer", ready: 12_345, dead: 7, rate_per_s: 0, stalled_s: 61 },
  ],
};

function linesOf(value: Json, columns = 120): string[] {
  return queueLines(busIn(value), columns, terminal).map((line) =>
    [line].flat().reduce((text, piece) => text + piece.text, ""),
  );
}

describe("the queues", () => {
  test("have a row each, in the order of their names, with the columns of context-bus", () => {
    expect(linesOf(told)).toEqual([
      "  3 programs, 1 call under way",
      "  EVENT           GROUP    READY  IN FLIGHT  DELAYED  DEAD  MEMBERS  PER S",
      "  bills.made      mailer   12345          2        1     7        1    0.0  nothing settled for 1m01s",
      "  orders.created  billing      0          2        1     0        1   48.0",
    ]);
  });

  test.each([40, 60, 80, 200])("fit into %i columns with names that can be told apart", (columns) => {
    const names = ["a".repeat(60), "b".repeat(60)].map((name) => ({ ...orders, event: `${name}.made`, group: name }));
    const lines = linesOf({ ...told, queues: names.map((queue) => ({ ...queue, rate_per_s: 1 })) }, columns);

    expect(lines.filter((line) => columnsOf(line) > columns)).toEqual([]);
    expect(lines[2]).toMatch(/^ {2}a+(…a*\.?made|\.made) +a+/);
  });

  test("say what is wrong, what is missing, and how many are left out", () => {
    expect(linesOf({ queues: [], trouble: "the broker is away" })).toEqual([
      "  the broker is away",
      "  No group listens to an event.",
    ]);
    expect(linesOf(null).at(-1)).toBe("  No program has sent a message to another one yet.");
    expect(linesOf({ ...told, left_out: 9 }).at(-1)).toBe("  and 9 shorter ones");
  });

  test("can't control the terminal with their names, and survive figures of a kind that is unknown", () => {
    const queues = [{ event: "\u001b[2J.made", group: "g\nh", ready: "many", in_flight: null }];

    expect(linesOf({ queues })[2]).toBe("  .made  g h        0          0        0     0        0    0.0");
  });

  test("are shown by m, and left by m or Escape", () => {
    const keys = { rows: [], page: 10 };
    const shown = pressed(FIRST_VIEW, { name: "m", text: "m" }, keys);

    expect(shown).toMatchObject({ mode: "messages" });
    if (shown === "quit") throw new Error("it has quit");
    expect(pressed(shown, { name: "m", text: "m" }, keys)).toMatchObject({ mode: "table" });
    expect(pressed(shown, { name: "escape" }, keys)).toMatchObject({ mode: "table" });
  });

  test("come with the overview, whose cost has the broker in it", () => {
    const processes = { provider: { cpu_percent: 1, rss: 60 }, broker: { cpu_percent: 2, rss: 50 } };
    const [overview] = eventsIn({ topic: "overview", body: { ...processes, transactions: {}, bus: told } });

    expect(overview).toMatchObject({ cost: { cpu: 3, rss: 110 }, bus: { members: 3, calls: 1, leftOut: 0 } });
  });
});

test("the foot names m once there are messages, and the way back from them", () => {
  const about = { size: { columns: 120, rows: 10 }, terminal, nowMs: 0 };
  const model = emptyModel({ kind: "connected", endpoint: "tcp://127.0.0.1:1" });
  const withBus = { ...model, bus: busIn(told) };
  const footOf = (...words: Parameters<typeof draw>) => draw(...words).lines.at(-1);

  expect(footOf(model, FIRST_VIEW, about)).not.toContain("messages");
  expect(footOf(withBus, FIRST_VIEW, about)).toContain("m messages");
  expect(footOf(withBus, { ...FIRST_VIEW, mode: "messages" }, about)).toContain("m tasks");
});
