// Keeps a node connected with its hub: connects, and again after ever longer waits; sends what waits in the outbox, in order;
// reads the whole twin after each connection; sends heartbeats and gives up a connection whose hub answers three of them no
// more; and renews a connection whose credentials run out.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../../deferred.ts";
import { reasonOf } from "../../errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { LogLine } from "../contract/shapes.ts";
import type { Outbox } from "./outbox.ts";
import { type HubConnection, type HubEvents, type HubProvider, ReadingRefused } from "./providers/hub-provider.ts";

export interface SessionOptions {
  provider: HubProvider;
  outbox: Outbox;
  events: Omit<HubEvents, "lost">;
  /** The whole desired state, as it stands at each connection and whenever it has been asked for. */
  onTwin(desired: JsonObject): void;
  /** What the hub is to know of the node, at each connection. */
  reported(): JsonObject;
  say(line: string): void;
  warn(line: string): void;
  /** Between two heartbeats, in milliseconds. */
  heartbeatMs: number;
  /** The first and the longest wait before another attempt, in milliseconds. Default: 500 and 60_000. */
  backoffMs?: readonly [first: number, longest: number];
  /** Between 0 and 1, from chance. */
  random?(): number;
}

export interface Session {
  readonly isConnected: boolean;
  /** Reads the whole twin again, if there is a connection: the next one does so by itself. */
  readTwin(): void;
  report(): void;
  /** Sends a line now, or never. @returns Whether it could be sent. */
  log(line: LogLine): boolean;
  /** Ends the connection in good order. */
  close(): Promise<void>;
}

/** Readings that are sent before the first of them is confirmed. */
const WINDOW = 32;
/** Heartbeats without an answer after which a connection is given up. */
const MAX_MISSED = 3;
/** Lines that are sent before the first of them is confirmed; more are left out. */
const MAX_LINES = 1_000;
/** Waits are spread by this part of themselves, so that a fleet does not come back at once. */
const JITTER = 0.2;
/** How long a leaving node waits for readings that are under way, in milliseconds. */
const LEAVE_MS = 1_000;

export function startSession(options: SessionOptions): Session {
  const { provider, outbox, events, warn, say, heartbeatMs, random = Math.random } = options;
  const [firstMs, longestMs] = options.backoffMs ?? [500, 60_000];
  const closing = new AbortController();
  const whole = loop();
  let present: HubConnection | undefined;
  let lines = 0;

  async function loop(): Promise<void> {
    let waitMs = firstMs;
    let complaint = "";
    while (!closing.signal.aborted) {
      try {
        const ending = await connectOnce(() => {
          waitMs = firstMs;
          complaint = "";
        });
        if (ending === "renew" || closing.signal.aborted) continue;
        warn(`the hub at ${provider.address} is lost: ${ending}`);
      } catch (error) {
        if (closing.signal.aborted) return;
        // Once for each reason, however often it is tried.
        if (reasonOf(error) !== complaint)
          warn(`no connection with the hub at ${provider.address}: ${reasonOf(error)}`);
        complaint = reasonOf(error);
      }
      const spreadMs = waitMs * (1 + JITTER * (2 * random() - 1));
      await pause(spreadMs, undefined, { signal: closing.signal }).catch(() => {});
      waitMs = Math.min(2 * waitMs, longestMs);
    }
  }

  /** @returns Why the connection has ended; `renew` where another one is to take its place at once. */
  async function connectOnce(onConnected: () => void): Promise<string> {
    const end = deferred<string>();
    const connection = await provider.connect({ ...events, lost: end.resolve }, closing.signal);
    const onClose = () => end.resolve("renew");
    closing.signal.addEventListener("abort", onClose, { once: true });
    // It may have been told to leave while it was connecting.
    if (closing.signal.aborted) onClose();
    const timers: NodeJS.Timeout[] = [];
    try {
      present = connection;
      await takeUp(connection, end.promise);
      onConnected();
      say(`connected with the hub at ${provider.address}`);
      timers.push(setInterval(heartbeats(connection, end.resolve), heartbeatMs));
      const { renewAfterMs } = connection;
      if (renewAfterMs !== undefined) timers.push(setTimeout(() => end.resolve("renew"), renewAfterMs));
      return await sendUntil(end.promise, connection, end.resolve);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      closing.signal.removeEventListener("abort", onClose);
      present = undefined;
      end.resolve("renew");
      await connection.close().catch(() => {});
    }
  }

  async function takeUp(connection: HubConnection, end: Promise<string>): Promise<void> {
    const lost = end.then((reason) => {
      throw new Error(reason);
    });
    lost.catch(() => {});
    const { desired } = await Promise.race([connection.readTwin(), lost]);
    options.onTwin(desired);
    await Promise.race([connection.report(options.reported()), lost]);
  }

  function heartbeats(connection: HubConnection, lose: (reason: string) => void): () => void {
    let missed = 0;
    let isWaiting = false;
    return () => {
      missed = isWaiting ? missed + 1 : 0;
      if (missed >= MAX_MISSED) return lose(`${missed} heartbeats were not answered`);
      isWaiting = true;
      connection.beat().then(
        () => {
          isWaiting = false;
        },
        () => {},
      );
    };
  }

  /** Sends what waits and what comes until the connection ends. @returns Why it has ended. */
  async function sendUntil(
    end: Promise<string>,
    connection: HubConnection,
    lose: (reason: string) => void,
  ): Promise<string> {
    const underway = new Set<Promise<void>>();
    let ending: string | undefined;
    const ended = end.then((reason) => {
      ending = reason;
    });
    for (let last = 0; ending === undefined; ) {
      const added = outbox.added();
      const next = underway.size < WINDOW ? outbox.after(last) : undefined;
      if (next === undefined) {
        await Promise.race([ended, ...(underway.size < WINDOW ? [added] : underway)]);
        continue;
      }
      last = next.seq;
      const sent: Promise<void> = send(connection, next, lose).finally(() => underway.delete(sent));
      underway.add(sent);
    }
    // A connection that is renewed or closed confirms what it has; one that was lost does not.
    if (ending === "renew") await Promise.race([Promise.all(underway), pause(LEAVE_MS, undefined, { ref: false })]);
    return ending ?? "";
  }

  async function send(
    connection: HubConnection,
    { seq, reading }: NonNullable<ReturnType<Outbox["after"]>>,
    lose: (reason: string) => void,
  ): Promise<void> {
    try {
      await connection.send(reading);
      outbox.remove(seq);
    } catch (error) {
      if (!(error instanceof ReadingRefused)) return lose(reasonOf(error));
      warn(`a reading of ${reading.source} was given up: ${reasonOf(error)}`);
      outbox.remove(seq);
    }
  }

  return {
    get isConnected() {
      return present !== undefined;
    },
    readTwin() {
      present?.readTwin().then(
        ({ desired }) => options.onTwin(desired),
        () => {},
      );
    },
    report() {
      present?.report(options.reported()).catch(() => {});
    },
    log(line) {
      if (present === undefined || lines >= MAX_LINES) return false;
      lines += 1;
      const end = () => {
        lines -= 1;
      };
      present.log(line).then(end, end);
      return true;
    },
    async close() {
      closing.abort();
      await whole;
    },
  };
}
