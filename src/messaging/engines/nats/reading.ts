// Reads what a stream keeps now, from the first message to the last.
import type { JsMsg } from "@nats-io/jetstream";
import type { Session } from "./link.ts";

/** A consumer that nobody reads from ends after this. */
const IDLE_MS = 10_000;
const EXPIRES_MS = 5_000;

/** Yields nothing where the stream is not there. */
export async function* readAll(
  { core, js, jsm, jetstream }: Session,
  stream: string,
  subject: string,
  { headersOnly = false } = {},
): AsyncGenerator<JsMsg> {
  const { AckPolicy, DeliverPolicy, JetStreamApiCodes, JetStreamApiError } = jetstream;
  const wanted = { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, filter_subject: subject };
  const kept = { inactive_threshold: core.nanos(IDLE_MS), mem_storage: true, headers_only: headersOnly };
  const info = await jsm.consumers.add(stream, { ...wanted, ...kept }).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  });
  if (info === undefined) return;
  try {
    if (info.num_pending === 0) return;
    const messages = await js.consumers
      .getConsumerFromInfo(info)
      .fetch({ max_messages: info.num_pending, expires: EXPIRES_MS });
    for await (const message of messages) {
      yield message;
      if (message.info.pending === 0) return;
    }
  } finally {
    await jsm.consumers.delete(stream, info.name).catch(() => {});
  }
}
