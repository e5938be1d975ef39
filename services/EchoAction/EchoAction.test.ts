import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./EchoAction.js";

test("EchoAction runs a round without a failure", async () => {
  const { announcements } = await rehearse(task, {
    configuration: {
      device_action: "echo_action",
      interval_s: "5",
    },
  });

  const failures = announcements.filter(({ action }) => action === "failed");
  assert.deepEqual(failures, []);
  assert.equal(announcements.at(-1)?.action, "stopped");
});
