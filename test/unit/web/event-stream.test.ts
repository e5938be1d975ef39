import { expect, test } from "vitest";
import { formatEvent } from "../../../src/http/data/backlog.ts";
import { createEventReader } from "../../../web/event-stream.ts";

const text = `${formatEvent("state", { a: "ä\n" })}: \n\n${formatEvent("line", 2)}`;
const events = [
  { name: "state", data: '{"a":"ä\\n"}' },
  { name: "line", data: "2" },
];

test("events are read as they were written, words in between left out", () => {
  expect(createEventReader()(text)).toEqual(events);
});

test("events are whole, however they are cut", () => {
  const read = createEventReader();

  expect([...text].flatMap((letter) => read(letter))).toEqual(events);
});
