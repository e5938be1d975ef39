import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./S003_DrinkCoffee.js";

test("S003_DrinkCoffee runs a round without a failure", async () => {
  const { announcements } = await rehearse(task, {
    configuration: {
      device_action: "drink_coffee",
    },
  });

  const failures = announcements.filter(({ action }) => action === "failed");
  assert.deepEqual(failures, []);
  assert.equal(announcements.at(-1)?.action, "stopped");
});
