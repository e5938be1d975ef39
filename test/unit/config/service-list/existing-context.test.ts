import { expect, test } from "vitest";
import { readExisting } from "../../../../src/config/service-list/existing-context.ts";
import { detailsOf, GOOD } from "../context-xml.ts";

function tasksIn(text: string) {
  return readExisting(text, "c.xml").tasks;
}

test("a context says its id, its endpoints, and of each task the id, the instance and what runs it", () => {
  expect(readExisting(GOOD, "c.xml")).toEqual({
    contextId: "context001",
    endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
    tasks: [
      { id: "ts001", instance: "EchoAction", serviceType: "Process", location: "" },
      { id: "ts002", instance: "Listen", serviceType: "Process", location: "" },
    ],
  });
});

test("it may say so in elements, as the file may, and none of it need be complete", () => {
  const text = "<Context><TaskService><id> a </id></TaskService><TaskService instance='B'/><Other/></Context>";

  expect(readExisting(text, "c.xml")).toEqual({
    contextId: "",
    endpoints: { publish: "", subscribe: "" },
    tasks: [
      { id: "a", instance: "", serviceType: "", location: "" },
      { id: "", instance: "B", serviceType: "", location: "" },
    ],
  });
});

test("there are no tasks where there are none", () => {
  expect(tasksIn("<Context/>")).toEqual([]);
  expect(tasksIn("<Context><!-- <TaskService id='a'/> --></Context>")).toEqual([]);
});

test.each([
  ["<Context>", "c.xml:1:9: not well-formed: unclosed tag: Context"],
  ["<Contexts/>", "c.xml:1:1: expected the root <Context>, got <Contexts>"],
])("%s is refused", (text, problem) => {
  expect(detailsOf(() => tasksIn(text))).toEqual([problem]);
});
