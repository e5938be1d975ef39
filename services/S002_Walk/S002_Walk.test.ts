import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./S002_Walk.js";

test("S002_Walk runs a round without a failure", async () => {
  const { announcements } = await rehearse(task, {
    configuration: {
      device_action: "walk",
    },
  });

  const failures = announcements.filter(({ action }) => action === "failed");
  assert.deepEqual(failures, []);
  assert.equal(announcements.at(-1)?.action, "stopped");
});
