// Dead letters: a stream of its own keeps each with its body, its envelope and the reason, for a time and up to a number.
import type { JsMsg, StoredMsg } from "@nats-io/jetstream";
import type { DeadLetter, Operations, Verdict } from "../../contract/engine.ts";
import { type EventHead, eventHeaders, readEventHead } from "./event-message.ts";
import type { Link, Session } from "./link.ts";
import { EVERY_LETTER, LETTER_STREAM, letterSubject, placesOf } from "./names.ts";
import { bufferOf } from "./post.ts";
import { readAll } from "./reading.ts";
import type { Streams } from "./streams.ts";

export interface Corpse {
  head: EventHead;
  group: string;
  body: Buffer;
  attempts: number;
  firstMs: number;
  /** Stands for this event in this group. */
  id: string;
}

export interface Letters extends Pick<Operations, "deadLetters" | "deadLetter" | "replay" | "discard"> {
  /** Resolves when it is stored. */
  bury(corpse: Corpse, verdict: Extract<Verdict, { verdict: "dead" }>): Promise<void>;
  /** How many there are of each, by the subject of its letters. */
  counts(session: Session): Promise<ReadonlyMap<string, number>>;
}

const LETTER = "zc-letter";
/** What headers need beside the body and what is known of the event. */
const ROOM_BYTES = 4_096;

export function createLetters(link: Link, streams: Streams): Letters {
  async function find(session: Session, id: string): Promise<StoredMsg | undefined> {
    if (!/^[1-9]\d{0,15}$/.test(id)) return undefined;
    return (
      (await orNothing(session, () => session.jsm.streams.getMessage(LETTER_STREAM, { seq: Number(id) }))) ?? undefined
    );
  }

  /** False where it is not there any more. */
  async function remove(session: Session, id: string): Promise<boolean> {
    if ((await find(session, id)) === undefined) return false;
    return (
      (await orNothing(session, () => session.jsm.streams.deleteMessage(LETTER_STREAM, Number(id), false))) ?? false
    );
  }

  async function give(session: Session, id: string, message: StoredMsg): Promise<void> {
    const { core, js } = session;
    const { letter, head } = open(id, message);
    await streams.events(session, letter.event);
    // Of an event with the same id the server would take none, and the same letter is not to be given twice.
    const record = eventHeaders({ ...head, only: letter.group }, `${id} of ${message.timestamp}`);
    const headers = core.MsgHdrsImpl.fromRecord(record);
    await js.publish(placesOf(letter.event).subject, message.data, { headers });
  }

  /** Does it for each letter that is there. @returns For how many. */
  function each(ids: readonly string[], act: (session: Session, id: string) => Promise<boolean>): Promise<number> {
    return link.attempt(async (session) => {
      const done = await Promise.all([...new Set(ids)].map((id) => act(session, id)));
      return done.filter(Boolean).length;
    });
  }

  return {
    bury({ head, group, body, attempts, firstMs, id }, { reason, failure, handler }) {
      return link.attempt(async (session) => {
        const { core, js, nc } = session;
        await streams.letters(session);
        const { name, message, stack } = errorIn(failure);
        const room = (nc.info?.max_payload ?? 0) - body.length - JSON.stringify(head).length - ROOM_BYTES;
        const error = { name, message, ...(stack !== undefined && stack.length < room && { stack }) };
        const times = { attempts, first_at: firstMs, last_at: Date.now() };
        const letter = { event: head.name, group, reason, ...times, handler, error };
        const record = { ...eventHeaders(head, id), [LETTER]: [JSON.stringify(letter)] };
        const headers = core.MsgHdrsImpl.fromRecord(record);
        await js.publish(letterSubject(head.name, group), body, { headers });
      });
    },
    deadLetters({ event, group }) {
      return link.attempt(async (session) => {
        const subject = event !== undefined && group !== undefined ? letterSubject(event, group) : EVERY_LETTER;
        const letters: DeadLetter[] = [];
        for await (const message of readAll(session, LETTER_STREAM, subject, { headersOnly: true })) {
          const { letter } = open(String(message.seq), message);
          if ((event ?? letter.event) === letter.event && (group ?? letter.group) === letter.group)
            letters.push(letter);
        }
        return letters;
      });
    },
    deadLetter(id) {
      return link.attempt(async (session) => {
        const message = await find(session, id);
        return message && { ...open(id, message).letter, body: bufferOf(message.data) };
      });
    },
    replay: (ids) =>
      each(ids, async (session, id) => {
        const message = await find(session, id);
        if (message === undefined) return false;
        await give(session, id, message);
        return remove(session, id);
      }),
    discard: (ids) => each(ids, remove),
    async counts(session) {
      const info = await orNothing(session, () => session.jsm.streams.info(LETTER_STREAM, { subjects_filter: ">" }));
      return new Map(Object.entries(info?.state.subjects ?? {}));
    },
  };
}

function errorIn(failure: Extract<Verdict, { verdict: "dead" }>["failure"]): DeadLetter["error"] {
  const { name = failure.code, stack } = failure.remote ?? {};
  return { name, message: failure.message, ...(stack !== undefined && { stack }) };
}

function open(id: string, message: JsMsg | StoredMsg): { letter: DeadLetter; head: EventHead } {
  const headers = "header" in message ? message.header : message.headers;
  const head = readEventHead(headers, () => {
    throw new Error(`dead letter ${id} has no envelope`);
  });
  const letter: Omit<DeadLetter, "id"> = JSON.parse(headers?.get(LETTER) ?? "null");
  return { letter: { id, ...letter }, head };
}

/** Undefined where the message, or the whole stream, is not there. */
async function orNothing<T>({ jetstream }: Session, act: () => Promise<T>): Promise<T | undefined> {
  const { JetStreamApiError, JetStreamApiCodes } = jetstream;
  const absent: number[] = [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.NoMessageFound];
  try {
    return await act();
  } catch (error) {
    if (error instanceof JetStreamApiError && absent.includes(error.code)) return undefined;
    throw error;
  }
}
