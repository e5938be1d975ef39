import { expect, test } from "vitest";
import { environmentOf } from "../../../src/protocol/environment.ts";

test("a program is told in its environment all that a task is told", () => {
  const environment = environmentOf("7c9ef5b8", {
    endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
    transaction: "T1",
    contextId: "context001",
    serviceId: "ts003",
    serviceName: "thermometer",
    instance: "Thermometer",
    topic: "process",
    deviceAction: "measure",
    configuration: { device_action: "measure", hosts: ["ä"], "": "\0" },
  });

  expect(environment).toEqual({
    ZCONTEXT_PUBLISH: "tcp://127.0.0.1:5557",
    ZCONTEXT_SUBSCRIBE: "tcp://127.0.0.1:5556",
    ZCONTEXT_TRANSACTION: "T1",
    ZCONTEXT_CONTEXT_ID: "context001",
    ZCONTEXT_SERVICE_ID: "ts003",
    ZCONTEXT_SERVICE_NAME: "thermometer",
    ZCONTEXT_INSTANCE: "Thermometer",
    ZCONTEXT_TOPIC: "process",
    ZCONTEXT_DEVICE_ACTION: "measure",
    ZCONTEXT_CONFIGURATION: '{"device_action":"measure","hosts":["ä"],"":"\\u0000"}',
    ZCONTEXT_INCARNATION: "7c9ef5b8",
  });
});
