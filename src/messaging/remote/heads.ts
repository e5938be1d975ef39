// What members of a server's engine say to each other about calls and signals: the head of a message as JSON. Pure.

import { isObject } from "../../protocol/json.ts";
import {
  anything,
  count,
  dictionaryOf,
  flag,
  listOf,
  literal,
  notNegative,
  type ObjectSchema,
  object,
  oneOf,
  optional,
  read,
  shapedAs,
  tagged,
  text,
} from "../../protocol/schema.ts";
import type { Envelope } from "../contract/envelope.ts";
import type { Executed, Failure } from "../contract/service-error.ts";

/** What is said of calls. */
export type CallHead =
  /** The body has the parameters. `n` is the caller's number, and `from` where it waits for the answer. */
  | { t: "call"; n: number; from: string; envelope: Envelope; budgetMs: number; method: string; isIdempotent: boolean }
  /** The body has the result where there is no failure. */
  | { t: "answer"; n: number; failure?: Failure | undefined }
  | { t: "abort"; n: number; from: string }
  /** Has no effect: the sender learns whether the receiver is there. */
  | { t: "ping" }
  | { t: "who"; from: string }
  | { t: "here"; service: string; address: string; methods: readonly string[] }
  | { t: "gone"; service: string; address: string }
  /** What a supervisor knows of a service. */
  | { t: "state"; service: string; state: "starting" | "running" | "gone" };

/** What is said of signals. */
export type SignalHead =
  /** A signal, the `seq`-th on its topic in this life of the publisher; `attached` are the sizes of what ends the body. */
  | { t: "signal"; life: string; seq: number; envelope: Envelope; attached?: readonly number[] | undefined }
  /** What a publisher has published so far. */
  | { t: "totals"; life: string; publisher: string; totals: { readonly [topic: string]: number }; isLast: boolean };

/** The body has what a member has counted in this life of it. */
type FiguresHead = { t: "figures"; life: string };

export type Head = CallHead | SignalHead | FiguresHead;

const ENVELOPE = shapedAs<Envelope>("an envelope", {
  id: text,
  src: text,
  sent: notNegative,
  ttl_ms: optional(notNegative),
  session_id: text,
  traceparent: text,
  headers: optional(dictionaryOf(text, "an object of texts")),
});
const FAILURE = shapedAs<Failure>("a failure", {
  code: text,
  message: text,
  retryable: flag,
  details: anything,
  executed: oneOf<Executed>(["no", "unknown", "yes"]),
  remote: optional(object({ name: text, stack: optional(text) })),
});
const names = listOf(text, "a list of names");

const HEADS: { readonly [T in Head["t"]]: ObjectSchema<Extract<Head, { t: T }>> } = {
  call: object({
    ...{ t: literal("call"), n: count, from: text, envelope: ENVELOPE, budgetMs: notNegative, method: text },
    isIdempotent: flag,
  }),
  answer: object({ t: literal("answer"), n: count, failure: optional(FAILURE) }),
  abort: object({ t: literal("abort"), n: count, from: text }),
  ping: object({ t: literal("ping") }),
  who: object({ t: literal("who"), from: text }),
  here: object({ t: literal("here"), service: text, address: text, methods: names }),
  gone: object({ t: literal("gone"), service: text, address: text }),
  state: object({ t: literal("state"), service: text, state: oneOf(["starting", "running", "gone"]) }),
  signal: object({
    ...{ t: literal("signal"), life: text, seq: count, envelope: ENVELOPE },
    attached: optional(listOf(count, "a list of sizes")),
  }),
  totals: object({
    ...{ t: literal("totals"), life: text, publisher: text, isLast: flag },
    totals: dictionaryOf(count, "an object of counts"),
  }),
  figures: object({ t: literal("figures"), life: text }),
};
const HEAD = tagged<Head>("t", HEADS);

export function writeHead(head: Head): string {
  return JSON.stringify(head);
}

/** Undefined for anything that is no such head, as of a foreign program. */
export function readHead(written: string): Head | undefined {
  if (written === "") return undefined;
  try {
    const head: unknown = JSON.parse(written);
    return isCommon(head) ? head : read(HEAD, head).value;
  } catch {
    return undefined;
  }
}

/**
 * Whether it is one of the two heads that there are many of, as members of ours write them: of a call, and of an answer with a result.
 * A schema takes longer to read one than the rest of the call does.
 */
function isCommon(head: unknown): head is Extract<CallHead, { t: "call" | "answer" }> {
  if (!isObject(head) || !isCount(head.n)) return false;
  if (head.t === "answer") return head.failure === undefined;
  return (
    head.t === "call" &&
    isText(head.from) &&
    isText(head.method) &&
    isAmount(head.budgetMs) &&
    typeof head.isIdempotent === "boolean" &&
    isEnvelope(head.envelope)
  );
}

/** One with headers is read by its schema. */
function isEnvelope(value: unknown): boolean {
  if (!isObject(value) || value.headers !== undefined) return false;
  const { id, src, sent, ttl_ms: ttlMs = 0, session_id: session, traceparent } = value;
  return isText(id) && isText(src) && isAmount(sent) && isAmount(ttlMs) && isText(session) && isText(traceparent);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isAmount(value: unknown): boolean {
  return Number.isFinite(value) && Number(value) >= 0;
}
