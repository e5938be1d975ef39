import { defineTask, ServiceError } from "zcontext/tasks";

/** What an order looks like. One that does not is a dead letter, and no handler sees it. */
const ORDER = {
  type: "object",
  properties: { id: { type: "integer" }, customer: { type: "string" }, amount: { type: "number" } },
  required: ["id", "customer", "amount"],
} as const;

const BY_ID = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } as const;

/** Those of this process: a real service would have a database. */
const invoices = new Map<number, { id: number; customer: string; amount: number }>();

// Without run(): it lives until it is stopped, and is ready when its handlers get what is sent.
export default defineTask({
  events: {
    "orders.created": {
      content: ORDER,
      // Return is ack. What it throws has the event come again later; after six attempts it is a dead letter.
      async handle({ content: { id, customer, amount } }, scope) {
        invoices.set(id, { id, customer, amount });
        scope.log.info(`invoice ${id} for ${customer}`);
        await scope.bus.emit("invoices.created", { content: { id, customer, amount } });
      },
    },
  },
  methods: {
    get_invoice: {
      params: BY_ID,
      handle({ id }) {
        const invoice = invoices.get(id);
        if (invoice === undefined) throw new ServiceError("NO_SUCH_INVOICE", `there is no invoice ${id}`);
        return invoice;
      },
    },
  },
});
