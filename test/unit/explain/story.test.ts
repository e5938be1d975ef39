import { describe, expect, test } from "vitest";
import {
  type Fact,
  formatFact,
  type MovedFact,
  mergeFacts,
  readFact,
  type TriggeredFact,
} from "../../../src/explain/facts.ts";
import { tellStory } from "../../../src/explain/story.ts";

let second = 0;
let sequence = 0;
const time = () => new Date(Date.parse("2026-01-31T12:00:00.000Z") + 1_000 * second++).toISOString();

/** A step such as `ts_1 2 starting exit backingOff`: task, run, state before, event, state after. */
function step(text: string, more: Partial<MovedFact> = {}): MovedFact {
  const [task = "", run = "", from = "", event = "", to = ""] = text.split(" ");
  sequence += 1;
  return { kind: "moved", transaction: "T1", task, sequence, from, to, event, run: Number(run), time: time(), ...more };
}

/** A trigger such as `ts_1 on_exit start ts_2`. */
function trigger(text: string): TriggeredFact {
  const [task = "", event = "", action = "", ...call] = text.split(" ");
  return { kind: "triggered", time: time(), transaction: "T1", task, event, action, call };
}

const told = (facts: readonly Fact[], task: string, more: { transaction?: string; isProviderThere?: boolean } = {}) =>
  tellStory(facts, { task, isProviderThere: true, ...more });
const namesIn = (facts: readonly Fact[]) =>
  facts.map((fact) =>
    fact.kind === "moved"
      ? `${fact.task} ${fact.run} ${fact.to}`
      : fact.kind === "triggered"
        ? `${fact.task} ${fact.event}`
        : fact.kind === "noted"
          ? `${fact.task} ${fact.phrase}`
          : `provider ${fact.event}`,
  );

describe("the story of a task", () => {
  const facts = [
    step("first 1 defined start starting", { cause: "command" }),
    step("other 1 defined start starting", { cause: "command" }),
    step("first 1 starting ready running", { pid: 11 }),
    step("first 1 running exit exited", { pid: 11, code: 0 }),
    trigger("first on_exit start ts_1"),
    step("ts_1 1 defined start starting", { cause: "on_exit of first" }),
    step("ts_1 1 starting ready running", { pid: 21 }),
    step("ts_1 1 running exit backingOff", { pid: 21, code: 3, delayMs: 500 }),
    step("ts_1 2 backingOff backoffOver starting"),
    step("ts_1 2 starting exit backingOff", {
      ...{ pid: 22, signal: "SIGKILL", reason: "the process was ended by SIGKILL", delayMs: 1_000 },
      restarts: { counted: 2, most: 5, periodMs: 60_000 },
    }),
  ];

  test("says how it stands, and when the next try comes", () => {
    const story = told(facts, "ts_1");

    expect(story).toMatchObject({
      ...{ task: "ts_1", transaction: "T1", state: "backingOff", run: 2, pid: 22, isLost: false },
      restarts: { counted: 2, most: 5, periodMs: 60_000 },
    });
    expect(Date.parse(story?.next ?? "") - Date.parse(story?.since ?? "")).toBe(1_000);
  });

  test("goes back over its restarts to the start, and over triggers to the command", () => {
    expect(namesIn(told(facts, "ts_1")?.chain ?? [])).toEqual([
      "first 1 starting",
      "first 1 exited",
      "first on_exit",
      "ts_1 1 starting",
      "ts_1 1 backingOff",
      "ts_1 2 starting",
      "ts_1 2 backingOff",
    ]);
  });

  test("has the end of the run before a start by command, and nothing older", () => {
    const again = [
      ...facts,
      step("ts_1 3 backingOff start starting", { cause: "command" }),
      step("ts_1 3 starting ready running"),
    ];

    expect(namesIn(told(again, "ts_1")?.chain ?? [])).toEqual([
      "ts_1 2 backingOff",
      "ts_1 3 starting",
      "ts_1 3 running",
    ]);
  });

  test("has who has stopped it, and why that one was there", () => {
    const stopped = [
      step("a 1 defined start starting", { cause: "command" }),
      step("b 1 defined start starting", { cause: "command" }),
      trigger("b on_update stop a"),
      step("a 1 running stop stopping", { cause: "on_update of b" }),
      step("a 1 stopping exit stopped", { signal: "SIGTERM" }),
    ];

    expect(namesIn(told(stopped, "a")?.chain ?? [])).toEqual([
      "a 1 starting",
      "b 1 starting",
      "b on_update",
      "a 1 stopping",
      "a 1 stopped",
    ]);
  });

  test("ends for tasks that start each other without end", () => {
    const circle = Array.from({ length: 40 }, (_, index) => {
      const [one, other] = index % 2 === 0 ? ["a", "b"] : ["b", "a"];
      const run = Math.floor(index / 2) + 1;
      return [
        step(`${one} ${run} exited start starting`, { cause: `on_exit of ${other}` }),
        step(`${one} ${run} starting exit exited`),
        trigger(`${one} on_exit start ${other}`),
      ];
    }).flat();

    const chain = told(circle, "a")?.chain ?? [];
    expect(chain.length).toBeGreaterThan(10);
    expect(chain.length).toBeLessThan(60);
  });

  test("is of the transaction that is asked for, or of the last one", () => {
    const other = step("ts_1 1 defined start starting", { transaction: "T2" });

    expect(told([...facts, other], "ts_1")?.transaction).toBe("T2");
    expect(told([...facts, other], "ts_1", { transaction: "T1" })?.run).toBe(2);
    expect(told(facts, "ts_1", { transaction: "T3" })).toBeUndefined();
    expect(told(facts, "ts_9")).toBeUndefined();
  });

  test("says of a task whose provider is gone that it does not stand there any more, unless it was at rest", () => {
    expect(told(facts, "ts_1", { isProviderThere: false })?.isLost).toBe(true);
    expect(told(facts, "first", { isProviderThere: false })?.isLost).toBe(false);
  });
});

describe("facts", () => {
  test("are read as they were written, and nothing else is", () => {
    const facts: Fact[] = [
      step("a 1 running exit failed", {
        oom: "group",
        killed: [{ pid: 3, name: "sleep", signal: "SIGKILL" }],
        escalated: true,
      }),
      trigger("a on_fail exit"),
      { kind: "provider", time: time(), event: "begin", pid: 3 },
    ];

    expect(facts.map((fact) => readFact(formatFact(fact).trimEnd()))).toEqual(facts);
    for (const line of ["", "{", "null", '{"kind":"moved"}', '{"kind":"new","time":"2026-01-31T12:00:00.000Z"}'])
      expect(readFact(line)).toBeUndefined();
  });

  test("of several sources are one list by time, with the first source's word for a step that several have", () => {
    const [one, two] = [step("a 1 defined start starting"), step("a 1 starting ready running")];
    const { kind: _, ...rest } = one;

    expect(mergeFacts([{ ...rest, kind: "moved", delayMs: 5 }], [two, one])).toEqual([{ ...one, delayMs: 5 }, two]);
  });
});
