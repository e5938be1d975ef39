// The connection with the server: made when it can be, made anew when it is lost, and checked for what this engine needs. What
// is asked while the server is away waits for it, within a bound.
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Deferred, deferred } from "../../../deferred.ts";
import { reasonOf, ZcontextError } from "../../../errors.ts";
import type { ServerEngineOptions } from "../../contract/server.ts";
import { type Client, loadClient } from "./client.ts";
import { faultOf, lacksJetStream, noJetStream, passingReason, refusalOf, unfit, unreachable } from "./faults.ts";
import { connectionOptions } from "./options.ts";
import { createStall } from "./stall.ts";

/** What a connection offers. It outlives losses of the connection. */
export interface Session extends Client {
  nc: NatsConnection;
  js: JetStreamClient;
  jsm: JetStreamManager;
}

export interface Link {
  /** Resolves when the server first answers and has what this engine needs. */
  readonly up: Promise<void>;
  /** Undefined while the server can't be reached. */
  readonly session: Session | undefined;
  readonly trouble: string | undefined;
  /**
   * Does it once the server is there, and again after faults that pass.
   *
   * @throws {ZcontextError} `ERR_ENGINE_UNREACHABLE` when that takes longer than 30 s.
   */
  attempt<T>(act: (session: Session) => Promise<T>): Promise<T>;
  /** Called each time that the server can be reached, with what was subscribed to in force again. */
  onUp(listener: (session: Session) => void): void;
  onDown(listener: (reason: string) => void): void;
  close(): Promise<void>;
}

/** The first server that has all that is used here. */
const OLDEST = [2, 9] as const;
const PATIENCE_MS = 30_000;
const RETRY_MS = 200;
const [DIAL_AGAIN_MS, LONGEST_DIAL_MS] = [250, 2_000];
/** How long the server may take for one answer, in milliseconds. */
const ANSWER_MS = 3_000;
const CLOSE_MS = 2_000;
/** How often it is looked whether JetStream answers again, in milliseconds. */
const LOOK_MS = 500;

export function openLink(options: ServerEngineOptions, nowMs: () => number): Link {
  const { url } = options.address;
  const up = deferred();
  up.promise.catch(() => {});
  const ups: ((session: Session) => void)[] = [];
  const downs: ((reason: string) => void)[] = [];
  const waiting = new Set<Deferred<Session>>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  let known: Session | undefined;
  let isUp = false;
  let trouble: string | undefined = "not connected yet";
  let refusal: ZcontextError | undefined;
  const stall = createStall(answered);

  void connect();

  async function connect(): Promise<void> {
    try {
      const client = await loadClient();
      const session = await dial(client);
      if (session === undefined) return;
      known = session;
      void watch(session);
      beUp(session);
      up.resolve();
    } catch (error) {
      refuse(error instanceof ZcontextError ? error : unreachable(url, reasonOf(error), error));
    }
  }

  /** Tries until it is connected with a server that is fit; undefined once the link is closed. */
  async function dial(client: Client): Promise<Session | undefined> {
    const { core, jetstream } = client;
    const dialing = connectionOptions(options, core, Math.random);
    for (let waitMs = DIAL_AGAIN_MS; !closing.signal.aborted; waitMs = Math.min(2 * waitMs, LONGEST_DIAL_MS)) {
      let nc: NatsConnection | undefined;
      try {
        nc = await core.connect(dialing);
        if (closing.signal.aborted) return void (await nc.close());
        const jsm = await jetstream.jetstreamManager(nc, { timeout: ANSWER_MS });
        const session = { ...client, nc, jsm, js: jsm.jetstream() };
        assertFit(session);
        return session;
      } catch (error) {
        await nc?.close();
        const fault = refusalOf(error, url) ?? (lacksJetStream(error) ? noJetStream(error) : faultOf(error));
        if (fault !== undefined) throw fault;
        trouble = passingReason(error);
      }
      await pause(waitMs, closing.signal);
    }
    return undefined;
  }

  async function watch({ nc }: Session): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") beDown("the connection with the server is lost");
      else if (status.type === "reconnect" && known !== undefined) beUp(known);
      else if (status.type === "error") noteError(status.error);
    }
    if (!closing.signal.aborted) refuse(unreachable(url, "the client has given up"));
  }

  /** Of a connection that is being made anew, why that fails. */
  function noteError(error: Error): void {
    if (!isUp) trouble = refusalOf(error, url)?.message ?? passingReason(error);
  }

  function beUp(session: Session): void {
    isUp = true;
    trouble = undefined;
    for (const listener of ups) listener(session);
    for (const one of waiting) one.resolve(session);
    waiting.clear();
  }

  function beDown(reason: string): void {
    if (!isUp) return;
    isUp = false;
    trouble = reason;
    for (const listener of downs) listener(reason);
  }

  function refuse(error: ZcontextError): void {
    refusal = error;
    beDown(error.message);
    trouble = error.message;
    up.reject(error);
    for (const one of waiting) one.reject(error);
    waiting.clear();
  }

  async function reach(untilMs: number): Promise<Session> {
    if (refusal !== undefined) throw refusal;
    if (isUp && known !== undefined) return known;
    const one = deferred<Session>();
    waiting.add(one);
    const timer = setTimeout(() => one.reject(unreachable(url, trouble ?? "no answer")), untilMs - nowMs());
    try {
      return await one.promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(one);
    }
  }

  /** Resolves when JetStream has answered, or the link is closed. */
  async function answered(): Promise<void> {
    for (;;) {
      await pause(LOOK_MS, closing.signal);
      if (closing.signal.aborted) return;
      const isAnswered =
        isUp &&
        known?.jsm.getAccountInfo().then(
          () => true,
          () => false,
        );
      if (await isAnswered) return;
    }
  }

  return {
    up: up.promise,
    get session() {
      return isUp ? known : undefined;
    },
    get trouble() {
      return trouble ?? stall.reason;
    },
    async attempt(act) {
      const untilMs = nowMs() + PATIENCE_MS;
      const self = {};
      for (;;) {
        try {
          const done = await act(await reach(untilMs));
          stall.end(self);
          return done;
        } catch (error) {
          const fault = faultOf(error);
          if (fault !== undefined) {
            stall.end(self);
            throw fault;
          }
          const reason = passingReason(error);
          if (closing.signal.aborted || nowMs() > untilMs) {
            stall.giveUp(self, reason);
            throw unreachable(url, reason, error);
          }
          stall.note(self, reason);
        }
        await pause(RETRY_MS, closing.signal);
      }
    },
    onUp(listener) {
      ups.push(listener);
      if (isUp && known !== undefined) listener(known);
    },
    onDown: (listener) => void downs.push(listener),
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      const wasUp = isUp;
      refuse(unreachable(url, "it is closed"));
      if (known === undefined) return;
      // What is still to be sent goes first.
      if (wasUp) await Promise.race([known.nc.flush().catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })]);
      await known.nc.close();
    },
  };
}

function assertFit({ nc }: Session): void {
  const { version = "", headers = false } = nc.info ?? {};
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (isOld || !headers)
    throw unfit(`the server has version ${version}, and this engine needs ${OLDEST.join(".")} or later`, undefined);
}

/** Resolves early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
