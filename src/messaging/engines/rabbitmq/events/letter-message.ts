// A dead letter as a message in the queue of the group's dead letters: the event, with the reason in headers. The server adds
// letters of its own, of events whose members have died too often. Pure.
import type { Message } from "amqplib";
import { digestOf } from "../../../../digest.ts";
import { object, oneOf, optional, read, text } from "../../../../protocol/schema.ts";
import type { DeadLetter, DeathReason, Verdict } from "../../../contract/engine.ts";
import { headOf } from "./event-message.ts";

const DEATH = "zc-death";
const DIED_AT = "zc-died-at";
const ID_DIGITS = 32;

const DEATH_SCHEMA = object({
  reason: oneOf<DeathReason>([
    ...(["attempts", "not-retryable", "schema", "claim", "expired", "dropped", "no-handler", "malformed"] as const),
  ]),
  handler: text,
  error: object({ name: text, message: text, stack: optional(text) }),
});

export function deathHeaders(
  { reason, failure, handler }: Verdict & { verdict: "dead" },
  nowMs: number,
): { [name: string]: string | number } {
  const { remote } = failure;
  const error = {
    name: remote?.name ?? failure.code,
    message: failure.message,
    ...(remote?.stack !== undefined && { stack: remote.stack }),
  };
  return { [DEATH]: JSON.stringify({ reason, handler, error }), [DIED_AT]: nowMs };
}

export function letterOf(message: Message, { event, group }: { event: string; group: string }): DeadLetter {
  const headers: { [name: string]: unknown } = message.properties.headers ?? {};
  const diedAt = headers[DIED_AT];
  // An event of a foreign program that the server has moved here may have no id.
  const standIn = () => digestOf(message.content.toString(), ID_DIGITS);
  const { envelope, attempt, firstAt } = headOf(withoutReads(message), 0, standIn);
  const { reason, handler, error } = deathIn(headers[DEATH]);
  const { stack, ...what } = error;
  return {
    id: `${event}/${group}/${envelope.id}`,
    ...{ event, group, reason, attempts: attempt },
    first_at: firstAt,
    last_at: typeof diedAt === "number" ? diedAt : firstAt,
    handler,
    error: { ...what, ...(stack !== undefined && { stack }) },
  };
}

/** The server counts as a death of the event that its letter was read and put back. */
function withoutReads({ fields, properties, content }: Message): Message {
  const headers = { ...properties.headers, "x-delivery-count": 0 };
  return { content, fields, properties: { ...properties, headers } };
}

type Death = Pick<DeadLetter, "reason" | "handler"> & {
  error: { name: string; message: string; stack?: string | undefined };
};

/** Without our header the server has moved the event here. */
const BY_THE_SERVER: Death = {
  reason: "attempts",
  handler: "",
  error: { name: "Error", message: "the members that had it have died, each time" },
};

function deathIn(header: unknown): Death {
  if (typeof header !== "string") return BY_THE_SERVER;
  try {
    return read(DEATH_SCHEMA, JSON.parse(header)).value ?? BY_THE_SERVER;
  } catch {
    return BY_THE_SERVER;
  }
}
