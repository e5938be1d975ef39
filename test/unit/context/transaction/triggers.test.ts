import { describe, expect, test } from "vitest";
import { TRIGGER_ACTIONS, TRIGGER_EVENTS, type TriggerAction } from "../../../../src/config/context-config.ts";
import { consequenceOf, type Reach } from "../../../../src/context/transaction/triggers.ts";
import { task } from "../task.ts";

const reach: Reach = {
  contextId: "context001",
  present: ["ts001", "ts002", "ts003"],
  isKnown: (id) => ["ts001", "ts002", "ts003", "ts004"].includes(id),
};

/** Whom a trigger with this call reaches. */
function called(...call: string[]) {
  return consequenceOf(task("ts001", { triggers: { on_exit: { action: "start", call } } }), "on_exit", reach);
}

test("a task without a trigger for the event has no consequence", () => {
  expect(consequenceOf(task("ts001"), "on_exit", reach)).toBeUndefined();
});

test.each(TRIGGER_EVENTS)("each event looks at its own trigger: %s", (event) => {
  const triggers = Object.fromEntries(TRIGGER_EVENTS.map((name, index) => [name, calling(`ts00${index + 1}`)]));

  expect(consequenceOf(task("ts001", { triggers }), event, reach)).toMatchObject({
    serviceIds: [`ts00${TRIGGER_EVENTS.indexOf(event) + 1}`],
  });
});

test.each(TRIGGER_ACTIONS.filter((action) => action !== "exit"))("the verb %s is passed on", (action) => {
  const triggers = { on_fail: calling("ts002", action) };

  expect(consequenceOf(task("ts001", { triggers }), "on_fail", reach)).toEqual({
    action,
    serviceIds: ["ts002"],
    unknown: [],
  });
});

test("exit means the transaction, whomever it calls", () => {
  const triggers = { on_fail: calling("ts002", "exit") };

  expect(consequenceOf(task("ts001", { triggers }), "on_fail", reach)).toEqual({ action: "exit" });
});

describe("a call", () => {
  test("reaches several tasks in the order of the file", () => {
    expect(called("ts003", "ts001")).toMatchObject({ serviceIds: ["ts003", "ts001"] });
  });

  test("may name the task itself", () => {
    expect(called("ts001")).toMatchObject({ serviceIds: ["ts001"] });
  });

  test.each(["all", "context001"])("of %s reaches every task of the transaction, itself included", (name) => {
    expect(called(name)).toMatchObject({ serviceIds: ["ts001", "ts002", "ts003"], unknown: [] });
  });

  test("reaches each task once, however often it is named", () => {
    expect(called("ts002", "all", "ts002", "context001")).toMatchObject({ serviceIds: ["ts002", "ts001", "ts003"] });
  });

  test("reaches a task of the file that is not in the transaction yet", () => {
    expect(called("ts004")).toMatchObject({ serviceIds: ["ts004"] });
  });

  test("tells apart whom nobody knows, and still reaches the others", () => {
    expect(called("ts009", "ts002", "ts008")).toEqual({
      action: "start",
      serviceIds: ["ts002"],
      unknown: ["ts009", "ts008"],
    });
  });

  test("of a context without an id reaches nobody by it", () => {
    const triggers = { on_exit: calling("") };

    expect(consequenceOf(task("ts001", { triggers }), "on_exit", { ...reach, contextId: "" })).toMatchObject({
      serviceIds: [],
    });
  });
});

function calling(serviceId: string, action: TriggerAction = "start") {
  return { action, call: [serviceId] };
}
