// Asks the server for as many events of a group as there is room for. The server gives no more than that, whoever else asks;
// and it gives a sign while a question waits, so that silence means that it has forgotten it.
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Link, Session } from "./link.ts";

export interface PullOptions {
  link: Link;
  stream: string;
  consumer: string;
  /** How many events there may be at a time. */
  most: number;
  /** How many there are. */
  count(): number;
  onEvent(message: Msg): void;
  /** The server gives nothing, for this reason. */
  onFault(reason: string): void;
  nowMs(): number;
}

export interface Pull {
  /** Anew: what was asked before is forgotten. */
  begin(session: Session): void;
  /** Asks for more where there is room for a good part of what there may be. */
  ask(): void;
  /** Looks whether the server gives a sign. */
  beat(): void;
  /** Resolves when nothing further comes. */
  stop(): Promise<void>;
}

/** How long one question lasts, and how often the server gives a sign meanwhile, in milliseconds. */
const [EXPIRES_MS, HEARTBEAT_MS] = [30_000, 1_500];
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
const [HEARTBEAT, EXPIRED] = [100, 408];
const PENDING = "Nats-Pending-Messages";

export function createPull({ link, stream, consumer, most, count, onEvent, onFault, nowMs }: PullOptions): Pull {
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  let current: { subscription: Subscription; inbox: string } | undefined;
  /** Events that the server was asked for, and has not given. */
  let asked = 0;
  let heardMs = 0;

  function ask(): void {
    const { session } = link;
    const room = most - count() - asked;
    const isWorthIt = room >= Math.ceil(most / 4) || asked === 0;
    if (room < 1 || !isWorthIt || current === undefined || session === undefined) return;
    const { nanos } = session.core;
    const question = { batch: room, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    if (asked === 0) heardMs = nowMs();
    asked += room;
    session.nc.publish(subject, JSON.stringify(question), { reply: current.inbox });
  }

  function hear(message: Msg, inbox: string): void {
    heardMs = nowMs();
    if (message.subject !== inbox) {
      asked = Math.max(0, asked - 1);
      onEvent(message);
      return ask();
    }
    const { code, description } = message.headers ?? {};
    if (code === HEARTBEAT) return;
    if (code !== EXPIRED) return onFault(description || "the server gives no events");
    asked = Math.max(0, asked - Number(message.headers?.get(PENDING)));
    ask();
  }

  return {
    begin({ nc, core }) {
      current?.subscription.unsubscribe();
      const inbox = core.createInbox();
      const subscription = nc.subscribe(inbox, {
        callback(error, message) {
          if (error === null && current?.inbox === inbox) hear(message, inbox);
        },
      });
      current = { subscription, inbox };
      asked = 0;
      ask();
    },
    ask,
    beat() {
      const silentMs = nowMs() - heardMs;
      if (asked > 0 && link.session !== undefined && silentMs > SILENCE_MS)
        onFault(`the server has been silent for ${Math.round(silentMs)} ms`);
    },
    async stop() {
      if (current === undefined) return;
      const { subscription } = current;
      if (link.session === undefined) subscription.unsubscribe();
      else await subscription.drain().catch(() => {});
      current = undefined;
    },
  };
}
