// Checked by `npm run types`: what the handlers of a task get from their schemata, without any annotation.
import * as v from "valibot";
import { defineService, defineTask } from "zcontext/tasks";
import { rehearse } from "zcontext/testing";

/** As TypeBox makes them: a JSON Schema whose type is in `static`. */
declare const Customer: { type: "object"; static: { name: string } };
const Order = {
  type: "object",
  properties: { id: { type: "number" }, tags: { type: "array", items: { type: "string" } }, note: { type: "string" } },
  required: ["id", "tags"],
} as const;

const billing = defineTask({
  group: "accounts",
  events: {
    "orders.created": {
      content: Order,
      context: { type: "object", properties: { tenant: { type: "string" } }, required: ["tenant"] },
      prefetch: 4,
      retry: { attempts: 2 },
      async handle(event, scope) {
        const id: number = event.content.id;
        const [tag = ""]: string[] = event.content.tags;
        const note: string | undefined = event.content.note;
        const tenant: string = event.context.tenant;
        await scope.bus.emit("orders.billed", { content: { id, tag, tenant, note: note ?? null } });
        event.drop({ reason: "seen" });
        // @ts-expect-error: not in the schema
        event.content.price;
        // @ts-expect-error: a number
        event.content.id.length;
        // @ts-expect-error: not in the schema of the context
        event.context.user;
        // @ts-expect-error: an event names no source
        scope.source;
      },
    },
    "customers.renamed": {
      content: Customer,
      handle: ({ content, attempt }) => content.name.padEnd(attempt),
    },
    "customers.gone": {
      content: v.object({ since: v.pipe(v.string(), v.isoDate()) }),
      context: v.object({ by: v.string() }),
      handle: (event) => [event.content.since.length, event.context.by.length],
    },
    "anything.else": {
      handle(event) {
        // @ts-expect-error: any JSON
        event.content.id;
        return JSON.stringify(event.content);
      },
    },
  },
  methods: {
    get_invoice: {
      params: Order,
      handle(params, scope) {
        const id: number = params.id;
        const source: string = scope.source;
        scope.signal.throwIfAborted();
        // @ts-expect-error: not in the schema
        params.price;
        return { id, source };
      },
    },
    rename: { params: Customer, handle: async ({ name }) => name.length },
    check: { params: v.object({ iban: v.string() }), handle: ({ iban }) => iban.length },
    ping: { handle: () => "pong" },
  },
  actions: {
    async Process(message, scope) {
      // @ts-expect-error: anything may have been sent
      message.to;
      await scope.submitAction(scope.source, "Done", { message });
    },
    SendEmail: {
      message: v.object({ to: v.string() }),
      handle: ({ to }, { source }) => to.concat(source),
    },
    Annotated(message: { to: string }) {
      return message.to.length;
    },
  },
  emits: { "orders.billed": { content: { type: "object" } } },
  async start(scope) {
    const { delivered } = await scope.submitAction("*", "Hello");
    const answer: number = await scope.ask<number>("mailer", "Count", null, { timeoutMs: 10 });
    scope.track(`${delivered} ${answer}`, "started");
  },
  stop(scope) {
    scope.throwError("gone", 7, "as asked");
  },
  stateUpdate(state, scope) {
    scope.debug(`${scope.source} ${JSON.stringify(state)}`);
    scope.warning("state");
  },
});
defineService({ name: "billing", description: "", task: billing });

// With run, and with the shape of the configuration.
defineTask<{ currency: string }>()({
  kind: "looped",
  async run(scope) {
    await scope.bus.call("shop.sell", scope.configuration.currency);
  },
  methods: {
    price: {
      params: { type: "object", properties: { net: { type: "number" } }, required: ["net"] },
      handle({ net }, { configuration }) {
        // @ts-expect-error: not in the configuration
        configuration.country;
        return `${net.toFixed(2)} ${configuration.currency}`;
      },
    },
  },
});
defineTask<{ currency: string }>({
  actions: { Show: (_, scope) => scope.log.info(scope.configuration.currency) },
});

// @ts-expect-error: kind belongs to run
defineTask({ kind: "single", methods: {} });
// @ts-expect-error: run needs a kind
defineTask({ run() {} });
// @ts-expect-error: no such field
defineTask({ listens: {} });
// @ts-expect-error: an event without a handler
defineTask({ events: { "a.b": { content: true } } });
// @ts-expect-error: not a schema
defineTask({ methods: { get: { params: 7, handle() {} } } });
// @ts-expect-error: not a handler
defineTask({ actions: { Send: "now" } });

const { emitted, called, submitted, signals } = await rehearse(billing, {
  async plays(stage) {
    const { verdict } = await stage.emit("orders.created", { content: { id: 1 }, context: {} });
    const invoice = await stage.call<{ id: number }>("get_invoice", { id: 1 });
    const { delivered } = await stage.submitAction("Process", null);
    const length: number = await stage.ask<number>("Annotated", { to: "a" });
    verdict.concat(`${invoice.id} ${delivered} ${length}`);
  },
  beside: { shop: { methods: { sell: { handle: () => 1 } } } },
});
[emitted[0]?.name.length, called[0]?.name.length, submitted[0]?.destination.length, signals[0]?.topic.length];

// The queues of a task, or what makes them of its configuration.
defineTask<{ queue: string }>()({
  streams: ({ queue }) => ({
    [queue]: {
      async handle(message, scope, { attempt }) {
        await scope.update({ message, attempt });
      },
    },
  }),
});
// @ts-expect-error: a queue needs a handler
defineTask({ streams: { queue_1: { protocol: "HTTPHandler" } } });
