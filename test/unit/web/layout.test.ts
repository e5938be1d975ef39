import { describe, expect, test } from "vitest";
import type { TaskDefinition } from "../../../src/http/contract/api.ts";
import { type Box, layOut, pathThrough } from "../../../web/layout.ts";

function task(id: string, triggers: { [event: string]: string } = {}, dependsOn: string[] = []): TaskDefinition {
  const told = Object.entries(triggers).map(([event, trigger]) => {
    const [action = "", ...call] = trigger.split(" ");
    return { event, action, call, callsAll: false };
  });
  const rest = { instance: id, serviceName: id, description: "", serviceType: "Process", entersAtOnce: true };
  return { id, ...rest, dependsOn, triggers: told };
}

const many = Array.from({ length: 100 }, (_, index) =>
  task(
    `t${index}`,
    index < 60 && index % 6 !== 5 ? { on_exit: `start t${index + 1}`, on_fail: `restart t${index}` } : {},
  ),
);

function overlaps(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

describe("the layout", () => {
  test.each([
    ["a hundred tasks on a screen", many, 900],
    ["a hundred tasks on a phone", many, 370],
    [
      "a task that calls many on a phone",
      [
        task("a", { on_exit: "start b c d e", on_fail: "restart a" }),
        ...["b", "c", "d", "e"].map((id) => task(id, { on_fail: "stop a" })),
      ],
      370,
    ],
    ["three tasks on a phone", [task("a", { on_exit: "start b, c" }), task("b"), task("c")], 370],
  ])("of %s has room for each, and none outside of its width", (_, tasks, width) => {
    const { boxes, width: used, height } = layOut(tasks, { width });

    expect(boxes.map(({ id }) => id).sort()).toEqual(tasks.map(({ id }) => id).sort());
    expect(
      boxes.filter((box) => box.x < 0 || box.y < 0 || box.x + box.width > used || box.y + box.height > height),
    ).toEqual([]);
    expect(boxes.filter((box, index) => boxes.slice(index + 1).some((other) => overlaps(box, other)))).toEqual([]);
    expect(used).toBeLessThanOrEqual(width);
  });

  test("has an arrow for each trigger and each task called, one that is called by two events once", () => {
    const tasks = [
      task("a", { on_exit: "start b", on_fail: "start b", on_update: "stop c" }),
      task("b"),
      task("c", {}, ["b"]),
    ];

    const { arrows } = layOut(tasks, { width: 900 });

    expect(arrows.map(({ from, to, action, label }) => `${from} ${to} ${action} (${label})`).sort()).toEqual([
      "a b start (on_exit, on_fail: start)",
      "a c stop (on_update: stop)",
      "b c needs (needs)",
    ]);
  });

  test("has no arrow for a trigger that ends all: its task is marked", () => {
    expect(layOut([task("a", { on_exit: "exit a b" }), task("b")], { width: 900 }).arrows).toEqual([]);
  });

  test.each([900, 370])("leads each arrow from the border of a box to the border of another, %i wide", (width) => {
    const called = ["b", "c", "d", "e"];
    const tasks = [
      task("a", { on_exit: `start ${called.join(" ")}`, on_fail: "restart a" }),
      ...called.map((id) => task(id, { on_fail: `restart ${id}`, on_exit: "stop a" })),
    ];

    const { boxes, arrows } = layOut(tasks, { width });

    const distance = (id: string, { x, y } = { x: 0, y: 0 }) => {
      const box = boxes.find((one) => one.id === id) as Box;
      return Math.hypot(Math.max(box.x - x, 0, x - box.x - box.width), Math.max(box.y - y, 0, y - box.y - box.height));
    };
    expect(arrows).toHaveLength(13);
    expect(arrows.filter(({ from, points }) => distance(from, points[0]) > 1)).toEqual([]);
    expect(arrows.filter(({ to, points }) => distance(to, points.at(-1)) > 1)).toEqual([]);
  });

  test("leads a task that calls itself round its corner", () => {
    const { arrows, boxes } = layOut([task("a", { on_fail: "restart a" })], { width: 900 });

    const [{ points }, box] = [arrows[0] as (typeof arrows)[0], boxes[0] as Box];
    expect(points[0]?.y).toBeCloseTo(box.y + box.height);
    expect(points.at(-1)?.x).toBeCloseTo(box.x + box.width);
  });

  test("draws no arrow to a task that is not there, and none to a crowd", () => {
    const crowd = { event: "on_fail", action: "stop", call: many.map(({ id }) => id), callsAll: true };
    const tasks = [{ ...task("a", { on_exit: "start nobody" }), triggers: [crowd] }, ...many];

    expect(layOut(tasks, { width: 900 }).arrows.filter(({ from }) => from === "a")).toEqual([]);
  });

  test("of nothing is empty", () => {
    expect(layOut([], { width: 900 }).boxes).toEqual([]);
  });
});

test("a path goes from the first point to the last", () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 10, y: 20 },
    { x: 30, y: 20 },
  ];

  expect(pathThrough(points.slice(0, 2))).toBe("M0 0L10 0");
  expect(pathThrough(points)).toBe("M0 0Q10 0 10 10Q10 20 30 20");
});

test("the layout has an arrow for the events and one for the calls from one task to another", () => {
  const tasks = ["shop", "billing", "mailer"].map((id) => task(id));
  const flows = [
    { kind: "event", name: "orders.made", from: "shop", to: "billing" },
    { kind: "event", name: "orders.created", from: "shop", to: "billing" },
    { kind: "call", name: "billing.get", from: "shop", to: "billing" },
    { kind: "event", name: "bills.made", from: "billing", to: "elsewhere" },
  ] as const;

  const { arrows } = layOut(tasks, { width: 1_200, flows });

  expect(arrows).toMatchObject([
    { from: "shop", to: "billing", action: "event", label: "orders.created +1" },
    { from: "shop", to: "billing", action: "call", label: "billing.get()" },
  ]);
});
