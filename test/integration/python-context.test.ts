// A service in Python and one in TypeScript in one context: each of them emits to, calls, asks and signals the other.
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { EventBus } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** Talks with the other service, in every way and in both directions, and returns what has come back. */
const SHOP = `
import { defineService, defineTask } from "zcontext/tasks";
// @ts-nocheck
const waiting = new Map();
const arrival = (name) => new Promise((resolve) => waiting.set(name, resolve));
const order = { type: "object", required: ["text"] };
const task: any = defineTask({
  events: {
    "shop.asked": {
      content: order,
      handle: ({ content, context, meta }, scope) =>
        scope.bus.emit("mailer.told", { content: { ...content, session: meta.session_id }, context }),
    },
    "shop.told": { handle: ({ content }) => waiting.get("event")(content) },
  },
  methods: { echo: { params: order, handle: (params, { source }) => ({ ...params, source }) } },
  actions: {
    Note: (message, { source }) => ({ message, source }),
    Talk: async (text, scope) => {
      const [event, signal] = [arrival("event"), arrival("signal")];
      const receipt = await scope.bus.emit("mailer.asked", { content: { text }, context: { tenant: "t1" } });
      scope.bus.publish("to_mailer", text, [Buffer.from("picture")]);
      return {
        routed: receipt.routed,
        event: await event,
        signal: await signal,
        answer: await scope.bus.call("service_ts_2.echo", { text }),
        refusal: await scope.bus.call("service_ts_2.echo", {}).catch(({ code }) => code),
        asked: await scope.ask("service_ts_2", "Note", text),
      };
    },
  },
  async start(scope) {
    await scope.bus.subscribe("to_shop", (content, { src, attachments, bus }) => {
      if (src.includes("service_ts_2") && content.back !== undefined) return waiting.get("signal")(content.back);
      bus.publish("to_mailer", { back: [content, attachments.map(String)] });
    });
  },
});
export default defineService({ name: "n", description: "", task });
`;

const MAILER = `
import sys, threading
from zcontext import CallError, Service, action, event, method

ORDER = {"type": "object", "required": ["text"]}

class Arrival:
    def __init__(self):
        self.has_come = threading.Event()
    def come(self, value):
        self.value = value
        self.has_come.set()
    def wait(self):
        self.has_come.wait()
        return self.value

class Mailer:
    def start(self, scope):
        def hear(content, signal):
            if isinstance(content, dict) and "back" in content:
                return self.waiting["signal"].come(content["back"])
            signal.bus.publish("to_shop", {"back": [content, [each.decode() for each in signal.attachments]]})
        scope.bus.subscribe("to_mailer", hear)

    @event("mailer.asked", content=ORDER)
    def asked(self, event, scope):
        content = {**event.content, "session": event.meta["session_id"]}
        scope.bus.emit("shop.told", content, event.context)

    @event("mailer.told")
    def told(self, event, scope):
        self.waiting["event"].come(event.content)

    @method("echo", params=ORDER)
    def echo(self, params, scope):
        return {**params, "source": scope.source}

    @action
    def Note(self, message, scope):
        return {"message": message, "source": scope.source}

    @action
    def Talk(self, text, scope):
        self.waiting = {"event": Arrival(), "signal": Arrival()}
        receipt = scope.bus.emit("shop.asked", {"text": text}, {"tenant": "t1"})
        scope.bus.publish("to_shop", text, [b"picture"])
        try:
            scope.bus.call("service_ts_1.echo", {})
        except CallError as error:
            refusal = error.code
        return {
            "routed": receipt.routed,
            "event": self.waiting["event"].wait(),
            "signal": self.waiting["signal"].wait(),
            "answer": scope.bus.call("service_ts_1.echo", {"text": text}),
            "refusal": refusal,
            "asked": scope.ask("service_ts_1", "Note", text),
        }

sys.exit(Service("ts_2", "service_ts_2", "test", lambda: Mailer).main())
`;

const TASKS: TaskXml[] = [
  { id: "ts_1", instance: "Shop" },
  {
    ...{ id: "ts_2", instance: "Mailer", serviceType: "Executable", readyAfterS: 600 },
    command: "python3 services/mailer.py",
  },
];

/** The longest body that travels as it is. */
const MIB = 1_048_576;

async function runBoth(): Promise<RunningContext> {
  const context = await runContext(TASKS);
  await context.folder.write("services/Shop/ServiceShop.ts", SHOP);
  await context.folder.write("services/mailer.py", MAILER);
  await context.start("T1");
  return context;
}

function connect({ folder }: RunningContext): Promise<EventBus> {
  const contextFile = folder.at("Context-Test.xml");
  return EventBus.connect({ contextFile, src: "context001/outside/1", timeoutMs: BOUND_MS, another: true });
}

describe("a service in TypeScript and one in Python", () => {
  test("emit to, call, ask and signal each other", async () => {
    await using context = await runBoth();
    await using bus = await connect(context);
    // The second one is stored on each way: as a signal it has one byte too many, with the quotes around it.
    const texts = ["ü @@@", `${"ü".repeat(MIB / 2 - 1)}u`];
    expect(Buffer.byteLength(JSON.stringify(texts[1]))).toBe(MIB + 1);

    for (const asked of ["service_ts_1", "service_ts_2"])
      for (const text of texts) {
        const params = { source: "outside", message: text };
        const result = await bus.call(`${asked}.action:Talk`, params, { timeoutMs: BOUND_MS });

        expect(result).toEqual({
          routed: true,
          event: { text, session: expect.stringMatching(/^[0-9a-f-]{36}$/) },
          signal: [text, ["picture"]],
          answer: { text, source: asked },
          refusal: "ERR_PARAMS_INVALID",
          asked: { message: text, source: asked },
        });
      }
  });

  test("refuse events that don't fit, which are dead letters of the same reason", async () => {
    await using context = await runBoth();
    await using bus = await connect(context);

    for (const name of ["shop.asked", "mailer.asked"]) await bus.emit(name, { content: { id: 7 } });
    let letters = await bus.operations.deadLetters({});
    while (letters.length < 2) {
      await pause(10);
      letters = await bus.operations.deadLetters({});
    }

    expect(letters.map(({ event, reason, attempts }) => [event, reason, attempts]).toSorted()).toEqual([
      ["mailer.asked", "schema", 1],
      ["shop.asked", "schema", 1],
    ]);
  });
});
