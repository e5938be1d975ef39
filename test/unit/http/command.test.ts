import { describe, expect, test } from "vitest";
import { readCommand, readLetterCommand } from "../../../src/http/command.ts";

describe("a posted command", () => {
  test.each([
    { action: "start" },
    { action: "start", transaction: "T1" },
    { action: "stop", transaction: "T1", tasks: ["ts001", "ts002"] },
    { action: "restart", transaction: "T1" },
    { action: "start", new: true },
  ])("%j is read as it is", (command) => {
    expect(readCommand(JSON.stringify({ ...command, more: 1 }))).toEqual(command);
  });

  test.each([
    "",
    "[]",
    "null",
    "{",
    '{"action":"exit","transaction":"T1"}',
    '{"action":"stop"}',
    '{"action":"start","transaction":1}',
    '{"action":"start","transaction":""}',
    '{"action":"stop","transaction":"T1","tasks":[]}',
    '{"action":"stop","transaction":"T1","tasks":"ts001"}',
    '{"action":"stop","transaction":"T1","tasks":[1]}',
    '{"action":"toString","transaction":"T1"}',
    '{"action":"start","transaction":"T1","new":true}',
    '{"action":"start","new":"yes"}',
  ])("%s is refused", (text) => {
    expect(() => readCommand(text)).toThrow(expect.objectContaining({ code: "ERR_MESSAGE_MALFORMED" }));
  });

  test.each([
    ["[]", "expected an object, got []"],
    ['{"action":"exit"}', 'action: expected start, stop, restart, got "exit"'],
    ['{"action":"stop"}', "stop needs a transaction"],
    ['{"action":"start","transaction":""}', 'transaction: expected its id, got ""'],
    ['{"action":"start","tasks":[1]}', "tasks: expected a list of ids, not an empty one, got [1]"],
  ])("%s is refused with what was expected and what came", (text, refusal) => {
    expect(() => readCommand(text)).toThrow(`command: ${refusal}`);
  });
});

test("a command for dead letters names what to do with which", () => {
  expect(readLetterCommand('{"action":"replay","ids":["1-7"]}')).toEqual({ action: "replay", ids: ["1-7"] });
  expect(() => readLetterCommand('{"action":"stop","ids":["1-7"]}')).toThrow("action: expected replay, discard");
  expect(() => readLetterCommand('{"action":"discard","ids":[]}')).toThrow("ids: expected a list of ids");
});
