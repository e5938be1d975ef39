import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../../protocol/json.ts";
import type { SignalFrame } from "../../../protocol/signal-frame.ts";
import type { Signal } from "../../contract/engine.ts";
import { childTrace, type Envelope, uuidV7 } from "../../contract/envelope.ts";

/** A signal whose header is read when somebody asks for it: most handlers look at the content alone. */
export class ReceivedSignal implements Signal {
  readonly topic: string;
  readonly attachments: readonly Buffer[];
  readonly #frame: SignalFrame;
  #envelope: Envelope | undefined;

  constructor(topic: string, frame: SignalFrame, attachments: readonly Buffer[]) {
    this.topic = topic;
    this.attachments = attachments;
    this.#frame = frame;
  }

  get body(): string {
    return this.#frame.content;
  }

  get envelope(): Envelope {
    this.#envelope ??= envelopeIn(this.#frame.header());
    return this.#envelope;
  }
}

/** Its publisher: an old one is known by its service id or its incarnation. */
export function publisherIn({ src, service_id, incarnation }: JsonObject): string {
  return [src, service_id, incarnation].find((name) => typeof name === "string" && name !== "")?.toString() ?? "";
}

function envelopeIn(header: JsonObject): Envelope {
  const { id, sent, session_id: session, traceparent } = header;
  const known = textOr(id, () => uuidV7(Date.now(), randomBytes(10).toString("hex")));
  return {
    id: known,
    src: publisherIn(header),
    sent: typeof sent === "number" ? sent : Date.now(),
    session_id: textOr(session, () => known),
    traceparent: textOr(traceparent, () => childTrace(undefined, randomBytes(24).toString("hex"))),
  };
}

function textOr(value: unknown, otherwise: () => string): string {
  return typeof value === "string" && value !== "" ? value : otherwise();
}
