// Emits events: to the stream of their domain where a group is known to want them, else to where they are held until one does.
// What the server does not confirm is sent again, and is taken once: the server knows the ids of the last two minutes.
import { ZcontextError } from "../../../errors.ts";
import type { OutgoingEvent, Receipt } from "../../contract/engine.ts";
import { eventHeaders } from "./event-message.ts";
import type { Link, Session } from "./link.ts";
import { type Places, placesOf } from "./names.ts";
import type { Streams } from "./streams.ts";

/** Events and bytes that may wait to be confirmed. */
const [MAX_LENGTH, MAX_BYTES] = [10_000, 64 * 2 ** 20];
/** How long an emit with `requireRoute` waits for a group, and how often it looks, in milliseconds. */
const [ROUTE_MS, LOOK_MS] = [10_000, 200];

export interface Emitter {
  emit(event: OutgoingEvent, options: { requireRoute: boolean }): Promise<Receipt>;
  /** Groups may be gone with the server. */
  forget(): void;
}

export interface EmitterOptions {
  link: Link;
  streams: Streams;
  /** An event that no group has wanted in time. */
  onUnrouted(name: string): void;
  nowMs(): number;
}

export function createEmitter({ link, streams, onUnrouted, nowMs }: EmitterOptions): Emitter {
  /** Events that a group wants: groups don't end. */
  const routed = new Set<string>();
  const looking = new Map<string, { current: Promise<boolean>; next: Promise<boolean> | undefined }>();
  const places = new Map<string, Places>();
  /** How many of each name wait for a group, from when the first of them does. */
  const unwanted = new Map<string, number>();
  let length = 0;
  let bytes = 0;

  function placesFor(name: string): Places {
    const known = places.get(name) ?? placesOf(name);
    if (places.size < MAX_LENGTH) places.set(name, known);
    return known;
  }

  async function publish({ core, js }: Session, subject: string, event: OutgoingEvent): Promise<void> {
    await js.publish(subject, event.body, { headers: core.MsgHdrsImpl.fromRecord(eventHeaders(event)) });
  }

  /** Looks whether a group wants it, beginning after this call. */
  function look(name: string): Promise<boolean> {
    const ask = () =>
      link.attempt(async (session) => {
        await streams.events(session, name);
        const isWanted = (await streams.groupsOf(session, name)).length > 0;
        if (isWanted) routed.add(name);
        return isWanted;
      });
    const under = looking.get(name);
    if (under !== undefined) {
      under.next ??= under.current.then(ask, ask);
      return under.next;
    }
    const begin = (current: Promise<boolean>) => {
      const one = { current, next: undefined as Promise<boolean> | undefined };
      looking.set(name, one);
      const end = () => (one.next === undefined ? looking.delete(name) : begin(one.next));
      current.then(end, end);
      return current;
    };
    return begin(ask());
  }

  /** To the groups of the event. An answer of the server that nobody keeps it says that its stream is gone. */
  function store(event: OutgoingEvent, subject: string): Promise<Receipt["stored"]> {
    return link.attempt(async (session) => {
      try {
        const stored = await streams.events(session, event.name);
        await publish(session, subject, event);
        return stored;
      } catch (error) {
        streams.forget();
        throw error;
      }
    });
  }

  function hold(event: OutgoingEvent, subject: string): Promise<Receipt["stored"]> {
    return link.attempt(async (session) => {
      const stored = await streams.held(session);
      await publish(session, subject, event);
      return stored;
    });
  }

  async function awaitGroup(name: string): Promise<void> {
    const untilMs = nowMs() + ROUTE_MS;
    while (!(await look(name))) {
      if (nowMs() > untilMs)
        throw new ZcontextError("ERR_EVENT_UNROUTED", `event ${name}: no group has listened to it in ${ROUTE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  function noteUnwanted(name: string): void {
    const count = unwanted.get(name);
    unwanted.set(name, (count ?? 0) + 1);
    if (count === undefined) setTimeout(() => void countUnwanted(name), ROUTE_MS).unref();
  }

  /** Nobody has held on to those that are due, if there is still no group. */
  async function countUnwanted(name: string): Promise<void> {
    const count = unwanted.get(name) ?? 0;
    unwanted.delete(name);
    if (link.session === undefined || (await look(name).catch(() => true))) return;
    for (let each = 0; each < count; each += 1) onUnrouted(name);
  }

  async function send(event: OutgoingEvent, requireRoute: boolean): Promise<Receipt> {
    const { name, envelope } = event;
    const { id } = envelope;
    const { subject, held } = placesFor(name);
    if (routed.has(name)) return { id, stored: await store(event, subject), routed: true };
    const stored = await hold(event, held);
    if (requireRoute) await awaitGroup(name);
    else if (!(await look(name))) {
      noteUnwanted(name);
      return { id, stored, routed: false };
    }
    // A group that has come meanwhile may have taken it from where it was held; then this is the same once more.
    return { id, stored: await store(event, subject), routed: true };
  }

  return {
    async emit(event, { requireRoute }) {
      const size = event.body.length;
      if (length >= MAX_LENGTH || bytes + size > MAX_BYTES)
        throw new ZcontextError("ERR_OVERLOADED", `${length} events of ${bytes} bytes wait to be stored`, {
          hint: "Await what you emit, or emit fewer at a time.",
        });
      length += 1;
      bytes += size;
      try {
        return await send(event, requireRoute);
      } finally {
        length -= 1;
        bytes -= size;
      }
    },
    forget: () => routed.clear(),
  };
}
