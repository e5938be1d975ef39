// What Mermaid itself makes of such diagrams was tried with its own parser; these tests hold the text to the few forms
// of lines that were found good there.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ContextConfig,
  DEFAULT_SUPERVISION,
  type TaskServiceConfig,
  TRIGGER_ACTIONS,
  TRIGGER_EVENTS,
  type Trigger,
} from "../../../src/config/context-config.ts";
import { drawContext } from "../../../src/generator/diagram.ts";
import { task } from "../context/task.ts";

function context(...tasks: TaskServiceConfig[]): ContextConfig {
  const endpoints = { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" };
  return {
    contextId: "context001",
    logName: "Test",
    endpoints,
    binds: endpoints,
    messaging: { durability: "file" },
    logs: { fileMib: 10, files: 5, totalMib: 1_024 },
    strategy: "one_for_one",
    supervision: DEFAULT_SUPERVISION,
    tasks,
  };
}

function linesOf(...tasks: TaskServiceConfig[]): string[] {
  return drawContext(context(...tasks)).split("\n");
}

/** The name and the label of the only task of a context. */
function drawn(id: string, instance = "Echo"): { name: string; label: string } {
  const [, line = ""] = linesOf(task(id, { instance, entry: "on_demand" }));
  const [, name = "", label = ""] = /^ {4}(\w+): (.*)$/.exec(line) ?? [];
  return { name, label };
}

const calling = (action: Trigger["action"], ...call: string[]): Trigger => ({ action, call });

test("a context is drawn with its start, its tasks and its triggers", () => {
  const stand = task("ts001", { instance: "Stand", triggers: { on_exit: calling("start", "ts002", "ts003") } });
  const walk = task("ts002", {
    instance: "Walk",
    entry: "on_exit",
    triggers: {
      on_fail: calling("restart", "ts002"),
      on_update: calling("stop", "ts003"),
      on_exit: calling("exit", "all"),
    },
  });
  const drink = task("ts003", { instance: "Drink", entry: "start_now" });

  expect(linesOf(stand, walk, drink)).toEqual([
    "stateDiagram-v2",
    "    [*] --> ts001",
    "    [*] --> ts003",
    "    ts001: ts001 Stand",
    "    ts002: ts002 Walk",
    "    ts003: ts003 Drink",
    "    ts001 --> ts002: on_exit start",
    "    ts001 --> ts003: on_exit start",
    "    ts002 --> ts002: on_fail restart",
    "    ts002 --> ts003: on_update stop",
    "    ts002 --> [*]: on_exit exit",
  ]);
});

test("several arrows between the same tasks all stay", () => {
  const triggers = { on_start: calling("start", "b"), on_update: calling("start", "b"), on_fail: calling("stop", "b") };

  expect(linesOf(task("a", { triggers }), task("b")).filter((line) => line.includes("a --> b"))).toHaveLength(3);
});

test.each(["all", "context001"])("a call to %s means every task", (name) => {
  const lines = linesOf(task("a", { triggers: { on_exit: calling("stop", "b", name) } }), task("b"));

  expect(lines.slice(-2)).toEqual(["    a --> b: on_exit stop", "    a --> a: on_exit stop"]);
});

describe("a state", () => {
  test.each(["ts001", "ts_100", "A", "ending", "states", "rooted"])("is called as its task %s", (id) => {
    expect(drawn(id)).toEqual({ name: id, label: `${id} Echo` });
  });

  test.each([
    ...["end", "State", "NOTE", "class", "classDef", "direction", "default", "click", "href", "style", "scale"],
    ...[
      "root",
      "root_end",
      "constructor",
      "toString",
      "__proto__",
      "compassDirection",
      "1st",
      "ts-1",
      "ts.1",
      "ü",
      "_x",
    ],
  ])("of %s has a name that is nothing else to Mermaid", (id) => {
    expect(drawn(id).name).toBe("task_1");
  });

  test("has a name that no other task has", () => {
    const lines = linesOf(task("task_2"), task("a b"), task("task__3"), task("end"), task("c d"));

    expect(lines.filter((line) => line.includes(": ")).map((line) => line.trim().split(":")[0])).toEqual([
      ...["task_2", "task___2", "task__3", "task___4", "task___5"],
    ]);
  });

  test.each([
    ["a:b", "a#58;b Echo"],
    ["#1;", "#35;1#59; Echo"],
    [`"x"`, "#34;x#34; Echo"],
    ["<b>&amp;%%{", "#60;b#62;#38;amp#59;#37;#37;#123; Echo"],
    ["a-->b", "a#45;#45;#62;b Echo"],
    ["_a-b_c.d_", "#95;a-b_c.d#95; Echo"],
    ["1.", "1#46; Echo"],
    ["läuft-😀", "läuft#45;#128512; Echo"],
  ])("of %s has a label without signs", (id, label) => {
    expect(drawn(id).label).toBe(label);
  });

  test("is not taken for a direction, in its line or with the next one", () => {
    expect(drawn("ToDirection", "TBase").label).toBe("ToDirectio#110; TBase");
    expect(drawn("x", "DIRECTION").label).toBe("x DIRECTIO#78;");
    expect(drawn("directions", "LR").label).toBe("directions LR");
  });
});

// --- any context -------------------------------------------------------------------------------------------------------

const words = [
  "end",
  "state",
  "note",
  "direction",
  "Direction",
  "TB",
  "lr",
  "root",
  "task_1",
  "__proto__",
  "[*]",
  "-->",
];
const id = fc
  .oneof(
    {
      weight: 2,
      arbitrary: fc.constantFrom(...words, "style", "fork", "<<fork>>", "%%", "%%{init:{}}%%", "#35;", "---"),
    },
    fc.string({
      unit: fc.constantFrom(...`ab1_-.:;#"'%{}[]<>()*&|\\/~\`$@!?=+^ﬂ°¶ßäж中`, "😀", "🏃‍♀️", "\u0085", "\u202E"),
      minLength: 1,
      maxLength: 12,
    }),
    fc.tuple(fc.constantFrom(...words), fc.constantFrom(...words)).map((pair) => pair.join("")),
  )
  .filter((text) => /^[^\s,]+$/u.test(text) && text !== "all" && text !== "context001");
const instance = fc.oneof(
  fc.constantFrom("Direction", "setDirection", "TB", "BT_x", "LR1", "Rl", "end", "note", "state", "S001_Stand"),
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/),
);

/** Contexts whose triggers call tasks that are there. */
const anyContext: fc.Arbitrary<ContextConfig> = fc
  .uniqueArray(id, { minLength: 1, maxLength: 6 })
  .chain((ids) => {
    const trigger = fc.record({
      action: fc.constantFrom(...TRIGGER_ACTIONS),
      call: fc.uniqueArray(fc.constantFrom(...ids, "all", "context001"), { minLength: 1, maxLength: 3 }),
    });
    const rest = fc.record({
      instance,
      entry: fc.constantFrom("on_start", "start_now", "on_demand"),
      triggers: fc.record(Object.fromEntries(TRIGGER_EVENTS.map((event) => [event, trigger])), { requiredKeys: [] }),
    });
    return fc.tuple(...ids.map((one) => rest.map((but) => task(one, but))));
  })
  .map((tasks) => context(...tasks));

const NAME = "(?!(?:root|end|state|note|style)\\b)[A-Za-z]\\w*";
const LABEL = "(?:[\\p{L}\\p{N}]|(?<=[\\p{L}\\p{N}])[_.-](?=[\\p{L}\\p{N}])|#\\d+;)+";
const LINES = [
  `\\[\\*\\] --> ${NAME}`,
  `${NAME}: ${LABEL} ${LABEL}`,
  `${NAME} --> (?:${NAME}|\\[\\*\\]): on_\\w+ [a-z]+`,
];
const LINE = new RegExp(`^ {4}(?:${LINES.join("|")})$`, "u");

describe("of every context", () => {
  test("each line has one of three forms, and none is a direction", () => {
    fc.assert(
      fc.property(anyContext, (config) => {
        const text = drawContext(config);
        const [head, ...lines] = text.split("\n");

        expect(head).toBe("stateDiagram-v2");
        expect(lines.filter((line) => !LINE.test(line))).toEqual([]);
        expect(text).not.toMatch(/direction\s+(TB|BT|LR|RL)/i);
        expect(drawContext(structuredClone(config))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("each id has one state, with a name of its own and its whole label", () => {
    fc.assert(
      fc.property(anyContext, (config) => {
        const states = statesOf(drawContext(config));

        expect(states.map(({ label }) => label)).toEqual(config.tasks.map((one) => `${one.id} ${one.instance}`));
        expect(new Set(states.map(({ name }) => name)).size).toBe(config.tasks.length);
      }),
      { numRuns: 500 },
    );
  });

  test("each start and each trigger has its arrow, and there is no other", () => {
    fc.assert(
      fc.property(anyContext, (config) => {
        const text = drawContext(config);
        const idOf = new Map(statesOf(text).map(({ name }, index) => [name, config.tasks[index]?.id]));
        const ids = config.tasks.map((one) => one.id);
        const callsAll = (call: string[]) => call.some((name) => name === "all" || name === "context001");

        const arrows = [...text.matchAll(/^ {4}(\S+) --> ([^:\n]+)(?:: (.*))?$/gm)].map(
          ([, from = "", to = "", what]) => JSON.stringify([idOf.get(from) ?? 0, idOf.get(to) ?? 0, what]),
        );

        const expected = config.tasks.flatMap((one) => [
          ...(one.entry === "on_demand" ? [] : [[0, one.id, undefined]]),
          ...Object.entries(one.triggers).flatMap(([event, { action, call }]) =>
            (action === "exit" ? [0] : callsAll(call) ? ids : call).map((to) => [one.id, to, `${event} ${action}`]),
          ),
        ]);
        expect(arrows.sort()).toEqual(expected.map((arrow) => JSON.stringify(arrow)).sort());
      }),
      { numRuns: 500 },
    );
  });
});

/** The states of a diagram, their labels as a reader sees them. */
function statesOf(text: string): { name: string; label: string }[] {
  return [...text.matchAll(/^ {4}(\w+): (.*)$/gm)].map(([, name = "", label = ""]) => ({
    name,
    label: label.replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))),
  }));
}
