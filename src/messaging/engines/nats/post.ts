// Messages by subject over the core of NATS, which stores nothing.
import type { Msg, MsgHdrs, NatsConnection, PublishOptions } from "@nats-io/transport-node";
import { ZcontextError } from "../../../errors.ts";
import type { Subscription } from "../../contract/engine.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import type { Parcel, Post } from "../../remote/post.ts";
import { tooLarge } from "./faults.ts";
import type { Link, Session } from "./link.ts";

/** Parcels and bytes that may be on their way to the server. */
const [MAX_LENGTH, MAX_BYTES] = [10_000, 64 * 2 ** 20];
/** So many are worth asking the server whether it has them. */
const [MANY, MANY_BYTES] = [500, 2 ** 20];
const HEAD = "zc";
/** Bytes of a header beside its value. */
const HEAD_ROOM = 64;
/** What the server answers where nobody receives a message. */
const NOBODY = 503;

interface Waiting {
  subject: string;
  parcel: Parcel;
  onNobody: (() => void) | undefined;
}

export interface NatsPost extends Post {
  /** Sends what has waited for the server, or for the end of the turn. */
  passAll(): void;
  down(): void;
}

export function createPost(link: Link): NatsPost {
  /** What waits, and what was sent while the server has not confirmed anything that came later. */
  let sent = { length: 0, bytes: 0 };
  let isConfirming = false;
  /** To be sent at the end of this turn, or once the server is back. */
  let waiting: Waiting[] = [];
  const unheard = new Map<string, () => void>();
  let inbox: string | undefined;
  let last = 0;

  function refuseWhereFull(size: number): void {
    const { length } = sent;
    if (length < MAX_LENGTH && sent.bytes + size <= MAX_BYTES) return;
    throw new ZcontextError("ERR_OVERLOADED", `${length} messages of ${sent.bytes} bytes wait to be sent`, {
      hint: "Send fewer at a time, or look whether the server is there.",
    });
  }

  function pass({ nc, core }: Session, { subject, parcel, onNobody }: Waiting): void {
    const { head, body, replyTo } = parcel;
    const reply = onNobody === undefined ? replyTo : replyFor(nc, core.createInbox, onNobody);
    const headers = head === "" ? undefined : headersOf(core.headers(), head);
    // Nothing is spread: there is one for each message.
    const options: PublishOptions = {};
    if (headers !== undefined) options.headers = headers;
    if (reply !== undefined && reply !== "") options.reply = reply;
    nc.publish(subject, body, options);
    if (sent.length >= MANY || sent.bytes >= MANY_BYTES) void confirm(nc);
  }

  /** All that was sent in one turn goes in one piece: that is where the speed is. */
  function passAll(): void {
    const { session } = link;
    if (session === undefined) return;
    const all = waiting;
    waiting = [];
    for (const one of all) pass(session, one);
  }

  /** Where the server says that nobody receives it. */
  function replyFor(nc: NatsConnection, createInbox: () => string, onNobody: () => void): string {
    if (inbox === undefined) {
      inbox = createInbox();
      nc.subscribe(`${inbox}.*`, {
        callback(_, { subject, headers }) {
          const call = unheard.get(subject);
          unheard.delete(subject);
          if (headers?.code === NOBODY) call?.();
        },
      });
    }
    last += 1;
    const reply = `${inbox}.${last}`;
    unheard.set(reply, onNobody);
    return reply;
  }

  /** Asks the server for a sign; what was sent before has arrived then, and whoever is missing was said to be. */
  async function confirm(nc: NatsConnection): Promise<void> {
    if (isConfirming) return;
    isConfirming = true;
    while (sent.length >= MANY || sent.bytes >= MANY_BYTES) {
      const { length, bytes } = sent;
      const until = last;
      try {
        await nc.flush();
      } catch {
        break; // the connection is lost, and `down` forgets the rest
      }
      sent = { length: sent.length - length, bytes: sent.bytes - bytes };
      for (const reply of unheard.keys()) {
        if (Number(reply.slice(reply.lastIndexOf(".") + 1)) > until) break;
        unheard.delete(reply);
      }
    }
    isConfirming = false;
  }

  return {
    send(subject, parcel, onNobody) {
      const size = sizeOf(parcel);
      refuseWhereFull(size);
      const most = link.session?.nc.info?.max_payload ?? Number.POSITIVE_INFINITY;
      if (size + HEAD_ROOM > most) throw tooLarge(size, most);
      sent = { length: sent.length + 1, bytes: sent.bytes + size };
      waiting.push({ subject, parcel, onNobody });
      if (waiting.length === 1) setImmediate(passAll);
    },
    async receive(pattern, queue, handler): Promise<Subscription> {
      return link.attempt(async ({ nc }) => {
        const subscription = nc.subscribe(pattern, {
          ...(queue !== undefined && { queue }),
          callback: (error, message) => {
            // The server forbids it; the flush below tells.
            if (error === null) handler(parcelOf(message), message.subject);
          },
        });
        try {
          await nc.flush();
          // It is closed already where the server has forbidden it.
          if (subscription.isClosed()) await subscription.closed.then(throwIfError);
        } catch (error) {
          subscription.unsubscribe();
          throw error;
        }
        return subscriptionOf(() =>
          link.session === undefined ? gone(subscription) : subscription.drain().catch(() => {}),
        );
      });
    },
    passAll,
    down() {
      sent = { length: waiting.length, bytes: waiting.reduce((sum, { parcel }) => sum + sizeOf(parcel), 0) };
      unheard.clear();
    },
  };
}

function sizeOf({ head, body }: Parcel): number {
  return head.length + body.length;
}

async function gone(subscription: { unsubscribe(): void }): Promise<void> {
  subscription.unsubscribe();
}

function throwIfError(error: unknown): void {
  if (error instanceof Error) throw error;
}

function headersOf(headers: MsgHdrs, head: string): MsgHdrs {
  headers.set(HEAD, head);
  return headers;
}

function parcelOf({ headers, data, reply }: Msg): Parcel {
  const head = headers?.get(HEAD) ?? "";
  const body = bufferOf(data);
  return head === "" && reply !== undefined && reply !== "" ? { head, body, replyTo: reply } : { head, body };
}

/** The same bytes. */
export function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
