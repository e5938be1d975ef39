// Events and calls of this member as questions to the broker, and its replies as receipts and answers.
import type { Answer, Durability, Engine, Receipt } from "../../contract/engine.ts";
import { envelopeText } from "../../contract/envelope.ts";
import { givenUp } from "../../contract/service-error.ts";
import type { ToBroker } from "../operations.ts";
import type { Conversation } from "./conversation.ts";
import { failureOfEngine } from "./faults.ts";
import type { Reply } from "./questions.ts";

type Emission = Extract<ToBroker, { op: "emit" }>;
type Calling = Extract<ToBroker, { op: "call" }>;

const NOTHING: Buffer = Buffer.alloc(0);

/** @param stored - What the broker does with an event. */
export function createEmit(conversation: Conversation, stored: () => Durability): Engine["emit"] {
  return ({ name: event, envelope, body }, { requireRoute }) => {
    const { id } = envelope;
    const text = envelopeText(envelope);
    const head = text.length;
    const operation: Emission = { op: "emit", n: conversation.nextN(), event, id, head, size: head + body.length };
    if (requireRoute) operation.requireRoute = true;
    return new Promise<Receipt>((resolve, reject) => {
      const answer = (reply: Reply) => resolve({ id, stored: stored(), routed: reply.operation.op === "done" });
      conversation.askWith({ operation, envelope: text, body }, true, { answer, fail: reject });
    });
  };
}

export function createCall(conversation: Conversation): Engine["call"] {
  return ({ service, method, envelope, body, budgetMs, isIdempotent }, signal) => {
    const n = conversation.nextN();
    const text = envelopeText(envelope);
    const head = text.length;
    const size = head + body.length;
    const operation: Calling = { op: "call", n, service, method, budgetMs, isIdempotent, head, size };
    const giveUp = () => {
      if (!conversation.isOpen(n)) return;
      conversation.say({ op: "cancel", n });
      const failure = givenUp(`${service}.${method}`, signal.reason, "unknown");
      conversation.answer({ operation: { op: "failure", n, failure }, body: NOTHING });
    };
    const answered = new Promise<Answer>((resolve) => {
      conversation.askWith({ operation, envelope: text, body }, isIdempotent, {
        answer: (reply) => resolve(answerIn(reply)),
        fail: (error) => resolve({ failure: failureOfEngine(error) }),
      });
    });
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
    return answered;
  };
}

function answerIn({ operation, body }: Reply): Answer {
  if (operation.op === "result") return { result: body };
  if (operation.op === "failure") return { failure: operation.failure };
  const message = `engine of this bus: the broker answers a call with ${operation.op}`;
  return { failure: { code: "ERR_ENGINE_UNREACHABLE", message, retryable: true, executed: "unknown" } };
}
