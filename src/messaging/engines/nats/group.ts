// Makes the group of an event at the server. The first group of an event gets what was held for it.
import type { EventHead } from "./event-message.ts";
import { eventHeaders, readEventHead } from "./event-message.ts";
import type { Link, Session } from "./link.ts";
import { HELD_STREAM, placesOf } from "./names.ts";
import { bufferOf } from "./post.ts";
import { readAll } from "./reading.ts";
import type { Streams } from "./streams.ts";

export interface GroupOptions {
  link: Link;
  streams: Streams;
  name: string;
  group: string;
  random(digits: number): string;
}

/** Resolves when the group gets what is emitted from then on. It may be there already. */
export function makeGroup({ link, streams, name, group, random }: GroupOptions): Promise<Session> {
  return link.attempt(async (session) => {
    try {
      await streams.events(session, name);
      const isFirst = (await streams.groupsOf(session, name)).length === 0;
      await streams.addGroup(session, name, group);
      if (isFirst) await takeHeld(session, name, random);
      return session;
    } catch (error) {
      streams.forget();
      throw error;
    }
  });
}

async function takeHeld(session: Session, name: string, random: (digits: number) => string): Promise<void> {
  const { core, js } = session;
  const { subject, held } = placesOf(name);
  for await (const message of readAll(session, HELD_STREAM, held)) {
    const { seq, info, time } = message;
    const arrival = { body: bufferOf(message.data), id: `${info.stream}-${seq}`, atMs: time.getTime(), random };
    const head: EventHead = readEventHead(message.headers, () => ({ subject: message.subject, ...arrival }));
    await js.publish(subject, message.data, { headers: core.MsgHdrsImpl.fromRecord(eventHeaders(head)) });
  }
}
