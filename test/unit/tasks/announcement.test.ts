// What `onControl` hands on: the announcements of the transaction's tasks, and nothing else that travels on `control`.
import { expect, test } from "vitest";
import { contextInfo, ended, notRestarted, refused, throttled } from "../../../src/context/transaction/report.ts";
import type { Frame } from "../../../src/protocol/codec.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { writeMessage } from "../../../src/protocol/message.ts";
import { readAnnouncement } from "../../../src/tasks/announcement.ts";

const about = { contextId: "context001", transaction: "T1" };
const status = { result: "success", device_action: "shout" };
const header = { action: "updated", service_id: "ts001", service_name: "echo_action", service_transaction: "T1" };

function frame(changes: JsonObject, items: JsonObject = {}): Frame {
  return {
    topic: "control",
    body: { header: { ...header, ...changes }, content: { status: { ...status, ...items } } },
  };
}

test.each(["created", "started", "updated", "failed", "stopped", "exited", "rinsed"])("%s of a task is", (action) => {
  expect(readAnnouncement(frame({ action }, { degrees: 21 }), "T1")).toEqual({
    action,
    serviceId: "ts001",
    serviceName: "echo_action",
    status: { ...status, degrees: 21 },
  });
});

test.each([
  ["a state publication", writeMessage(contextInfo(about, []))],
  [
    "an answer to a command",
    writeMessage(contextInfo({ ...about, requestId: "r1" }, [], { orders: { ts001: "start" } })),
  ],
  ["a refusal", writeMessage(refused(about, "ERR_TASK_ALIVE", "ts001 is running"))],
  ["that triggers are held back", writeMessage(throttled(about, "ts001"))],
  ["that a task is not restarted", writeMessage(notRestarted(about, "ts001", "it ended too often"))],
  ["the end of the transaction", writeMessage(ended(about))],
  ["a command to a task", frame({ action: "stop" })],
  ["a command to all tasks", frame({ action: "rinse", service_name: "all" })],
  ["a query", frame({ action: "request", service_name: "state" })],
  ["what nobody says", frame({ service_id: "" })],
  ["what a task of another transaction announces", frame({ service_transaction: "T2" })],
])("%s is not", (_, sent) => {
  expect(readAnnouncement(sent, "T1")).toBeUndefined();
});
