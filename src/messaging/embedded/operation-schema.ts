// Whether a value that has arrived is an operation of the protocol. Pure.
import type { FromBroker, ToBroker } from "./operations.ts";

const TO_BROKER: Record<ToBroker["op"], Shape> = {
  hello: { protocol: "number", token: "string", src: "string", holds: "object" },
  bye: {},
  emit: { n: "number", event: "string", envelope: "object", size: "number" },
  listen: { n: "number", event: "string", group: "string", prefetch: "number" },
  unlisten: { n: "number", event: "string", group: "string" },
  settle: { g: "number", seq: "number", attempt: "number", verdict: "string" },
  serve: { n: "number", service: "string", methods: "object" },
  unserve: { n: "number", service: "string" },
  call: { n: "number", service: "string", method: "string", envelope: "object", budgetMs: "number", size: "number" },
  cancel: { n: "number" },
  answer: { c: "number", size: "number" },
  fault: { c: "number", failure: "object" },
  services: { n: "number" },
  queues: { n: "number" },
  dead: { n: "number" },
  letter: { n: "number", id: "string" },
  replay: { n: "number", ids: "object" },
  discard: { n: "number", ids: "object" },
  service: { service: "string", state: "string" },
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
  served: { n: "number", services: "object" },
  figures: { n: "number", queues: "object" },
  letters: { n: "number", letters: "object" },
  body: { n: "number", letter: "object", size: "number" },
  count: { n: "number", count: "number" },
};

type Shape = { readonly [field: string]: "string" | "number" | "object" };

export const isToBroker = checker<ToBroker>(TO_BROKER);
export const isFromBroker = checker<FromBroker>(FROM_BROKER);

function checker<Operation extends { op: string }>(shapes: Record<Operation["op"], Shape>) {
  const fields = new Map(Object.entries<Shape>(shapes).map(([op, shape]) => [op, Object.entries(shape)]));
  return (value: unknown): value is Operation => {
    if (typeof value !== "object" || value === null || !("op" in value)) return false;
    const shape = fields.get(String(value.op));
    return shape?.every(([field, type]) => isOf(Reflect.get(value, field), type)) ?? false;
  };
}

function isOf(value: unknown, type: string): boolean {
  return type === "object" ? typeof value === "object" && value !== null : typeof value === type;
}
