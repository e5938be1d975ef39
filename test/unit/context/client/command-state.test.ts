import { expect, test } from "vitest";
import {
  type CommandState,
  hear,
  newCommandState,
  outcomesOf,
  phaseOf,
} from "../../../../src/context/client/command-state.ts";
import { newRecord } from "../../../../src/context/task/record.ts";
import * as report from "../../../../src/context/transaction/report.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";
import type { Message } from "../../../../src/protocol/message.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

const asked = newCommandState({ action: "start", transaction: "T1" }, "R1");

function info(lifecycle: TaskState, items: JsonObject = {}, about = { transaction: "T1", requestId: "R0" }): Message {
  const tasks = [{ ...newRecord(task("app")), lifecycle, runs: 1 }];
  const record = { configuration: {}, contextId: "", contextLogName: "", contextName: "", tasks };
  return report.contextInfo({ contextId: "", ...about }, [{ [about.transaction]: record }], items);
}

function reply(lifecycle: TaskState): Message {
  const header = { action: "reply_context", serviceId: "", serviceName: "state", transaction: "T1" };
  return { kind: "state", header, content: { tasks: [{ ...newRecord(task("app")), lifecycle, runs: 1 }] } };
}

const accepted = hear(
  asked,
  info("stopped", { orders: { app: "start" } }, { transaction: "T1", requestId: asked.requestId }),
);
const after = (...messages: Message[]): CommandState => messages.reduce(hear, accepted);

test("a message of another transaction, or that can't be read, leaves the value as it is", () => {
  expect(hear(accepted, info("failed", {}, { transaction: "T2", requestId: "R2" }))).toBe(accepted);
  expect(hear(accepted, { ...reply("failed"), content: { tasks: "all" } } as Message)).toBe(accepted);
});

test("how the tasks stood before the command is no outcome of it", () => {
  expect(accepted.before).toMatchObject([{ service_id: "app", lifecycle: "stopped" }]);
  expect([phaseOf(accepted), outcomesOf(accepted).size]).toEqual(["underway", 0]);
});

test("a failure that was announced settles nothing until the provider has confirmed it", () => {
  expect(phaseOf(after(info("failed")))).toBe("unconfirmed");
  expect(phaseOf(after(info("failed"), reply("backingOff")))).toBe("underway");
  expect(phaseOf(after(info("failed"), reply("failed")))).toBe("settled");
});

test("a success that was announced settles the command", () => {
  expect(phaseOf(after(info("starting"), info("running")))).toBe("settled");
});
