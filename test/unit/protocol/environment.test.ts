import { expect, test } from "vitest";
import { environmentOf, withoutTask } from "../../../src/protocol/environment.ts";
import type { Assignment } from "../../../src/protocol/pipe.ts";

const ASSIGNMENT: Assignment = {
  endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
  transaction: "T1",
  contextId: "context001",
  serviceId: "ts003",
  serviceName: "thermometer",
  instance: "Thermometer",
  topic: "process",
  deviceAction: "measure",
  configuration: { device_action: "measure", hosts: ["ä"], "": "\0" },
};

const RUN = { incarnation: "7c9ef5b8", graceMs: 2_500 };
const WITH_FILE = { ...RUN, configurationFile: "/state/c.json" };

test("a program is told in its environment all that a task is told", () => {
  const environment = environmentOf(ASSIGNMENT, RUN);

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
    ZCONTEXT_GRACE_S: "2.5",
  });
});

test("a file stands in place of the configuration, not beside it", () => {
  const { ZCONTEXT_CONFIGURATION: variable, ...environment } = environmentOf(ASSIGNMENT, WITH_FILE);

  expect(variable).toBeUndefined();
  expect(environment).toMatchObject({ ZCONTEXT_CONFIGURATION_FILE: "/state/c.json", ZCONTEXT_TOPIC: "process" });
});

test("what a provider is told as a task itself is not passed on to its tasks", () => {
  const told = { ...environmentOf(ASSIGNMENT, RUN), ...environmentOf(ASSIGNMENT, WITH_FILE) };
  const others = { PATH: "/bin", TOPIC: "mine", ZCONTEXT_COOKIE: "a:b:c", ZCONTEXT_TEST: "1" };

  expect(withoutTask({ ...told, ...others })).toEqual(others);
});
