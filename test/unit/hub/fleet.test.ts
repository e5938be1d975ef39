import { describe, expect, test } from "vitest";
import { createFleet, MAX_NODES, shownNode } from "../../../src/hub/server/fleet.ts";

const time = "2026-05-01T12:00:00.000Z";
const arrival = (topic: string, value: unknown, properties: object = {}) => ({
  topic: `zcontext/${topic}`,
  payload: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
  properties: { ...properties },
  time,
});

/** What the page shows of the node n1 after these. */
function shownAfter(...arrivals: ReturnType<typeof arrival>[]) {
  const fleet = createFleet();
  for (const one of arrivals) fleet.take("zcontext", one);
  const record = fleet.nodes.get("n1");
  return record && shownNode(record);
}

describe("a hub knows of its nodes", () => {
  test("their state and since when, as the node or its broker says", () => {
    const online = { state: "online", time: "2026-05-01T11:00:00Z" };

    expect(shownAfter(arrival("n1/status", online))).toMatchObject({ state: "online", since: "2026-05-01T11:00:00Z" });
    expect(shownAfter(arrival("n1/status", online), arrival("n1/status", { state: "offline" }))).toMatchObject({
      state: "offline",
      since: time,
    });
    expect(shownAfter(arrival("n1/telemetry", 1))).toMatchObject({ state: "unknown" });
  });

  test("the last readings, each once, the latest first", () => {
    const reading = (nr: number) => arrival("n1/telemetry", { nr }, { id: `r${nr}`, source: "thermometer" });
    const many = Array.from({ length: 30 }, (_, nr) => reading(nr));
    const shown = shownAfter(...many, reading(29), reading(25));

    expect(shown?.readings).toHaveLength(20);
    expect(shown?.readings[0]).toEqual({ time, source: "thermometer", body: { nr: 29 } });
    expect(shownAfter(arrival("n1/telemetry", { nr: 1 }), arrival("n1/telemetry", { nr: 1 }))?.readings).toHaveLength(
      2,
    );
  });

  test("the last lines, and answers to commands", () => {
    const line = { time, source: "thermometer", level: "error", text: "sensor lost", code: 7, description: "wire" };
    const shown = shownAfter(
      arrival("n1/log", line),
      arrival("n1/commands/res/update-4", { status: 500, payload: { error: "no" } }),
    );

    expect(shown?.lines).toEqual([
      { time, source: "answer", level: "error", text: 'update-4: 500 {"error":"no"}' },
      { time, source: "thermometer", level: "error", text: "sensor lost (wire)" },
    ]);
  });

  test("what it wants of them and what they report", () => {
    const shown = shownAfter(
      arrival("n1/twin/desired", { "msb-state": { enabled: false, debug: true }, $version: 4 }),
      arrival("n1/twin/reported", { "msb-state": { enabled: true } }),
    );

    expect(shown).toMatchObject({
      desired: { enabled: false, debug: true },
      reported: { "msb-state": { enabled: true } },
    });
  });

  test.each([
    ["no JSON", arrival("n1/telemetry", "{")],
    ["another root", { ...arrival("", {}), topic: "other/n1/telemetry" }],
    ["no topic of a node", arrival("n1/firmware", {})],
    ["a status that is none", arrival("n1/status", { state: "asleep" })],
    ["a line that is none", arrival("n1/log", { text: 5 })],
    ["a reported state that is no object", arrival("n1/twin/reported", [1])],
    ["more than a reading may be", arrival("n1/telemetry", "1".repeat(70_000))],
  ])("nothing by %s", (_, one) => {
    expect(shownAfter(one)).toBeUndefined();
  });

  test("as many as it can keep, whoever reaches the broker", () => {
    const fleet = createFleet();
    for (let nr = 0; nr <= MAX_NODES; nr += 1) fleet.take("zcontext", arrival(`n${nr}/status`, { state: "online" }));

    expect(fleet.nodes.size).toBe(MAX_NODES);
    expect(fleet.take("zcontext", arrival("n1/status", { state: "offline" }))).toBe("n1");
  });

  test("by a name that every object inherits as by any other", () => {
    const fleet = createFleet();
    for (const node of ["__proto__", "constructor"])
      fleet.take("zcontext", arrival(`${node}/status`, { state: "online" }));

    expect([...fleet.nodes.keys()]).toEqual(["__proto__", "constructor"]);
  });
});

test("a switch keeps what else a hub wants of a node, and counts", () => {
  const fleet = createFleet();
  fleet.take("zcontext", arrival("n1/twin/desired", { every_s: 5, "msb-state": { tracking: true }, $version: 4 }));

  expect(fleet.wanted("n1", { enabled: false, debug: true })).toEqual({
    every_s: 5,
    "msb-state": { tracking: true, enabled: false, debug: true },
    $version: 5,
  });
  expect(fleet.wanted("n2", { enabled: true, debug: false })).toMatchObject({ $version: 1 });
});
