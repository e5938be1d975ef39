import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./Billing.js";

const order = { id: 7, customer: "ada", amount: 70 };

test("Billing writes an invoice for an order, and gives it to whoever asks", async () => {
  const { emitted } = await rehearse(task, {
    async plays(stage) {
      assert.equal((await stage.emit("orders.created", { content: order })).verdict, "ack");
      assert.deepEqual(await stage.call("get_invoice", { id: 7 }), order);
      await assert.rejects(stage.call("get_invoice", { id: 8 }), { code: "NO_SUCH_INVOICE" });
    },
  });

  assert.deepEqual(
    emitted.filter(({ name }) => name === "invoices.created"),
    [{ name: "invoices.created", content: order, context: {} }],
  );
});

test("Billing gives up what is no order", async () => {
  await rehearse(task, {
    async plays(stage) {
      assert.equal((await stage.emit("orders.created", { content: { id: "seven" } })).verdict, "dead");
    },
  });
});
