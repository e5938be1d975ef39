// What the provider says, held against the examples of docs/protocol.md.
import { describe, expect, test } from "vitest";
import { announced, commanded, newRecord, standingAt } from "../../../../src/context/task/record.ts";
import { onBehalfOf } from "../../../../src/context/task/task-messages.ts";
import {
  contextInfo,
  ended,
  errorReply,
  left,
  refused,
  reply,
  throttled,
} from "../../../../src/context/transaction/report.ts";
import { formatJson, type Json } from "../../../../src/protocol/json.ts";
import { deviceActionOf, type Header, type Message, writeMessage } from "../../../../src/protocol/message.ts";
import type { TransactionRecord } from "../../../../src/protocol/task-record.ts";
import { lifeAfter } from "../task/life.ts";
import { task } from "../task.ts";

const ABOUT = { contextId: "context001", transaction: "6FDAHH3WPRVV7FGZCRIN" };
const ECHO = task("ts_100", { serviceName: "echo_action" });
const PROCESS_MESSAGE = { id: "ts_100", "…": "the whole last process message" };

const RECORD: TransactionRecord = {
  configuration: {
    BackendBind: "tcp://*:5556",
    BackendEndpoint: "tcp://127.0.0.1:5557",
    FrontBind: "tcp://*:5557",
    FrontEndEndpoint: "tcp://127.0.0.1:5556",
  },
  contextId: "context001",
  contextLogName: "EchoAction",
  contextName: "context",
  tasks: [
    standingAt(
      announced(commanded(newRecord(ECHO), "start", PROCESS_MESSAGE), "started", {
        device_action: "shout",
        result: "success",
        pid: 26907,
      }),
      lifeAfter("start", "spawned", "started").standing,
    ),
  ],
};

const TASK_ON_THE_WIRE = {
  action: "started",
  instance: "EchoAction",
  pid: 26907,
  serviceName: "echo_action",
  service_id: "ts_100",
  state: "success",
  task: PROCESS_MESSAGE,
  lifecycle: "running",
  runs: 1,
};

/** The message as a peer reads it. */
function onTheWire(message: Message): { topic: string; body: Json } {
  const { topic, body } = writeMessage(message);
  return { topic, body: JSON.parse(formatJson(body, "indented")) };
}

describe("context_info", () => {
  const wire = {
    topic: "control",
    body: {
      content: {
        status: {
          data: [{ "6FDAHH3WPRVV7FGZCRIN": { ...RECORD, tasks: [TASK_ON_THE_WIRE] } }],
          device_action: "context_info",
          result: "success",
        },
      },
      header: {
        action: "update",
        service_id: "context001",
        service_name: "context",
        service_transaction: "6FDAHH3WPRVV7FGZCRIN",
      },
    },
  };

  test("is the original's, and two fields more a task", () => {
    expect(onTheWire(contextInfo(ABOUT, [{ [ABOUT.transaction]: RECORD }]))).toEqual(wire);
  });

  test("repeats the request id of the command it answers, and what else the answer says", () => {
    const { body } = onTheWire(contextInfo({ ...ABOUT, requestId: "b7f1" }, [], { orders: { ts_100: "start" } }));

    expect(body).toMatchObject({
      content: { status: { data: [], orders: { ts_100: "start" } } },
      header: { request_id: "b7f1" },
    });
  });
});

test("a refusal has the shape of the protocol, a code beside the reason, and the request id", () => {
  const message = refused({ ...ABOUT, requestId: "b7f1" }, "ERR_TRANSACTION_UNKNOWN", "unknown transaction");

  expect(onTheWire(message)).toEqual({
    topic: "control",
    body: {
      content: {
        status: {
          code: "ERR_TRANSACTION_UNKNOWN",
          device_action: "",
          reason: "unknown transaction",
          result: "failure",
        },
      },
      header: {
        action: "refused",
        request_id: "b7f1",
        service_id: "context001",
        service_name: "context",
        service_transaction: "6FDAHH3WPRVV7FGZCRIN",
      },
    },
  });
});

test("a refusal of a command without a request id has none", () => {
  const { body } = onTheWire(refused(ABOUT, "ERR_TASK_ALIVE", "ts_100 is running"));

  expect((body as { header: object }).header).not.toHaveProperty("request_id");
});

describe("on behalf of a task, the provider speaks in its name:", () => {
  const { transaction } = ABOUT;

  test("created without a pid", () => {
    expect(onTheWire(onBehalfOf(ECHO, { transaction, action: "created" }))).toEqual({
      topic: "control",
      body: {
        content: { status: { device_action: "shout", result: "success" } },
        header: {
          action: "created",
          service_id: "ts_100",
          service_name: "echo_action",
          service_transaction: "6FDAHH3WPRVV7FGZCRIN",
        },
      },
    });
  });

  test("stopped with success, failed with failure and a reason", () => {
    expect(onBehalfOf(ECHO, { transaction, action: "stopped", pid: 26907 }).status).toEqual({
      device_action: "shout",
      pid: 26907,
      result: "success",
    });
    expect(onBehalfOf(ECHO, { transaction, action: "failed", pid: 26907, reason: "SIGKILL" }).status).toEqual({
      device_action: "shout",
      pid: 26907,
      reason: "SIGKILL",
      result: "failure",
    });
  });
});

test("the device action of a task is its configuration's, or empty", () => {
  expect(deviceActionOf(ECHO)).toBe("shout");
  expect(deviceActionOf(task("ts001", { configuration: {} }))).toBe("");
  expect(deviceActionOf(task("ts001", { configuration: { device_action: ["a", "b"] } }))).toBe("");
});

test("every word of the provider's own has the name `context`, and no device action of its own but context_info", () => {
  const words = [throttled(ABOUT, "ts_100"), ended(ABOUT), left("context001"), refused(ABOUT, "ERR_USAGE", "")];

  for (const { header, status } of words) {
    expect(header).toMatchObject({ serviceId: "context001", serviceName: "context" });
    expect(status.device_action).toBe("");
  }
  expect(words.map(({ header }) => header.action)).toEqual(["throttled", "ended", "exited", "refused"]);
});

test("a throttled task is named, and the limits are told", () => {
  const { status } = throttled(ABOUT, "ts_100");

  expect(status).toMatchObject({ result: "failure", task: "ts_100" });
  expect(status.reason).toBe(
    "triggers started ts_100 more than 20 times in 10 s; further starts wait for one a second",
  );
});

describe("a reply", () => {
  const header: Header = {
    action: "request",
    serviceId: "",
    serviceName: "state",
    transaction: ABOUT.transaction,
    requestId: "b7f1",
    extra: { mood: "curious" },
  };
  const echoed = {
    mood: "curious",
    request_id: "b7f1",
    service_id: "",
    service_name: "state",
    service_transaction: "6FDAHH3WPRVV7FGZCRIN",
  };

  test("is the record under the header of the request, its unknown fields included, with the action replaced", () => {
    expect(onTheWire(reply(header, "reply_context", RECORD))).toEqual({
      topic: "state",
      body: {
        content: { ...RECORD, tasks: [TASK_ON_THE_WIRE] },
        header: { ...echoed, action: "reply_context" },
      },
    });
  });

  test("may be a list of figures", () => {
    expect(onTheWire(reply({ ...header, action: "top" }, "reply_top", [{ service_id: "ts_100" }])).body).toEqual({
      content: [{ service_id: "ts_100" }],
      header: { ...echoed, action: "reply_top" },
    });
  });

  test("that can't be given has an error in place of the content", () => {
    expect(
      onTheWire(
        errorReply(header, "reply_context", "ERR_TRANSACTION_UNKNOWN", "is unknown", {
          running: ["T1"],
          ended: ["T0"],
          file: { path: "/app/Context.xml" },
        }),
      ).body,
    ).toEqual({
      content: {
        error: {
          ...{ code: "ERR_TRANSACTION_UNKNOWN", reason: "is unknown", running: ["T1"], ended: ["T0"] },
          file: { path: "/app/Context.xml" },
        },
      },
      header: { ...echoed, action: "reply_context" },
    });
  });
});
