import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import service from "./ServiceNodeMailer.js";

test("NodeMailer mails what another service asks for", async () => {
  const { printed } = await rehearse(service.task, {
    async plays(stage) {
      await stage.ask("Process", { subject: "It is warm" });
    },
  });

  assert.deepEqual(printed, ['mail for stage: {"subject":"It is warm"}']);
});
