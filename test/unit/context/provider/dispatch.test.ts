import { describe, expect, test } from "vitest";
import type { Command, TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { DEFAULT_SUPERVISION } from "../../../../src/config/context-config.ts";
import { formatTaskService } from "../../../../src/config/task-service.ts";
import { type Decision as Decided, dispatch as decide } from "../../../../src/context/provider/dispatch.ts";
import type { View } from "../../../../src/context/provider/view.ts";
import { eventOf } from "../../../../src/context/task/task-messages.ts";
import type { TransactionView } from "../../../../src/context/transaction/members.ts";
import type { Json, JsonObject } from "../../../../src/protocol/json.ts";
import { type Header, type Message, readMessage } from "../../../../src/protocol/message.ts";
import { isEnding, type TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

const ts001 = task("ts001");
const ts002 = task("ts002", { entry: "on_demand" });
const ts003 = task("ts003", { entry: "start_now" });
const OWN = [ts001, ts002, ts003];

/** A decision without the message that it is about. */
type Decision = {
  [Kind in Decided["kind"]]: Omit<Extract<Decided, { kind: Kind }>, "command" | "announcement" | "query">;
}[Decided["kind"]];

/** What is decided; that it is about the message is seen here, once for all. */
function dispatch(message: Message, view: View): Decision {
  const { command, announcement, query, ...decision } = decide(message, view) as Decided &
    Record<"command" | "announcement" | "query", Message | undefined>;
  expect([decision.kind, command ?? announcement ?? query]).toEqual([
    decision.kind,
    decision.kind === "ignore" ? undefined : message,
  ]);
  return decision as Decision;
}

type States = { [id: string]: TaskState };

/** A provider of three tasks, the second on demand, and its transactions. */
function providerWith(transactions: { [transaction: string]: States }, but: Partial<View> = {}): View {
  return {
    contextId: "context001",
    ownTasks: OWN,
    supervision: DEFAULT_SUPERVISION,
    find: (transaction) => viewOf(transactions[transaction]),
    hasEnded: () => false,
    busy: () => [],
    whyUnknown: () => "is unknown",
    mayLoad: ({ configuration }) => configuration.location !== "/elsewhere",
    ...but,
  };
}

function viewOf(states: States | undefined): TransactionView | undefined {
  if (states === undefined) return undefined;
  const own = (id: string) => OWN.find((one) => one.id === id) ?? task(id);
  return new Map(
    Object.entries(states).map(([id, state]) => [id, { task: own(id), state, isLeaving: isEnding(state) }]),
  );
}

const usual: Header = { action: "", serviceId: "context001", serviceName: "context", transaction: "T" };

function context(action: string, configuration?: Json, header: Partial<Header> = {}): Message {
  return { kind: "context", header: { ...usual, action, ...header }, configuration };
}

function command(action: string, header: Partial<Header> = {}, topic = "process", body: JsonObject = {}): Message {
  return {
    kind: "process",
    topic,
    header: { ...usual, serviceName: "name_of_ts001", serviceId: "ts001", action, ...header },
    body,
  };
}

/** A configuration that brings these tasks along, complete as the later generation sends them. */
function bringing(...tasks: TaskServiceConfig[]): JsonObject {
  return { TaskService: tasks.map((one) => ({ ...formatTaskService(one, { action: "start" }) })) };
}

function runs(program: string, ...words: string[]): Command {
  return { program, words, readyAfterMs: 1_000 };
}

function naming(...ids: string[]): JsonObject {
  return { TaskService: ids.map((id) => ({ id })) };
}

/** The orders of a decision as `action id`, or its code, or its kind. */
function verdict(decision: Decision): string | string[] {
  switch (decision.kind) {
    case "obey":
      return decision.orders.map(({ action, task: { id } }) => `${action} ${id}`);
    case "refuse":
      return decision.code;
    default:
      return decision.kind;
  }
}

function reasonIn(decision: Decision): string {
  return "reason" in decision ? decision.reason : "";
}

describe("what a context command needs", () => {
  const alive = (state: TaskState) => ({ T: { ts001: state } });
  const ok = "ok";

  test.each<[string, { view: View; header?: Partial<Header>; id?: string }, [string, string, string, string]]>([
    ["a transaction that exists", { view: providerWith({ T: { ts001: "stopped" } }) }, [ok, ok, ok, ok]],
    ["a transaction nobody knows", { view: providerWith({}) }, [ok, ok, "ERR_TRANSACTION_UNKNOWN", ok]],
    [
      "another transaction than the one that runs",
      { view: providerWith({ U: { ts001: "running" } }) },
      [ok, ok, "ERR_TRANSACTION_UNKNOWN", ok],
    ],
    [
      "no transaction at all",
      { view: providerWith({}), header: { transaction: "" } },
      [ok, "ERR_MESSAGE_MALFORMED", "ERR_MESSAGE_MALFORMED", "ERR_MESSAGE_MALFORMED"],
    ],
    [
      "the context's own id",
      { view: providerWith(alive("stopped")), header: { serviceId: "context001" } },
      [ok, ok, ok, ok],
    ],
    ["no context id", { view: providerWith(alive("stopped")), header: { serviceId: "" } }, [ok, ok, ok, ok]],
    [
      "`none` as context id, as conf_command sends it",
      { view: providerWith(alive("stopped")), header: { serviceId: "none" } },
      [ok, ok, ok, ok],
    ],
    [
      "another context id",
      { view: providerWith(alive("stopped")), header: { serviceId: "context002" } },
      [ok, ok, "ERR_CONTEXT_MISMATCH", ok],
    ],
    [
      "any context id, while the provider has none",
      { view: providerWith(alive("stopped"), { contextId: "" }), header: { serviceId: "context002" } },
      [ok, ok, ok, ok],
    ],
    [
      "`all` as service name",
      { view: providerWith(alive("stopped")), header: { serviceName: "all" } },
      [ok, ok, ok, ok],
    ],
    ["a task that exists", { view: providerWith(alive("stopped")), id: "ts001" }, [ok, ok, ok, ok]],
    [
      "a task the transaction does not have",
      { view: providerWith(alive("stopped")), id: "ts009" },
      [ok, ok, "ERR_TASK_UNKNOWN", ok],
    ],
    ["a task that is defined", { view: providerWith(alive("defined")) }, [ok, ok, ok, ok]],
    ["a task that is backingOff", { view: providerWith(alive("backingOff")) }, [ok, ok, ok, ok]],
    ["a task that is starting", { view: providerWith(alive("starting")) }, [ok, "ERR_TASK_ALIVE", ok, ok]],
    ["a task that is running", { view: providerWith(alive("running")) }, [ok, "ERR_TASK_ALIVE", ok, ok]],
    ["a task that is stopping", { view: providerWith(alive("stopping")) }, [ok, ok, ok, ok]],
    ["a task that is stopped", { view: providerWith(alive("stopped")) }, [ok, ok, ok, ok]],
    ["a task that is exited", { view: providerWith(alive("exited")) }, [ok, ok, ok, ok]],
    ["a task that is failed", { view: providerWith(alive("failed")) }, [ok, ok, ok, ok]],
  ])("%s", (_, { view, header = {}, id = "ts001" }, expected) => {
    const verdicts = ["exit", "start", "stop", "restart"].map((action) => {
      const decision = dispatch(context(action, bringing(task(id)), header), view);
      return decision.kind === "refuse" ? decision.code : ok;
    });

    expect(verdicts).toEqual(expected);
  });

  test("an action that exists, or the refusal names those that do", () => {
    const decision = dispatch(context("pause"), providerWith({ T: { ts001: "running" } }));

    expect(verdict(decision)).toBe("ERR_MESSAGE_UNKNOWN");
    expect(reasonIn(decision)).toContain("expected start, stop, restart, apply or exit");
  });

  test("one fault refuses the whole message", () => {
    const view = providerWith({ T: { ts001: "running", ts002: "stopped", ts003: "starting" } });

    const decision = dispatch(context("start", bringing(ts001, ts002, ts003)), view);

    expect(verdict(decision)).toBe("ERR_TASK_ALIVE");
    expect(reasonIn(decision)).toBe("ts001 is running, ts003 is starting: stop it first, or use restart");
  });

  test("a refusal for a transaction that has ended says so", () => {
    const view = providerWith({}, { whyUnknown: () => "has ended: ts001 exited" });

    expect(reasonIn(dispatch(context("stop"), view))).toBe('transaction "T" has ended: ts001 exited');
  });
});

describe("start", () => {
  test("without tasks of its own uses the provider's file, in its order", () => {
    const orders = ["start ts001", "define ts002", "start ts003"];

    expect(verdict(dispatch(context("start"), providerWith({})))).toEqual(orders);
    expect(verdict(dispatch(context("start", {}), providerWith({})))).toEqual(orders);
  });

  test("brings its own definitions, which hold from then on", () => {
    const other = task("ts001", { configuration: { device_action: "whisper" } });

    expect(dispatch(context("start", bringing(other)), providerWith({}))).toEqual({
      kind: "obey",
      orders: [{ task: other, action: "start" }],
    });
  });

  test("takes one task as an object, too", () => {
    const { TaskService } = bringing(ts001);
    const [alone = null] = TaskService as Json[];

    expect(verdict(dispatch(context("start", { TaskService: alone }), providerWith({})))).toEqual(["start ts001"]);
  });

  test("takes the raw file of the README era, with `none` as context id", () => {
    const message = readMessage({
      topic: "context",
      body: {
        content: {
          configuration: {
            FrontEndEndpoint: "tcp://127.0.0.1:5556",
            BackendEndpoint: "tcp://127.0.0.1:5557",
            FrontBind: "tcp://*:5557",
            BackendBind: "tcp://*:5556",
            TaskLogName: "EchoAction",
            TaskService: {
              id: "ts_100",
              topic: "process",
              instance: "EchoAction",
              serviceType: "Process",
              Task: {
                description: "Shouts the current time",
                message: {
                  header: { action: "start", service_name: "echo_action" },
                  content: { configuration: { device_action: "shout", interval_s: "10" } },
                },
                state: { type: "on_start", on_fail: { action: "restart", call: "ts_100" } },
              },
            },
          },
        },
        header: { action: "start", service_id: "none", service_name: "context", service_transaction: "T" },
      },
    });

    expect(verdict(dispatch(message, providerWith({})))).toEqual(["start ts_100"]);
  });

  test("of a list of ids means the tasks the provider knows by them", () => {
    expect(dispatch(context("start", naming("ts003", "ts001")), providerWith({}))).toEqual({
      kind: "obey",
      orders: [
        { task: ts003, action: "start" },
        { task: ts001, action: "start" },
      ],
    });
    expect(verdict(dispatch(context("start", { TaskService: { id: "ts001" } }), providerWith({})))).toEqual([
      "start ts001",
    ]);
  });

  test("of a list of ids knows the tasks a transaction has brought along as well", () => {
    const view = providerWith({ T: { ts009: "stopped" } });

    expect(verdict(dispatch(context("start", naming("ts009")), view))).toEqual(["start ts009"]);
  });

  test("of an id nobody knows is refused with the ids there are", () => {
    const decision = dispatch(context("start", naming("ts001", "ts009")), providerWith({}));

    expect(verdict(decision)).toBe("ERR_TASK_UNKNOWN");
    expect(reasonIn(decision)).toContain("no task ts009; it has ts001, ts002, ts003");
  });

  test("of a whole context only registers a task on demand, however it lists the tasks and whatever was before", () => {
    for (const configuration of [undefined, {}, { TaskService: [] }, bringing(...OWN)])
      for (const before of [undefined, "defined", "stopped", "exited", "failed"] as const)
        expect(
          verdict(dispatch(context("start", configuration), providerWith(before ? { T: { ts002: before } } : {}))),
        ).toEqual(["start ts001", "define ts002", "start ts003"]);
  });

  test("that names a task on demand runs it, as the first command and as any later one", () => {
    const named = [naming("ts002"), bringing(ts002), { TaskService: { id: "ts002" } }];
    for (const configuration of named)
      for (const before of [
        {},
        { T: {} },
        ...["defined", "stopped", "exited", "failed"].map((state) => ({ T: { ts002: state } })),
      ])
        expect(verdict(dispatch(context("start", configuration), providerWith(before as { T?: States })))).toEqual([
          "start ts002",
        ]);
  });

  test("that names all tasks by their ids runs those on demand as well", () => {
    const all = naming("ts001", "ts002", "ts003");

    expect(verdict(dispatch(context("start", all), providerWith({})))).toEqual([
      "start ts001",
      "start ts002",
      "start ts003",
    ]);
  });

  test("of a context that has nothing but a task on demand runs it the second time", () => {
    const start = context("start", bringing(ts002));
    const orders = (states: States | undefined) =>
      verdict(dispatch(start, providerWith(states === undefined ? {} : { T: states }, { ownTasks: [ts002] })));

    expect(orders(undefined)).toEqual(["define ts002"]);
    expect(orders({ ts002: "defined" })).toEqual(["start ts002"]);
    expect(orders({ ts002: "stopped" })).toEqual(["define ts002"]); // as if its transaction were over already
  });

  test("of a context that the provider's file does not have registers its task on demand", () => {
    const first = task("ts008");
    const second = task("ts009", { entry: "on_update" });

    const start = (tasks: TaskServiceConfig[], states: States) => {
      const decision = dispatch(context("start", bringing(...tasks)), providerWith({ T: states }));
      return verdict(decision);
    };
    expect(start([first, second], {})).toEqual(["start ts008", "define ts009"]);
    expect(start([second], { ts008: "running", ts009: "defined" })).toEqual(["start ts009"]);
    expect(start([second], { ts008: "running", ts009: "stopped" })).toEqual(["start ts009"]);
  });

  test("may add a task to a transaction that runs", () => {
    const view = providerWith({ T: { ts001: "running" } });

    expect(verdict(dispatch(context("start", bringing(ts003)), view))).toEqual(["start ts003"]);
  });

  test("in one transaction does not see the tasks of another", () => {
    const view = providerWith({ U: { ts001: "running", ts003: "running" } });

    expect(verdict(dispatch(context("start"), view))).toEqual(["start ts001", "define ts002", "start ts003"]);
  });

  test("is refused where code is to come from a place the provider's file does not name", () => {
    const foreign = task("ts009", { configuration: { location: "/elsewhere" } });

    for (const action of ["start", "restart"]) {
      const decision = dispatch(context(action, bringing(ts001, foreign)), providerWith({}));
      expect(verdict(decision)).toBe("ERR_LOCATION_FORBIDDEN");
      expect(reasonIn(decision)).toContain('ts009: code may not be loaded from "/elsewhere"');
    }
  });

  test("is refused where it brings a command that the provider's file does not have", () => {
    const own = task("ts004", { serviceType: "Executable", command: runs("sh", "-c", "exit 0") });
    const view = providerWith({}, { ownTasks: [...OWN, own] });

    for (const action of ["start", "restart"]) {
      const foreign = task("ts004", { serviceType: "Executable", command: runs("sh", "-c", "exit 1") });
      const decision = dispatch(context(action, bringing(ts001, foreign)), view);
      expect(verdict(decision)).toBe("ERR_LOCATION_FORBIDDEN");
      expect(reasonIn(decision)).toBe(
        "ts004: no task of the provider's own file has the command sh -c 'exit 1'; write it there, or start a task by its id",
      );
    }
  });

  test("may bring a command that the provider's file has, for whichever task", () => {
    const own = task("ts004", { serviceType: "Executable", command: runs("sh", "-c", "exit 0") });
    const same = { ...own, id: "ts009", configuration: { location: "/elsewhere" } }; // where no code comes from

    expect(verdict(dispatch(context("start", bringing(same)), providerWith({}, { ownTasks: [own] })))).toEqual([
      "start ts009",
    ]);
  });

  test("with a definition that can't be read is refused with every problem of it", () => {
    const { TaskService } = bringing(ts001);
    const [entry] = TaskService as JsonObject[];
    const decision = dispatch(
      context("start", { TaskService: { ...entry, instance: "../x", id: "" } }),
      providerWith({}),
    );

    expect(verdict(decision)).toBe("ERR_MESSAGE_MALFORMED");
    expect(reasonIn(decision)).toContain("2 problems");
    expect(reasonIn(decision)).toContain("TaskService.instance");
    expect(reasonIn(decision)).toContain("TaskService.id");
  });
});

describe("stop", () => {
  const view = providerWith({
    T: {
      ts001: "running",
      ts002: "defined",
      ts003: "exited",
      ts004: "starting",
      ts005: "backingOff",
      ts006: "failed",
      ts007: "stopping",
      ts008: "stopped",
    },
  });
  const everyLiveTask = ["stop ts001", "stop ts002", "stop ts004", "stop ts005", "stop ts007"];

  test("needs only a transaction: it ends whatever lives or waits in it", () => {
    expect(verdict(dispatch(context("stop"), view))).toEqual(everyLiveTask);
    expect(verdict(dispatch(context("stop", {}), view))).toEqual(everyLiveTask);
    expect(verdict(dispatch(context("stop", { TaskService: [] }), view))).toEqual(everyLiveTask);
    expect(verdict(dispatch(context("stop", undefined, { serviceName: "all" }), view))).toEqual(everyLiveTask);
  });

  test("ends the tasks it names, by nothing but their id or by their whole definition", () => {
    expect(verdict(dispatch(context("stop", naming("ts004", "ts001")), view))).toEqual(["stop ts001", "stop ts004"]);
    expect(verdict(dispatch(context("stop", bringing(ts001)), view))).toEqual(["stop ts001"]);
    expect(verdict(dispatch(context("stop", { TaskService: { id: "ts001" } }), view))).toEqual(["stop ts001"]);
  });

  test("for `all` ends everybody, whichever tasks it lists", () => {
    const all = { serviceName: "all" };

    expect(verdict(dispatch(context("stop", naming("ts001"), all), view))).toEqual(everyLiveTask);
    expect(verdict(dispatch(context("stop", naming("ts009"), all), view))).toEqual(everyLiveTask);
  });

  test("does not change a task's definition", () => {
    const other = task("ts001", { configuration: { location: "/elsewhere" } });

    expect(dispatch(context("stop", bringing(other)), view)).toEqual({
      kind: "obey",
      orders: [{ task: ts001, action: "stop" }],
    });
  });

  test("of tasks that have ended already is accepted and orders nothing", () => {
    expect(verdict(dispatch(context("stop", naming("ts003", "ts006")), view))).toEqual([]);
  });

  test("of a task the transaction does not have is refused with those it has", () => {
    const decision = dispatch(context("stop", naming("ts001", "ts009")), providerWith({ T: { ts001: "running" } }));

    expect(verdict(decision)).toBe("ERR_TASK_UNKNOWN");
    expect(reasonIn(decision)).toBe("no task ts009 in this transaction; have ts001");
  });

  test("of an entry without an id is refused", () => {
    expect(verdict(dispatch(context("stop", { TaskService: [{ id: "ts001" }, {}] }), view))).toBe(
      "ERR_MESSAGE_MALFORMED",
    );
  });
});

describe("restart", () => {
  test("of an unknown transaction is a start", () => {
    expect(verdict(dispatch(context("restart"), providerWith({})))).toEqual([
      "start ts001",
      "define ts002",
      "start ts003",
    ]);
  });

  test("takes ids beside complete definitions", () => {
    const view = providerWith({ T: { ts001: "running", ts002: "defined", ts003: "running" } });
    const mixed = { TaskService: [{ id: "ts003" }, ...([bringing(ts001).TaskService].flat() as JsonObject[])] };

    expect(verdict(dispatch(context("restart", mixed), view))).toEqual(["restart ts003", "restart ts001"]);
  });

  test("of a whole context leaves alone who waits on demand", () => {
    const view = providerWith({ T: { ts001: "running", ts002: "defined", ts003: "failed" } });
    const orders = ["restart ts001", "restart ts003"];

    expect(verdict(dispatch(context("restart"), view))).toEqual(orders);
    expect(verdict(dispatch(context("restart", bringing(...OWN)), view))).toEqual(orders);
  });

  test("of a whole context includes who is on demand and runs now, not who has ended", () => {
    const ending = providerWith({ T: { ts001: "running", ts002: "exited", ts003: "running" } });
    const running = providerWith({ T: { ts001: "running", ts002: "running", ts003: "running" } });

    expect(verdict(dispatch(context("restart"), ending))).toEqual(["restart ts001", "restart ts003"]);
    expect(verdict(dispatch(context("restart"), running))).toEqual(["restart ts001", "restart ts002", "restart ts003"]);
  });

  test("that names who waits on demand runs it", () => {
    const view = providerWith({ T: { ts001: "running", ts002: "defined", ts003: "running" } });

    expect(verdict(dispatch(context("restart", naming("ts002")), view))).toEqual(["restart ts002"]);
    expect(verdict(dispatch(context("restart", bringing(ts002)), view))).toEqual(["restart ts002"]);
    expect(verdict(dispatch(context("restart", naming("ts001", "ts002", "ts003")), view))).toEqual([
      "restart ts001",
      "restart ts002",
      "restart ts003",
    ]);
  });

  test("that names a task on demand runs it, also in a transaction that does not know it", () => {
    for (const configuration of [naming("ts002"), bringing(ts002)])
      for (const transactions of [{}, { T: { ts001: "running" } }] as const)
        expect(verdict(dispatch(context("restart", configuration), providerWith(transactions)))).toEqual([
          "start ts002",
        ]);
  });

  test("runs who waits on demand where a transaction has nobody else", () => {
    expect(verdict(dispatch(context("restart"), providerWith({ T: { ts002: "defined" } })))).toEqual(["restart ts002"]);
  });

  test("without tasks of its own means those of the transaction, not those of the file", () => {
    expect(verdict(dispatch(context("restart"), providerWith({ T: { ts009: "running" } })))).toEqual(["restart ts009"]);
  });

  test("starts a task the transaction does not have yet, and makes known one on demand", () => {
    const view = providerWith({ T: { ts001: "running" } });

    expect(verdict(dispatch(context("restart", bringing(ts001, ts002, ts003)), view))).toEqual([
      "restart ts001",
      "define ts002",
      "start ts003",
    ]);
  });
});

describe("exit", () => {
  test("leaves, whatever else the message says", () => {
    expect(dispatch(context("exit"), providerWith({}))).toEqual({ kind: "leave" });
    expect(dispatch(context("exit", { TaskService: {} }, { transaction: "" }), providerWith({}))).toEqual({
      kind: "leave",
    });
  });
});

describe("a process message", () => {
  const view = providerWith({ T: { ts001: "running", ts002: "defined", ts003: "stopped" } });

  test("that brings a command which the provider's file does not have is refused, unless it is a stop", () => {
    const bring = (action: string, body: JsonObject) => verdict(dispatch(command(action, {}, "process", body), view));

    for (const action of ["start", "restart"]) {
      expect(bring(action, { serviceType: "Executable", command: "sh", argument: ["-c", "exit 1"] })).toBe(
        "ERR_LOCATION_FORBIDDEN",
      );
      expect(bring(action, { command: "sh" })).toBe("ERR_LOCATION_FORBIDDEN");
      expect(bring(action, { command: "'" })).toBe("ERR_MESSAGE_MALFORMED");
    }
    expect(bring("stop", { command: "sh" })).toEqual(["stop ts001"]);
  });

  test("may bring a command which the provider's file has", () => {
    const own = task("ts001", { serviceType: "Executable", command: runs("sh", "-c", "exit 0") });
    const body = { ...formatTaskService(own, { action: "restart" }) };

    const decision = dispatch(command("restart", {}, "process", body), { ...view, ownTasks: [own] });

    expect(verdict(decision)).toEqual(["restart ts001"]);
  });

  test("by name and id reaches that task", () => {
    expect(verdict(dispatch(command("stop"), view))).toEqual(["stop ts001"]);
    expect(verdict(dispatch(command("restart"), view))).toEqual(["restart ts001"]);
    expect(verdict(dispatch(command("start", { serviceId: "ts003", serviceName: "name_of_ts003" }), view))).toEqual([
      "start ts003",
    ]);
  });

  test("by name alone reaches every task of that name", () => {
    const twins = new Map(
      ["ts004", "ts005"].map((id) => [
        id,
        { task: task(id, { serviceName: "twin" }), state: "running", isLeaving: false } as const,
      ]),
    );
    const provider = providerWith({}, { find: () => twins });

    expect(verdict(dispatch(command("stop", { serviceId: "", serviceName: "twin" }), provider))).toEqual([
      "stop ts004",
      "stop ts005",
    ]);
    expect(verdict(dispatch(command("stop", { serviceId: "ts005", serviceName: "twin" }), provider))).toEqual([
      "stop ts005",
    ]);
  });

  test("to `all` reaches every task of the transaction", () => {
    const all = { serviceId: "", serviceName: "all" };

    expect(verdict(dispatch(command("stop", all), view))).toEqual(["stop ts001", "stop ts002"]);
    expect(verdict(dispatch(command("restart", all), view))).toEqual([
      "restart ts001",
      "restart ts002",
      "restart ts003",
    ]);
  });

  test("to `all` starts those that are not alive, and is refused when there is none", () => {
    const all = { serviceId: "", serviceName: "all" };

    expect(verdict(dispatch(command("start", all), view))).toEqual(["start ts002", "start ts003"]);
    expect(verdict(dispatch(command("start", all), providerWith({ T: { ts001: "running" } })))).toBe("ERR_TASK_ALIVE");
  });

  test("is refused for a task that is alive, when it says start", () => {
    expect(verdict(dispatch(command("start"), view))).toBe("ERR_TASK_ALIVE");
  });

  test.each([
    ["another id", { serviceId: "ts002" }],
    ["another name", { serviceName: "somebody" }],
  ])("with %s is refused", (_, header) => {
    expect(verdict(dispatch(command("stop", header), view))).toBe("ERR_TASK_UNKNOWN");
  });

  test("of a foreign transaction is refused, to `all` as well", () => {
    expect(verdict(dispatch(command("stop", { transaction: "U" }), view))).toBe("ERR_TRANSACTION_UNKNOWN");
    expect(verdict(dispatch(command("stop", { transaction: "U", serviceId: "", serviceName: "all" }), view))).toBe(
      "ERR_TRANSACTION_UNKNOWN",
    );
  });

  test("on another topic than the task's is refused", () => {
    const decision = dispatch(command("stop", {}, "elsewhere"), view);

    expect(verdict(decision)).toBe("ERR_TASK_UNKNOWN");
    expect(reasonIn(decision)).toContain("listens on elsewhere");
  });

  test("on the task's own topic is obeyed", () => {
    const own = { task: task("ts004", { topic: "audio" }), state: "running", isLeaving: false } as const;
    const provider = providerWith({}, { find: () => new Map([["ts004", own]]) });
    const to = { serviceId: "ts004", serviceName: "name_of_ts004" };

    expect(verdict(dispatch(command("stop", to, "audio"), provider))).toEqual(["stop ts004"]);
    expect(verdict(dispatch(command("stop", to), provider))).toBe("ERR_TASK_UNKNOWN");
  });

  test("with a verb nobody knows is refused", () => {
    expect(verdict(dispatch(command("exit"), view))).toBe("ERR_MESSAGE_UNKNOWN");
  });

  test("never brings a definition along", () => {
    const body = { ...formatTaskService(task("ts001", { instance: "Evil" }), { action: "restart" }) };

    expect(dispatch({ ...command("restart"), body } as Message, view)).toEqual({
      kind: "obey",
      orders: [{ task: ts001, action: "restart" }],
    });
  });
});

describe("a control message", () => {
  const view = providerWith({ T: { ts001: "running" } });

  function announcement(header: Partial<Header>): Message {
    const about = { action: "updated", serviceId: "ts001", serviceName: "name_of_ts001", transaction: "T" };
    return { kind: "control", header: { ...about, ...header }, status: { device_action: "", result: "success" } };
  }

  test("about a task of ours is recorded, whatever it says", () => {
    expect(dispatch(announcement({}), view)).toEqual({ kind: "record" });
    expect(dispatch(announcement({ action: "a word of its own" }), view)).toEqual({ kind: "record" });
  });

  test("in the name of a context is ignored without a word", () => {
    expect(dispatch(announcement({ serviceName: "context", serviceId: "context002" }), view)).toEqual({
      kind: "ignore",
    });
  });

  test("about a task or a transaction we do not run is ignored, and it is said why", () => {
    expect(dispatch(announcement({ serviceId: "ts009" }), view)).toEqual({
      kind: "ignore",
      why: '"updated" of task "ts009" in transaction "T", which this provider does not run',
    });
    expect(dispatch(announcement({ transaction: "U" }), view)).toMatchObject({
      kind: "ignore",
      why: expect.stringContaining('transaction "U"'),
    });
  });
});

describe("what an announcement means for the lifecycle", () => {
  const status = (result: string, items: JsonObject = {}) => ({ device_action: "", result, ...items });

  test.each([
    ["started", "success", "started"],
    ["started", "failure", "unfit"],
    ["updated", "success", "updated"],
    ["updated", "failure", "updated"],
    ["failed", "failure", "failed"],
    ["failed", "success", "failed"],
    ["exited", "success", "exited"],
    ["stopped", "success", "stopped"],
  ])("%s with %s is the event %s", (action, result, type) => {
    expect(eventOf(action, status(result))).toMatchObject({ type });
  });

  test("created, and a word of the task's own, are no event", () => {
    expect(eventOf("created", status("success"))).toBeUndefined();
    expect(eventOf("searching", status("success"))).toBeUndefined();
  });

  test("a failure brings its reason along, whatever shape it has", () => {
    expect(eventOf("failed", status("failure", { reason: "no paper" }))).toMatchObject({ reason: "no paper" });
    expect(eventOf("failed", status("failure", { reason: { ppid: 123 } }))).toMatchObject({ reason: '{"ppid":123}' });
    expect(eventOf("failed", status("failure"))).toMatchObject({ reason: "the task announced failed" });
    expect(eventOf("started", status("failure"))).toMatchObject({ reason: "the task announced started" });
  });
});

describe("a state message", () => {
  const view = providerWith({ T: { ts001: "running" } });
  const query = (action: string, transaction = "T"): Message => ({
    kind: "state",
    header: { action, serviceId: "", serviceName: "state", transaction },
    content: { configuration: {} },
  });

  test("is answered in kind", () => {
    expect(dispatch(query("request"), view)).toEqual({ kind: "reply", action: "reply_context" });
    expect(dispatch(query("top"), view)).toEqual({ kind: "reply", action: "reply_top" });
  });

  test("about an unknown transaction is answered with an error", () => {
    for (const [asked, action] of [
      ["request", "reply_context"],
      ["top", "reply_top"],
    ] as const)
      expect(dispatch(query(asked, "U"), view)).toEqual({
        kind: "replyError",
        action,
        code: "ERR_TRANSACTION_UNKNOWN",
        reason: 'transaction "U" is unknown',
      });
  });

  test("that is itself a reply, ours included, is ignored", () => {
    expect(dispatch(query("reply_context"), view)).toEqual({ kind: "ignore" });
    expect(dispatch(query("reply_top", "U"), view)).toEqual({ kind: "ignore" });
  });
});

describe("a start that is meant for an idle context", () => {
  const start = context("start", undefined, { transaction: "T2", extra: { only_if_idle: true } });

  test("is obeyed while no task of another transaction runs", () => {
    expect(dispatch(start, providerWith({}, { busy: () => ["T2"] }))).toMatchObject({ kind: "obey" });
  });

  test("is refused while one does, which another start is not", () => {
    const view = providerWith({ T1: { ts001: "running" } }, { busy: () => ["T1"] });

    expect(dispatch(start, view)).toMatchObject({
      kind: "refuse",
      code: "ERR_TASK_ALIVE",
      reason: "T1 runs: nothing was started",
    });
    expect(dispatch(context("start", undefined, { transaction: "T2" }), view)).toMatchObject({ kind: "obey" });
  });
});

describe("internal services", () => {
  const com = task("com", { instance: "Com" });
  const own = [com, ...OWN];
  const states: States = { com: "running", ts001: "running", ts002: "defined", ts003: "stopped" };
  const known = () =>
    new Map(
      Object.entries(states).map(([id, state]) => {
        const its = own.find((one) => one.id === id) ?? task(id);
        return [id, { task: its, state, isLeaving: false }];
      }),
    );
  const view = providerWith({}, { ownTasks: own, find: () => known() });
  const stop = (...ids: string[]) => context("stop", { TaskService: ids.map((id) => ({ id })) });

  test("are not stopped by name", () => {
    expect(dispatch(stop("com"), view)).toMatchObject({ kind: "refuse", code: "ERR_SERVICE_INTERNAL" });
    expect(dispatch(stop("ts001", "com"), view)).toMatchObject({ kind: "refuse", code: "ERR_SERVICE_INTERNAL" });
    expect(dispatch(stop("ts001"), view)).toMatchObject({ kind: "obey", orders: [{ action: "stop" }] });
  });

  test("end with the whole transaction, however it is named", () => {
    const ids = (decision: Decision) =>
      "orders" in decision ? decision.orders.map((order) => order.task.id) : decision;

    expect(ids(dispatch(context("stop"), view))).toEqual(["com", "ts001", "ts002"]);
    expect(ids(dispatch(stop("com", "ts001", "ts002", "ts003"), view))).toEqual(["com", "ts001", "ts002"]);
  });

  test("are left out where the custom services are meant", () => {
    const about = (action: string) => context(action, undefined, { extra: { only_custom: true } });
    const orders = (decision: Decision) =>
      "orders" in decision ? decision.orders.map((order) => [order.action, order.task.id]) : decision;

    expect(orders(dispatch(about("stop"), view))).toEqual([
      ["stop", "ts001"],
      ["stop", "ts002"],
    ]);
    expect(orders(dispatch(about("start"), view))).toEqual([["start", "ts003"]]);
  });

  test("are those that come with zcontext, and none of the user's own of the same name", () => {
    const mine = task("com", { instance: "Com", configuration: { location: "services" } });
    const others = providerWith(
      {},
      {
        find: () =>
          new Map([
            ["com", { task: mine, state: "running", isLeaving: false }],
            ["ts001", { task: ts001, state: "running", isLeaving: false }],
          ]),
      },
    );

    expect(dispatch(stop("com"), others)).toMatchObject({ kind: "obey" });
  });
});
