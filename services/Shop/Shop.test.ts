import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./Shop.js";

test("Shop emits an order in each round", async () => {
  const { emitted, error } = await rehearse(task, {
    configuration: { device_action: "sell", interval_s: "1" },
    rounds: 2,
  });

  assert.equal(error, undefined);
  assert.deepEqual(emitted, [
    { name: "orders.created", content: { id: 1, customer: "ada", amount: 10 }, context: {} },
    { name: "orders.created", content: { id: 2, customer: "grace", amount: 20 }, context: {} },
  ]);
});
