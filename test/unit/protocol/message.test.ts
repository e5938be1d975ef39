import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../src/errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../../src/protocol/codec.ts";
import type { Json, JsonObject } from "../../../src/protocol/json.ts";
import {
  type Header,
  type Message,
  readMessage,
  requestIdOf,
  stamp,
  stampOf,
  writeMessage,
} from "../../../src/protocol/message.ts";
import { anyJson } from "./json-values.ts";

const WIRE_HEADER = {
  action: "start",
  service_id: "context001",
  service_name: "context",
  service_transaction: "T",
};
const HEADER: Header = { action: "start", serviceId: "context001", serviceName: "context", transaction: "T" };
const TASK_HEADER = { action: "start", service_id: "ts_100", service_name: "echo_action", transaction: "T" };

/** A complete frame of each kind, and what it says. */
const FRAMES: { [kind: string]: Frame } = {
  context: { topic: "context", body: { content: { configuration: { TaskService: [] } }, header: WIRE_HEADER } },
  control: {
    topic: "control",
    body: { content: { status: { device_action: "shout", pid: 26907, result: "success" } }, header: WIRE_HEADER },
  },
  state: { topic: "state", body: { content: { configuration: {} }, header: WIRE_HEADER } },
  process: {
    topic: "process",
    body: {
      Task: { description: "Shouts", message: { content: { configuration: {} }, header: TASK_HEADER }, state: {} },
      id: "ts_100",
      instance: "EchoAction",
      serviceType: "Process",
      topic: "process",
    },
  },
};

const frameOf = (kind: string) => FRAMES[kind] as { topic: string; body: JsonObject };

/** Why a frame is refused; fails unless it is. */
function refusalOf(topic: string, body: Json): string {
  try {
    readMessage({ topic, body });
  } catch (error) {
    if (error instanceof ZcontextError && error.code === "ERR_MESSAGE_MALFORMED") return error.message;
    throw error;
  }
  throw new Error("was not refused");
}

/** The frame's header with something changed in it; undefined takes a field away. */
function withHeader(kind: string, change: { [field: string]: Json | undefined }): JsonObject {
  const { body } = frameOf(kind);
  if (kind !== "process") return { ...body, header: changed(WIRE_HEADER, change) };
  return { ...body, Task: { message: { header: changed(TASK_HEADER, change) } } };
}

function changed(header: JsonObject, change: { [field: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries({ ...header, ...change }).filter(([, value]) => value !== undefined));
}

describe("reading", () => {
  test("a command for a transaction", () => {
    expect(readMessage(frameOf("context"))).toEqual({
      kind: "context",
      header: HEADER,
      configuration: { TaskService: [] },
    });
  });

  test("a command without a configuration, and without content at all", () => {
    expect(readMessage({ topic: "context", body: { content: {}, header: WIRE_HEADER } })).toMatchObject({
      configuration: undefined,
    });
    expect(readMessage({ topic: "context", body: { header: WIRE_HEADER } })).toMatchObject({
      configuration: undefined,
    });
  });

  test("an announcement, its items beside the two fixed fields", () => {
    expect(readMessage(frameOf("control"))).toEqual({
      kind: "control",
      header: HEADER,
      status: { device_action: "shout", pid: 26907, result: "success" },
    });
  });

  test("a query and a reply, whose content may be anything", () => {
    expect(readMessage(frameOf("state"))).toEqual({ kind: "state", header: HEADER, content: { configuration: {} } });
    expect(readMessage({ topic: "state", body: { content: [1], header: WIRE_HEADER } })).toMatchObject({
      content: [1],
    });
    expect(readMessage({ topic: "state", body: { header: WIRE_HEADER } })).toMatchObject({ content: {} });
  });

  test("a command to a task, its whole body kept", () => {
    const { body } = frameOf("process");

    expect(readMessage({ topic: "process", body })).toEqual({
      kind: "process",
      topic: "process",
      header: { action: "start", serviceId: "ts_100", serviceName: "echo_action", transaction: "T" },
      body,
    });
  });

  test("a command to a task on a topic of the task's own", () => {
    expect(readMessage({ ...frameOf("process"), topic: "audio" })).toMatchObject({ kind: "process", topic: "audio" });
  });

  test("the legacy minimal form of a command to a task", () => {
    const body = {
      header: { action: "stop", service_id: "ts010", service_name: "sniffer" },
      Task: {
        message: {
          header: { action: "stop", service_id: "ts010", service_name: "sniffer", service_transaction: "T" },
        },
      },
    };

    expect(readMessage({ topic: "process", body })).toEqual({
      kind: "process",
      topic: "process",
      header: { action: "stop", serviceId: "ts010", serviceName: "sniffer", transaction: "T" },
      body,
    });
  });

  test("takes transaction before service_transaction in a command to a task", () => {
    const body = withHeader("process", { transaction: "T", service_transaction: "U" });

    expect(readMessage({ topic: "process", body }).header.transaction).toBe("T");
  });

  test.each(["context", "control", "state", "process"])("takes a missing service_id for an empty one: %s", (kind) => {
    for (const value of [undefined, null]) {
      const body = withHeader(kind, { service_id: value });
      expect(readMessage({ topic: kind, body }).header.serviceId).toBe("");
    }
  });
});

describe("a header", () => {
  test("has a request id and a stamp when they were sent", () => {
    const body = withHeader("context", { request_id: "b7f1", incarnation: "i", sequence: 7 });

    expect(readMessage({ topic: "context", body }).header).toEqual({
      ...HEADER,
      requestId: "b7f1",
      incarnation: "i",
      sequence: 7,
    });
  });

  test.each(["context", "control", "state", "process"])("keeps the fields we do not know: %s", (kind) => {
    const body = withHeader(kind, { mood: "curious", nested: { deep: [1] } });
    const message = readMessage({ topic: kind, body });

    expect(message.header.extra).toEqual({ mood: "curious", nested: { deep: [1] } });
    expect(decodeFrame(encodeFrame(writeMessage(message))).body).toEqual(body);
  });

  test("keeps fields whose names mean something elsewhere", () => {
    const strange = { constructor: "c", toString: "s", transaction: "another" };
    const body = { header: { ...WIRE_HEADER, ...strange } };

    expect(Object.entries(readMessage({ topic: "context", body }).header.extra ?? {})).toEqual(Object.entries(strange));
  });

  test("with a wrong stamp, or a number alone, counts as unstamped", () => {
    for (const mark of [{ sequence: 7 }, { incarnation: 1, sequence: 7 }]) {
      const { header } = readMessage({ topic: "context", body: withHeader("context", mark) });
      expect(header).toEqual(HEADER);
    }
  });

  test("of a program that says something once has the incarnation alone", () => {
    for (const stamp of [{ incarnation: "i" }, { incarnation: "i", sequence: "7" }]) {
      const { header } = readMessage({ topic: "context", body: withHeader("context", stamp) });
      expect(header).toEqual({ ...HEADER, incarnation: "i" });
    }
  });
});

describe("a message is refused that", () => {
  test.each(["context", "control", "state", "process"])("is no object: %s", (topic) => {
    for (const body of [null, [], "text", 1, true])
      expect(refusalOf(topic, body)).toBe(
        `message on ${topic}: expected an object in the message, got ${JSON.stringify(body)}`,
      );
  });

  test.each(["context", "control", "state"])("has no header: %s", (topic) => {
    expect(refusalOf(topic, {})).toBe(`message on ${topic}: expected an object in header, got nothing`);
    expect(refusalOf(topic, { header: [] })).toBe(`message on ${topic}: expected an object in header, got []`);
  });

  test("has no header inside Task", () => {
    const expected = "message on process: expected an object in Task.message.header, got";

    expect(refusalOf("process", {})).toBe(`${expected} nothing`);
    expect(refusalOf("process", { header: WIRE_HEADER })).toBe(`${expected} nothing`);
    expect(refusalOf("process", { Task: 1 })).toBe(`${expected} 1`);
    expect(refusalOf("process", { Task: { message: {} } })).toBe(`${expected} {"message":{}}`);
  });

  const fields = ["service_transaction", "service_name", "action"];
  const places = [
    ...["context", "control", "state"].flatMap((kind) => fields.map((field) => [kind, field, `header.${field}`])),
    ...["transaction", "service_name", "action"].map((field) => ["process", field, `Task.message.header.${field}`]),
  ] as [string, string, string][];

  test.each(places)("lacks a field or has another type in it: %s, %s", (kind, field, path) => {
    expect(refusalOf(kind, withHeader(kind, { [field]: undefined }))).toBe(
      `message on ${kind}: expected a string in ${path}, got nothing`,
    );
    for (const [value, shown] of [
      [7, "7"],
      [{ a: 1 }, '{"a":1}'],
      [["T"], '["T"]'],
    ] as const)
      expect(refusalOf(kind, withHeader(kind, { [field]: value as Json }))).toBe(
        `message on ${kind}: expected a string in ${path}, got ${shown}`,
      );
  });

  test.each(["context", "control", "state", "process"])(
    "has a service_id or request_id that is no text: %s",
    (kind) => {
      expect(refusalOf(kind, withHeader(kind, { service_id: 1 }))).toContain("header.service_id, got 1");
      expect(refusalOf(kind, withHeader(kind, { request_id: 1 }))).toContain("header.request_id, got 1");
    },
  );

  test.each([
    ["no content", undefined, "an object in content.status, got nothing"],
    ["content that is no object", "text", 'an object in content, got "text"'],
    ["no status", {}, "an object in content.status, got nothing"],
    ["a status that is no object", { status: [] }, "an object in content.status, got []"],
    ["no result", { status: { device_action: "" } }, "a string in content.status.result, got nothing"],
    [
      "a result that is no text",
      { status: { device_action: "", result: true } },
      "a string in content.status.result, got true",
    ],
    ["no device action", { status: { result: "success" } }, "a string in content.status.device_action, got nothing"],
  ] as [string, Json | undefined, string][])("announces with %s", (_, content, expected) => {
    const body: JsonObject = { header: WIRE_HEADER, ...(content === undefined ? {} : { content }) };

    expect(refusalOf("control", body)).toBe(`message on control: expected ${expected}`);
  });

  test("commands with a content that is no object", () => {
    expect(refusalOf("context", { content: [], header: WIRE_HEADER })).toContain("an object in content, got []");
  });

  test("says something long, of which the refusal quotes 60 characters", () => {
    expect(refusalOf("context", "x".repeat(10_000)).length).toBeLessThan(140);
  });
});

describe("writing is the opposite of reading:", () => {
  const word = fc.string();
  const names = fc
    .string({ minLength: 1 })
    .filter((name) => !(name in { ...WIRE_HEADER, ...TASK_HEADER, request_id: 1, incarnation: 1, sequence: 1 }));
  const extra = fc.dictionary(
    names.filter((name) => name !== "__proto__"),
    anyJson,
    { minKeys: 1, maxKeys: 3, noNullPrototype: true },
  );
  const header: fc.Arbitrary<Header> = fc
    .tuple(
      fc.record({ transaction: word, serviceId: word, serviceName: word, action: word }),
      fc.record({ requestId: word, extra }, { requiredKeys: [] }),
      fc.option(fc.record({ incarnation: word, sequence: fc.nat() }), { nil: {} }),
    )
    .map((parts) => Object.assign({}, ...parts));
  const anyObject = fc.dictionary(names, anyJson, { maxKeys: 4, noNullPrototype: true });
  const status = fc
    .tuple(anyObject, fc.record({ result: word, device_action: word }))
    .map(([items, fixed]) => ({ ...items, ...fixed }));
  const messages: fc.Arbitrary<Message> = fc.oneof(
    fc.record({ kind: fc.constant("context" as const), header, configuration: fc.option(anyJson, { nil: undefined }) }),
    fc.record({ kind: fc.constant("control" as const), header, status }),
    fc.record({ kind: fc.constant("state" as const), header, content: anyJson.filter((content) => content !== null) }),
  );
  const roundTrip = (message: Message) => readMessage(decodeFrame(encodeFrame(writeMessage(message))));

  test("a command, an announcement, a query or a reply comes back as it was", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(roundTrip(message)).toEqual(message);
      }),
      { numRuns: 600 },
    );
  });

  test("a command to a task comes back with its header in its body", () => {
    fc.assert(
      fc.property(header, anyObject, (given, rest) => {
        const message = {
          kind: "process",
          topic: "process",
          header: given,
          body: { ...rest, Task: { description: "d" } },
        } as const;

        const back = roundTrip(message);

        expect(back).toMatchObject({ ...message, body: { ...rest, Task: { description: "d" } } });
        expect(back.header).toEqual(given);
        expect(roundTrip(back)).toEqual(back);
      }),
      { numRuns: 500 },
    );
  });

  test.each(Object.keys(FRAMES))("a frame comes back as it was: %s", (kind) => {
    expect(decodeFrame(encodeFrame(writeMessage(readMessage(frameOf(kind)))))).toEqual(frameOf(kind));
  });

  test("the header of a command to a task lies inside Task, under the names the original reads", () => {
    const { body } = writeMessage({ kind: "process", topic: "process", header: HEADER, body: { id: "ts_100" } });

    expect(JSON.parse(JSON.stringify(body))).toEqual({
      Task: {
        message: {
          header: { action: "start", service_id: "context001", service_name: "context", transaction: "T" },
        },
      },
      id: "ts_100",
    });
  });
});

describe("a stamp", () => {
  const mark = { incarnation: "b0c1", sequence: 7 };

  test.each(Object.keys(FRAMES))("can be read again, and changes nothing else: %s", (kind) => {
    const stamped = stamp(frameOf(kind), mark);

    expect(stampOf(stamped)).toEqual(mark);
    expect(readMessage(stamped).header).toEqual({ ...readMessage(frameOf(kind)).header, ...mark });
    expect(stampOf(frameOf(kind))).toBeUndefined();
  });

  test("replaces the one that was there", () => {
    expect(stampOf(stamp(stamp(frameOf("control"), { incarnation: "old", sequence: 1 }), mark))).toEqual(mark);
  });

  test("leaves a frame without a header as it is", () => {
    for (const body of [{ T: [{ rss: 1 }] }, [], null, { Task: {} }] as Json[]) {
      expect(stamp({ topic: "monitor", body }, mark)).toEqual({ topic: "monitor", body });
      expect(stampOf({ topic: "monitor", body })).toBeUndefined();
    }
  });

  test("that is only half one is none", () => {
    expect(stampOf({ topic: "control", body: withHeader("control", { incarnation: "b0c1" }) })).toBeUndefined();
    expect(
      stampOf({ topic: "control", body: withHeader("control", { incarnation: "b0c1", sequence: "7" }) }),
    ).toBeUndefined();
  });
});

describe("the request id", () => {
  test("can be told of a message that is otherwise unreadable", () => {
    expect(requestIdOf({ topic: "context", body: { header: { request_id: "b7f1", action: 1 } } })).toBe("b7f1");
  });

  test("is none where there is no text for one", () => {
    for (const body of [null, [], {}, { header: 1 }, { header: {} }, { header: { request_id: 1 } }] as Json[])
      expect(requestIdOf({ topic: "context", body })).toBeUndefined();
  });
});

test("any JSON on any topic is a message or is refused", () => {
  const topics = fc.constantFrom("context", "control", "state", "process", "monitor");
  const near = fc.record(
    { header: fc.oneof(anyJson, fc.constant(WIRE_HEADER)), content: anyJson, Task: anyJson },
    { requiredKeys: [] },
  );

  fc.assert(
    fc.property(topics, fc.oneof(anyJson, near as fc.Arbitrary<Json>), (topic, body) => {
      try {
        readMessage({ topic, body });
      } catch (error) {
        if (!(error instanceof ZcontextError) || error.code !== "ERR_MESSAGE_MALFORMED") throw error;
      }
    }),
    { numRuns: 600 },
  );
});
