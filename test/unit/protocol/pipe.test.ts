import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { type FromTask, readFromTask, readToTask, type ToTask, writePipe } from "../../../src/protocol/pipe.ts";
import { anyJson } from "./json-values.ts";

const ANNOUNCE = { type: "announce", run: "r1", sequence: 3, message: { a: 1 } };
const OUTPUT = { type: "output", run: "r1", stream: "stdout", line: "hello" };
const BEAT = { type: "beat", run: "r1", delayMs: 0.4, heapBytes: 4_000_000, handles: 3, isInspected: false };
const EXIT = { type: "exit", run: "r1", code: 0 };

function refusalOf(line: string): string {
  try {
    readFromTask(line);
  } catch (error) {
    if (error instanceof ZcontextError && error.code === "ERR_MESSAGE_MALFORMED") return error.message;
    throw error;
  }
  throw new Error("was not refused");
}

test("a message is one line, whatever it holds", () => {
  const line = writePipe({ type: "output", run: "r1", stream: "stderr", line: "a\nb\r\nc" });

  expect(line.indexOf("\n")).toBe(line.length - 1);
  expect(line).not.toContain("\r");
});

test("what a task sends is read as it was sent", () => {
  const run = fc.string();
  const message = fc.dictionary(
    fc.string().filter((key) => key !== "__proto__"),
    anyJson,
    { noNullPrototype: true },
  ) as fc.Arbitrary<JsonObject>;
  const messages: fc.Arbitrary<FromTask> = fc.oneof(
    fc.record({
      type: fc.constant("announce" as const),
      run,
      sequence: fc.maxSafeNat(),
      message,
    }),
    fc.record({ type: fc.constant("ending" as const), run, reason: fc.string() }, { requiredKeys: ["type", "run"] }),
    fc.record(
      {
        type: fc.constant("output" as const),
        run,
        stream: fc.constantFrom("stdout" as const, "stderr" as const),
        line: fc.string({ unit: "binary" }),
        whole: fc.string({ unit: "binary" }),
      },
      { requiredKeys: ["type", "run", "stream", "line"] },
    ),
    fc.record({
      type: fc.constant("beat" as const),
      run,
      delayMs: fc.double({ min: 0, noDefaultInfinity: true, noNaN: true }),
      heapBytes: fc.maxSafeNat(),
      handles: fc.nat(),
      isInspected: fc.boolean(),
    }),
    fc.record({ type: fc.constant("exit" as const), run, code: fc.integer() }),
  );

  fc.assert(
    fc.property(messages, (sent) => {
      expect(readFromTask(writePipe(sent))).toEqual(sent);
    }),
  );
});

test("what the provider sends is read as it was sent", () => {
  const start: ToTask = {
    type: "start",
    run: "r1",
    start: {
      module: "/cache/ServiceEchoAction.mjs",
      isThread: false,
      heartbeatMs: 1_000,
      stopSignal: "SIGTERM",
      graceMs: 10_000,
      contextFolder: "/srv",
      stateFiles: { folder: "/srv/.zcontext", name: "Context-Shop" },
      endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
      transaction: "T",
      contextId: "context001",
      serviceId: "ts_100",
      serviceName: "echo_action",
      instance: "EchoAction",
      topic: "process",
      deviceAction: "shout",
      configuration: { hosts: ["a", "b"], note: "zwei\nZeilen" },
    },
  };
  const messages: ToTask[] = [
    start,
    { type: "stop", run: "r1" },
    { type: "bye", run: "r1" },
    { type: "kill", run: "r1" },
  ];

  for (const message of messages) expect(readToTask(writePipe(message))).toEqual(message);
});

describe("a line from a task", () => {
  test("loses what does not belong to it", () => {
    expect(readFromTask(JSON.stringify({ ...EXIT, more: 1 }))).toEqual(EXIT);
  });

  test.each([
    ["is empty", ""],
    ["is no JSON", "hello"],
    ["is cut", '{"type": "exit"'],
  ])("is refused that %s", (_, line) => {
    expect(refusalOf(line)).toContain("not JSON");
  });

  test.each([
    ["is no object", [null, [], 1, "exit"]],
    [
      "has no type, or one that only the provider sends",
      [
        { ...EXIT, type: undefined },
        { ...EXIT, type: "start" },
        { ...EXIT, type: 1 },
      ],
    ],
    [
      "has no run",
      [
        { ...EXIT, run: undefined },
        { ...EXIT, run: 1 },
      ],
    ],
    ["announces without a number", [undefined, "3", 1.5, null, 2 ** 53].map((sequence) => ({ ...ANNOUNCE, sequence }))],
    ["announces no object", [undefined, [], "text", null].map((message) => ({ ...ANNOUNCE, message }))],
    ["prints no text", [undefined, 1, ["a"]].map((line) => ({ ...OUTPUT, line }))],
    ["prints to another stream", [undefined, "stdin", 1].map((stream) => ({ ...OUTPUT, stream }))],
    [
      "beats without a figure, or with one that is none",
      ["delayMs", "heapBytes", "handles"].flatMap((figure) =>
        [undefined, null, "1", [1], true, -1].map((value) => ({ ...BEAT, [figure]: value })),
      ),
    ],
    [
      "beats without saying whether it is inspected",
      [undefined, null, 0, "false"].map((isInspected) => ({ ...BEAT, isInspected })),
    ],
    ["fails without a clause", [null, 1, ["disk"]].map((reason) => ({ type: "ending", run: "r1", reason }))],
    ["ends without a code", [undefined, null, "0", 0.5].map((code) => ({ ...EXIT, code }))],
  ])("is refused that %s", (_, values) => {
    for (const value of values as unknown[])
      expect(refusalOf(JSON.stringify(value))).toContain("expected what a task says");
  });

  test("is refused that beats with a figure beyond all numbers", () => {
    const line = JSON.stringify(BEAT).replace("4000000", "1e999");

    expect(refusalOf(line)).toContain("expected what a task says");
  });

  test.each([
    [[], "a task says, an object, got []"],
    [{ ...EXIT, type: "start" }, 'a task says, announce, ending, beat, output, exit in type, got "start"'],
    [{ ...EXIT, run: undefined }, "a task says, a string in run, got nothing"],
    [{ ...ANNOUNCE, sequence: "3" }, 'a task says, a whole number in sequence, got "3"'],
    [{ ...BEAT, handles: -1 }, "a task says, a number, at least 0 in handles, got -1"],
  ])("is refused with its field, what was expected and what came: %j", (value, refusal) => {
    expect(refusalOf(JSON.stringify(value))).toBe(`line on the pipe of a task: expected what ${refusal}`);
  });

  test("is quoted only in part when it is refused", () => {
    expect(refusalOf(JSON.stringify("x".repeat(10_000))).length).toBeLessThan(140);
    expect(refusalOf("x".repeat(10_000)).length).toBeLessThan(160);
  });

  test("is read or refused, whatever it holds", () => {
    const lines = fc.oneof(
      fc.string({ unit: "binary" }),
      anyJson.map((value) => JSON.stringify(value)),
    );

    fc.assert(
      fc.property(lines, (line) => {
        try {
          readFromTask(line);
        } catch (error) {
          if (!(error instanceof ZcontextError) || error.code !== "ERR_MESSAGE_MALFORMED") throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a line from the provider is refused with its field, what was expected and what came", () => {
  expect(() => readToTask('{"type":"heard","run":"r1"}')).toThrow(
    expect.objectContaining({
      code: "ERR_MESSAGE_MALFORMED",
      message:
        "line on the pipe of the provider: expected what the provider says, a whole number in sequence, got nothing",
    }),
  );
});
