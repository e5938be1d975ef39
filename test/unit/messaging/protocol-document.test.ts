// The examples of docs/messaging-protocol.md against the code that reads such things.
import { describe, expect, test } from "vitest";
import { decodeBatch } from "../../../src/messaging/embedded/batch.ts";
import { isFromBroker, isToBroker, OPERATIONS } from "../../../src/messaging/embedded/operation-schema.ts";
import { unpack } from "../../../src/messaging/embedded/parcel.ts";
import { COUNTS_TOPIC, readTotals } from "../../../src/messaging/engines/zeromq/signal-topics.ts";
import { decodeFrame } from "../../../src/protocol/codec.ts";
import { isObject, type Json } from "../../../src/protocol/json.ts";
import { blocksOf, readDocument } from "../../support/readme.ts";

const text = readDocument("docs/messaging-protocol.md");
const blocks = blocksOf(text).map(({ section, language, lines }) => ({ section, language, text: lines.join("\n") }));
const values = blocks
  .filter(({ language }) => language === "json")
  .map(({ section, text }) => ({ section, value: JSON.parse(text) }));
const operations = values.filter(({ value }) => isObject(value) && "op" in value);
const says = ({ section, value }: (typeof operations)[number]) =>
  section === "Operations of a member" || value.op === "hello" ? "toBroker" : "fromBroker";
const [envelope, payload] = ["traceparent", "event_name"].map(
  (key) => values.find(({ value }) => isObject(value) && key in value)?.value,
);

describe("in docs/messaging-protocol.md", () => {
  test.each(operations)("$value.op under “$section” is an operation", (one) => {
    const isOperation = says(one) === "toBroker" ? isToBroker : isFromBroker;

    expect(isOperation(one.value)).toBe(true);
  });

  test.each(["toBroker", "fromBroker"] as const)("every operation %s has its example", (direction) => {
    const shown = operations.filter((one) => says(one) === direction).map(({ value }) => value.op);

    expect([...new Set(shown)].sort()).toEqual([...OPERATIONS[direction]].sort());
  });

  test("every verdict has its example", () => {
    const verdicts = operations.flatMap(({ value }) => (value.op === "settle" ? value.verdict : []));

    expect(verdicts.sort()).toEqual(["ack", "again", "dead", "drop"]);
  });

  test("the batch is one, and its body is the envelope and the payload that are shown", () => {
    const batch = values.find(({ section }) => section === "Batches")?.value;
    const body = Buffer.from(JSON.stringify(envelope) + JSON.stringify(payload));

    const { number, items } = decodeBatch([Buffer.from(JSON.stringify(batch)), body], isToBroker);
    const [{ operation, body: bytes }] = items as [(typeof items)[number], ...typeof items];
    const read = unpack({ head: operation.op === "emit" ? operation.head : 0, bytes });

    expect(number).toBe(7);
    expect(read.envelope).toEqual(envelope);
    expect(JSON.parse(String(read.body))).toEqual(payload);
  });

  test("the beat is an empty batch", () => {
    const [, beat = ""] = /empty batch, `(.*?)`/.exec(text) ?? [];

    expect(decodeBatch([Buffer.from(beat), Buffer.alloc(0)], isToBroker).items).toEqual([]);
  });

  test("the signal is a frame, with the fields of an envelope in its header", () => {
    const [signal, counts] = blocks.filter(({ section }) => section === "Signals");
    const stated = decodeFrame(Buffer.from(counts?.text ?? "")) as { topic: string; body: { content: Json } };
    const { body } = decodeFrame(Buffer.from(signal?.text ?? ""));

    expect(body).toMatchObject({ content: {}, header: { action: "published", sequence: 1 } });
    expect(stated.topic).toBe(COUNTS_TOPIC);
    expect(readTotals(stated.body.content)).toEqual({ totals: new Map([["temperature", 1]]), isLast: true });
    const { id, src, sent, session_id, traceparent } = (body as { header: Record<string, unknown> }).header;
    expect(Object.values({ id, src, sent, session_id, traceparent })).not.toContain(undefined);
  });
});
