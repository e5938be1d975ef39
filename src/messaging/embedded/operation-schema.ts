// Whether a value that has arrived is an operation of the protocol. Pure.
import type { FromBroker, ToBroker } from "./operations.ts";

const TO_BROKER: Record<ToBroker["op"], Shape> = {
  hello: { protocol: "count", token: "string", src: "string", holds: "keys" },
  bye: {},
  emit: { n: "count", event: "string", envelope: "envelope", size: "number" },
  listen: { n: "count", event: "string", group: "string", prefetch: "count" },
  unlisten: { n: "count", event: "string", group: "string" },
  settle: { g: "count", seq: "count", attempt: "count", verdict: "string" },
  serve: { n: "count", service: "string", methods: "strings" },
  unserve: { n: "count", service: "string" },
  call: { n: "count", service: "string", method: "string", envelope: "envelope", budgetMs: "number", size: "number" },
  cancel: { n: "count" },
  answer: { c: "count", size: "number" },
  fault: { c: "count", failure: "object" },
  services: { n: "count" },
  queues: { n: "count" },
  dead: { n: "count" },
  letter: { n: "count", id: "string" },
  replay: { n: "count", ids: "strings" },
  discard: { n: "count", ids: "strings" },
  tap: { n: "count", events: "strings", calls: "strings" },
  untap: { n: "count" },
  taken: { copies: "count" },
};

const FROM_BROKER: Record<FromBroker["op"], Shape> = {
  welcome: { protocol: "number", stored: "string" },
  refused: { code: "string", reason: "string" },
  done: { n: "number" },
  failed: { n: "number", code: "string", reason: "string" },
  unrouted: { n: "number" },
  deliver: { g: "number", seq: "number", event: "string", group: "string", attempt: "number", envelope: "object" },
  lost: { silentMs: "number" },
  request: { c: "number", service: "string", method: "string", envelope: "object", budgetMs: "number" },
  abort: { c: "number" },
  result: { n: "number", size: "number" },
  failure: { n: "number", failure: "object" },
  served: { n: "number", services: "list" },
  figures: { n: "number", queues: "list" },
  letters: { n: "number", letters: "list" },
  body: { n: "number", letter: "object", size: "number" },
  count: { n: "number", count: "number" },
  tapped: { kind: "string", name: "string", envelope: "object", size: "number" },
  missed: { copies: "number" },
};

/** Of what kind a field is. A `count` is a whole number from 0 on. */
type Kind = keyof typeof KINDS;
type Shape = { readonly [field: string]: Kind };

const KINDS = {
  string: (value: unknown) => typeof value === "string",
  number: (value: unknown) => typeof value === "number",
  count: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0,
  object: isObject,
  list: Array.isArray,
  strings: (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === "string"),
  keys: (value: unknown) =>
    Array.isArray(value) &&
    value.every(
      (each) => isObject(each) && ["g", "seq", "attempt"].every((name) => KINDS.count(Reflect.get(each, name))),
    ),
  envelope: (value: unknown) =>
    isObject(value) && typeof Reflect.get(value, "id") === "string" && typeof Reflect.get(value, "sent") === "number",
};

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const isToBroker = checker<ToBroker>(TO_BROKER);
export const isFromBroker = checker<FromBroker>(FROM_BROKER);

function checker<Operation extends { op: string }>(shapes: Record<Operation["op"], Shape>) {
  const fields = new Map(Object.entries<Shape>(shapes).map(([op, shape]) => [op, Object.entries(shape)]));
  return (value: unknown): value is Operation => {
    if (typeof value !== "object" || value === null || !("op" in value)) return false;
    const shape = fields.get(String(value.op));
    return shape?.every(([field, kind]) => KINDS[kind](Reflect.get(value, field))) ?? false;
  };
}
