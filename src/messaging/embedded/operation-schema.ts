// Whether a value that has arrived is an operation of the protocol. Pure.
import type { FromBroker, Settlement, ToBroker } from "./operations.ts";

const TO_BROKER: Record<ToBroker["op"], Shape> = {
  hello: { protocol: "count", token: "string", src: "string", holds: "keys" },
  bye: {},
  emit: { n: "count", event: "string", id: "string", head: "count", size: "number" },
  listen: { n: "count", event: "string", group: "string", prefetch: "count" },
  unlisten: { n: "count", event: "string", group: "string" },
  settle: { g: "count", seq: "count", attempt: "count" },
  serve: { n: "count", service: "string", methods: "strings" },
  unserve: { n: "count", service: "string" },
  call: { n: "count", service: "string", method: "string", budgetMs: "number", head: "count", size: "number" },
  cancel: { n: "count" },
  answer: { c: "count", size: "number" },
  fault: { c: "count", failure: "failure" },
  services: { n: "count" },
  queues: { n: "count" },
  dead: { n: "count" },
  letter: { n: "count", id: "string" },
  replay: { n: "count", ids: "strings" },
  discard: { n: "count", ids: "strings" },
  tap: { n: "count", events: "strings", calls: "strings" },
  untap: { n: "count" },
  heard: { signals: "counts" },
  taken: { copies: "count" },
};

const FROM_BROKER: Record<FromBroker["op"], Shape> = {
  welcome: { protocol: "number", stored: "string" },
  refused: { code: "string", reason: "string" },
  done: { n: "number" },
  failed: { n: "number", code: "string", reason: "string" },
  unrouted: { n: "number" },
  deliver: { g: "number", seq: "number", event: "string", group: "string", attempt: "number", head: "number" },
  lost: { silentMs: "number" },
  request: { c: "number", service: "string", method: "string", budgetMs: "number", head: "number" },
  abort: { c: "number" },
  result: { n: "number", size: "number" },
  failure: { n: "number", failure: "object" },
  served: { n: "number", services: "list" },
  figures: { n: "number", queues: "list" },
  letters: { n: "number", letters: "list" },
  body: { n: "number", letter: "object", head: "number", size: "number" },
  count: { n: "number", count: "number" },
  tapped: { kind: "string", name: "string", head: "number", size: "number" },
  missed: { copies: "number" },
};

/** The names of all operations, for what is written about them. */
export const OPERATIONS = { toBroker: Object.keys(TO_BROKER), fromBroker: Object.keys(FROM_BROKER) };

/** Of what kind a field is. A `count` is a whole number from 0 on. */
type Kind = keyof typeof KINDS;
type Shape = { readonly [field: string]: Kind };

const KINDS = {
  string: (value: unknown) => typeof value === "string",
  number: (value: unknown) => typeof value === "number",
  count: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0,
  object: isObject,
  failure: (value: unknown) =>
    isObject(value) && ["code", "message"].every((name) => typeof Reflect.get(value, name) === "string"),
  list: Array.isArray,
  counts: (value: unknown) =>
    Array.isArray(value) &&
    value.every(
      (each) =>
        isObject(each) &&
        ["topic", "publisher"].every((name) => typeof Reflect.get(each, name) === "string") &&
        ["received", "lost"].every((name) => KINDS.count(Reflect.get(each, name))),
    ),
  strings: (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === "string"),
  keys: (value: unknown) =>
    Array.isArray(value) &&
    value.every(
      (each) => isObject(each) && ["g", "seq", "attempt"].every((name) => KINDS.count(Reflect.get(each, name))),
    ),
};

/** Faster than Reflect.get, which matters for what is read of each operation. */
function isRecord(value: unknown): value is { readonly [field: string]: unknown } {
  return typeof value === "object" && value !== null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isOperation: (value: unknown) => value is ToBroker = checker("op", TO_BROKER);

export function isToBroker(value: unknown): value is ToBroker {
  return isOperation(value) && (value.op !== "settle" || isSettlement(value));
}

const SETTLEMENT: Record<Settlement["verdict"], Shape> = {
  ack: {},
  drop: {},
  again: { delayMs: "number" },
  dead: { reason: "string", failure: "failure", handler: "string" },
};

const isSettlement = checker("verdict", SETTLEMENT);
export const isFromBroker: (value: unknown) => value is FromBroker = checker("op", FROM_BROKER);

interface FieldCheck {
  field: string;
  isOfKind(value: unknown): boolean;
}

/** Checks the fields that an object of the kind named in `tag` must have. */
function checker<Value>(tag: string, shapes: Record<string, Shape>) {
  const fields = new Map(
    Object.entries(shapes).map(([name, shape]): [unknown, FieldCheck[]] => [
      name,
      Object.entries(shape).map(([field, kind]) => ({ field, isOfKind: KINDS[kind] })),
    ]),
  );
  return (value: unknown): value is Value => {
    if (!isRecord(value)) return false;
    const shape = fields.get(value[tag]);
    if (shape === undefined) return false;
    for (const { field, isOfKind } of shape) if (!isOfKind(value[field])) return false;
    return true;
  };
}
