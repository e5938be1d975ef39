import { expect, test } from "vitest";
import { pythonHandlersOf } from "../../../src/generator/python-names.ts";
import { service } from "./site.ts";

test("each function has a name of its own, and an action the one that it is called by", () => {
  const listed = service("Echo", { listens: ["a.b-c", "a.b_c"], serves: ["Ping", "stop"], actions: ["Ping", "run"] });

  const { events, methods, actions } = pythonHandlersOf(listed);

  expect(actions).toEqual([
    { of: "Ping", function: "Ping", isNamesake: true },
    { of: "run", function: "run_2", isNamesake: false },
  ]);
  expect(methods.map(({ function: name }) => name)).toEqual(["Ping_2", "stop_2"]);
  expect(events.map(({ function: name }) => name)).toEqual(["on_a_b_c", "on_a_b_c_2"]);
});
