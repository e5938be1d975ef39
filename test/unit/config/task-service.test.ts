import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ConfigurationValue,
  DEFAULT_SUPERVISION,
  parseContextConfig,
  type TaskServiceConfig,
  TRIGGER_ACTIONS,
  TRIGGER_EVENTS,
} from "../../../src/config/context-config.ts";
import {
  formatTaskService,
  readBroughtCommand,
  readTaskServiceIds,
  readTaskServices,
} from "../../../src/config/task-service.ts";
import { detailsOf, GOOD } from "./context-xml.ts";

const echo: TaskServiceConfig = {
  id: "ts_100",
  instance: "EchoAction",
  topic: "process",
  serviceType: "Process",
  serviceName: "echo_action",
  description: "Shouts the time",
  entry: "on_start",
  configuration: { device_action: "shout", hosts: ["a", "b"] },
  triggers: { on_fail: { action: "restart", call: ["ts_100", "ts_101"] } },
  supervision: DEFAULT_SUPERVISION,
};

/** A message's task service as an old peer sends it, straight from its XML. */
const raw = {
  id: "ts_100",
  topic: "process",
  instance: "EchoAction",
  serviceType: "Process",
  Task: {
    description: "Shouts the time",
    message: {
      header: { action: "start", service_name: "echo_action" },
      content: { configuration: { device_action: "shout", hosts: ["a", "b"] } },
    },
    state: {
      type: "on_start",
      on_start: { action: "", call: "" },
      on_fail: { action: "restart", call: "ts_100 ts_101" },
    },
  },
};

const sleeper: TaskServiceConfig = {
  ...echo,
  serviceType: "Executable",
  command: { program: "./my sleeper", words: ["1000", "it's"], readyAfterMs: 250 },
};

describe("a task service on the wire", () => {
  test("is complete, with all four triggers, as the later generation sends it", () => {
    expect(formatTaskService(echo, { action: "start", transaction: "T" })).toEqual({
      Task: {
        description: "Shouts the time",
        message: {
          content: { configuration: { device_action: "shout", hosts: ["a", "b"] } },
          header: { action: "start", service_id: "ts_100", service_name: "echo_action", transaction: "T" },
        },
        state: {
          on_exit: { action: "", call: "" },
          on_fail: { action: "restart", call: "ts_100,ts_101" },
          on_start: { action: "", call: "" },
          on_update: { action: "", call: "" },
          type: "on_start",
        },
      },
      id: "ts_100",
      instance: "EchoAction",
      serviceType: "Process",
      topic: "process",
    });
  });

  test("has its command, where it is an Executable", () => {
    expect(formatTaskService(sleeper, { action: "start" })).toMatchObject({
      serviceType: "Executable",
      command: "'./my sleeper'",
      argument: ["1000", "it's"],
      ready_after_s: "0.25",
    });
    expect(Object.keys(formatTaskService(echo, { action: "start" }))).not.toContain("command");
  });

  test("has no transaction before there is one", () => {
    expect(formatTaskService(echo, { action: "stop" }).Task.message.header).toEqual({
      action: "stop",
      service_id: "ts_100",
      service_name: "echo_action",
    });
  });

  test("is read as it was written, whatever it says", () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,9}$/);
    const id = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => /^[^\s,\p{Cc}]+$/u.test(text) && !["all", "__proto__"].includes(text));
    const safe = (name: string) => !["__proto__", "constructor", "prototype", "hosts"].includes(name);
    const { value } = fc.letrec<{ value: ConfigurationValue; object: { [name: string]: ConfigurationValue } }>(
      (tie) => ({
        value: fc.oneof({ maxDepth: 4 }, fc.string({ unit: "grapheme" }), fc.array(tie("value")), tie("object")),
        object: fc.dictionary(fc.string({ unit: "grapheme" }).filter(safe), tie("value")),
      }),
    );
    const trigger = fc.record({
      action: fc.constantFrom(...TRIGGER_ACTIONS),
      call: fc.uniqueArray(id, { minLength: 1, maxLength: 4 }),
    });
    const odd = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: fc.constantFrom(..."'\"\\ $\n\taü") }));
    const command = fc.record({
      program: odd.filter((text) => text !== "" && !text.includes("\0")),
      words: fc.array(odd.filter((text) => !text.includes("\0"))),
      readyAfterMs: fc.nat(86_400_000),
    });
    const type = fc.oneof(
      fc.record({ serviceType: fc.constantFrom("Process" as const, "Thread" as const) }),
      fc.record({ serviceType: fc.constant("Executable" as const), command }),
    );
    const plain = fc.record({
      id,
      instance: word,
      topic: word,
      serviceName: word,
      description: fc.string({ unit: "grapheme" }),
      entry: fc.constantFrom("on_start", "start_now", "on_update", "on_demand", "whenever"),
      configuration: fc.dictionary(fc.string({ unit: "grapheme" }).filter(safe), value, { noNullPrototype: true }),
      triggers: fc.record(Object.fromEntries(TRIGGER_EVENTS.map((event) => [event, trigger])), { requiredKeys: [] }),
      supervision: fc.constant(DEFAULT_SUPERVISION),
    });

    const task = fc.tuple(plain, type).map(([one, other]): TaskServiceConfig => ({ ...one, ...other }));

    fc.assert(
      fc.property(fc.uniqueArray(task, { selector: (one) => one.id, maxLength: 3 }), (tasks) => {
        const message = {
          TaskService: tasks.map((one) => formatTaskService(one, { action: "start", transaction: "T" })),
        };

        expect(readTaskServices(JSON.parse(JSON.stringify(message)))).toEqual(tasks);
      }),
    );
  });

  test("says nothing of its supervision", () => {
    const supervised: TaskServiceConfig = { ...echo, supervision: { ...DEFAULT_SUPERVISION, restart: "always" } };

    expect(formatTaskService(supervised, { action: "start" })).toEqual(formatTaskService(echo, { action: "start" }));
  });

  test("says the same as the file it comes from", () => {
    const { tasks } = parseContextConfig(GOOD);

    expect(
      readTaskServices({ TaskService: tasks.map((task) => formatTaskService(task, { action: "start" })) }),
    ).toEqual(tasks);
  });
});

describe("a task service from an old peer", () => {
  test("is an object or a list, without an id or a transaction in its header", () => {
    expect(readTaskServices({ TaskService: raw })).toEqual([echo]);
    expect(readTaskServices({ TaskService: [raw] })).toEqual([echo]);
  });

  test("in a frame that the original sent is read", () => {
    const sent = readFileSync(new URL("../../fixtures/frames/start-from-original.json", import.meta.url), "utf8");

    expect(readTaskServices(JSON.parse(sent).content.configuration)).toMatchObject([{ id: "ts001" }]);
  });

  test("may say more than we know", () => {
    const more = { ...raw, pid: 1, Task: { ...raw.Task, state: { ...raw.Task.state, on_pause: { action: "stop" } } } };

    expect(readTaskServices({ TaskService: more, home: "/opt" })).toEqual([echo]);
  });

  test.each<[how: string, supervision: object]>([
    ["as an element", { Supervision: { restart: "always", environment: { name: "PATH" } } }],
    ["as several", { Supervision: [{ restart: "always" }, { restart: "sometimes" }] }],
    ["as a text", { Supervision: "always" }],
    ["as the original merges it", { restart: "always", max_restarts: "x", strategy: "", depends_on: "ts_100" }],
  ])("brings no supervision, sent %s", (_, supervision) => {
    expect(readTaskServices({ TaskService: { ...raw, ...supervision } })).toEqual([echo]);
  });

  test("may call tasks that are not in the message", () => {
    expect(readTaskServices({ TaskService: raw })[0]?.triggers.on_fail?.call).toEqual(["ts_100", "ts_101"]);
  });

  test("may have an empty configuration, or none", () => {
    const configured = (content: unknown) => ({
      ...raw,
      Task: { ...raw.Task, message: { ...raw.Task.message, content } },
    });

    for (const content of [{ configuration: {} }, { configuration: "" }, { configuration: null }, {}, "", undefined]) {
      expect(readTaskServices({ TaskService: configured(content) })[0]?.configuration).toEqual({});
    }
  });

  test("may have numbers, booleans and nulls, which become texts", () => {
    const configuration = { n: 1.5, yes: true, none: null, hosts: "a", list: [1, [false], {}] };
    const service = {
      ...raw,
      id: 7,
      Task: { ...raw.Task, message: { ...raw.Task.message, content: { configuration } } },
    };

    expect(readTaskServices({ TaskService: service })[0]).toMatchObject({
      id: "7",
      configuration: { n: "1.5", yes: "true", none: "", hosts: ["a"], list: ["1", ["false"], {}] },
    });
  });

  test.each<[string, unknown, string[]]>([
    ["none", undefined, []],
    ["one, as a text", "a b", ["a b"]],
    ["several, as a list", ["a b", "", "it's"], ["a b", "", "it's"]],
    ["an empty one", null, [""]],
    ["a number", 7, ["7"]],
  ])("may have a command as the XML has it, with arguments: %s", (_, argument, words) => {
    const service = { ...raw, serviceType: "Executable", command: "sh -c 'exit 0'", ready_after_s: 0.5 };
    const body = argument === undefined ? service : { ...service, argument };

    expect(readTaskServices({ TaskService: body })[0]?.command).toEqual({
      program: "sh",
      words: ["-c", "exit 0", ...words],
      readyAfterMs: 500,
    });
  });

  test("may be missing altogether", () => {
    for (const configuration of [undefined, null, "", {}, { TaskService: null }, { TaskService: [] }]) {
      expect(readTaskServices(configuration)).toEqual([]);
      expect(readTaskServiceIds(configuration)).toEqual([]);
    }
  });
});

describe("a malformed task service", () => {
  test("is refused with all its problems, each at its path", () => {
    const bad = {
      ...raw,
      id: "",
      instance: 7,
      Task: {
        message: { header: "start", content: { configuration: "x" } },
        state: { type: "on_strat", on_exit: { action: "start" }, on_fail: { action: "explode", call: "a" } },
      },
    };

    expect(detailsOf(() => readTaskServices({ TaskService: [raw, raw, bad] }))).toEqual([
      `TaskService[1].id: TaskService ts_100, id: expected an id of its own, got "ts_100" again`,
      `TaskService[2].id: TaskService, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got ""`,
      `TaskService[2].instance: TaskService, instance: expected a name such as EchoAction: a letter, then at most 62 letters, digits or _, got "7"`,
      `TaskService[2].Task.message.header: TaskService, header: expected elements, got the text "start"`,
      "TaskService[2].Task.message.header: TaskService, service_name: expected a text, got nothing",
      `TaskService[2].Task.message.content.configuration: TaskService, configuration: expected an object, got "x"`,
      `TaskService[2].Task.state.type: TaskService, state type: expected on_start, start_now, or another word for a task on demand, got "on_strat"; did you mean "on_start"?`,
      "TaskService[2].Task.state.on_exit: TaskService, on_exit call: expected task ids, the context id or all, got nothing",
      `TaskService[2].Task.state.on_fail.action: TaskService, on_fail action: expected one of start, stop, restart, exit, got "explode"`,
    ]);
  });

  test("has problems with its command like any other", () => {
    const service = { ...raw, serviceType: "Executable", command: "a\0b", argument: ["c", "\0"], ready_after_s: "1s" };

    expect(detailsOf(() => readTaskServices({ TaskService: service }))).toEqual([
      `TaskService.command: TaskService ts_100, command: expected no NUL character, got "a\\u0000b"`,
      `TaskService.argument[1]: TaskService ts_100, argument: expected no NUL character, got "\\u0000"`,
      `TaskService.ready_after_s: TaskService ts_100, ready_after_s: expected a number of seconds from 0 to 86400, got "1s"`,
    ]);
    expect(detailsOf(() => readTaskServices({ TaskService: { ...raw, command: "a" } }))).toEqual([
      `TaskService.command: TaskService ts_100, command: expected with serviceType="Executable" only, got it with "Process"`,
    ]);
  });

  test("is an error of the message, not of a file", () => {
    expect(() => readTaskServices({ TaskService: "x" })).toThrowError(
      expect.objectContaining({
        code: "ERR_MESSAGE_MALFORMED",
        message: "the task services of the message have 6 problems",
      }),
    );
  });

  test("costs little, however deep or large it is", () => {
    const deep = Array.from({ length: 100_000 }).reduce<unknown>((inside) => ({ a: inside }), "x");
    const inConfiguration = {
      ...raw,
      Task: { ...raw.Task, message: { ...raw.Task.message, content: { configuration: deep } } },
    };
    const tooDeep = /^TaskService.* configuration: expected at most 64 levels, got more$/;

    expect(() => readTaskServices({ TaskService: deep })).toThrow("expected at most 64 levels, got more");
    expect(detailsOf(() => readTaskServices({ TaskService: inConfiguration }))).toEqual([
      expect.stringMatching(tooDeep),
    ]);
    expect(() => readTaskServices({ TaskService: Array(100_000).fill({}) })).toThrow("at most 20000 entries, got more");
  });

  test("changes no prototype", () => {
    const configuration = JSON.parse(`{"__proto__":{"polluted":"1"},"a":{"constructor":"2"}}`);
    const service = { ...raw, Task: { ...raw.Task, message: { ...raw.Task.message, content: { configuration } } } };

    expect(detailsOf(() => readTaskServices({ TaskService: service }))).toHaveLength(2);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("the ids of a stop", () => {
  test("are those of its task services, in order, which need nothing else", () => {
    expect(readTaskServiceIds({ TaskService: [{ id: "b" }, { id: "a" }, raw] })).toEqual(["b", "a", "ts_100"]);
    expect(readTaskServiceIds({ TaskService: { id: "b" } })).toEqual(["b"]);
  });

  test("may stand in the headers", () => {
    const service = { Task: { message: { header: { service_id: "ts_7" } } } };

    expect(readTaskServiceIds({ TaskService: [service] })).toEqual(["ts_7"]);
  });

  test("must be there", () => {
    expect(detailsOf(() => readTaskServiceIds({ TaskService: [{ id: "a" }, { topic: "process" }] }))).toEqual([
      "TaskService[1]: expected an id, got nothing",
    ]);
  });
});

describe("the command that a message to one task brings", () => {
  test("is the one of its body", () => {
    const body = formatTaskService(sleeper, { action: "start" });

    expect(readBroughtCommand(body)).toMatchObject({ program: "./my sleeper", words: ["1000", "it's"] });
    expect(readBroughtCommand({ command: "a b" })).toMatchObject({ program: "a", words: ["b"] });
  });

  test("may be missing", () => {
    expect(readBroughtCommand({})).toBeUndefined();
    expect(readBroughtCommand(formatTaskService(echo, { action: "start" }))).toBeUndefined();
  });

  test("must be readable", () => {
    expect(detailsOf(() => readBroughtCommand({ command: "a '" }))).toEqual([
      `TaskService.command: command: expected a closing ', got "'"`,
    ]);
  });
});
