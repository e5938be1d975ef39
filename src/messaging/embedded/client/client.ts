// An engine that speaks with the broker of the embedded engine over a channel. What is in force here (groups, services, events
// that a member has) is told to each broker anew, so that nothing ends with one.
import { randomUUID } from "node:crypto";
import { deferred } from "../../../deferred.ts";
import { ZcontextError } from "../../../errors.ts";
import type {
  Answer,
  Delivery,
  Durability,
  Engine,
  IncomingCall,
  Membership,
  Signal,
  Subscription,
  TapFilter,
} from "../../contract/engine.ts";
import type { ConnectingEngine } from "../../contract/server.ts";
import { type Failure, givenUp } from "../../contract/service-error.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import {
  type Batch,
  type FromBroker,
  type Hello,
  type Item,
  type Places,
  PROTOCOL,
  type ToBroker,
} from "../operations.ts";
import { unpack } from "../parcel.ts";
import { createHeardNews } from "../signal-counts.ts";
import { createBatcher } from "./batcher.ts";
import { createHoldings } from "./holdings.ts";
import { createQuestions, type Question, type Reply } from "./questions.ts";
import { createServedCalls } from "./served-calls.ts";
import { createWatching } from "./watching.ts";

/** The way to the broker. It is opened once, and finds the next broker by itself. */
export interface Channel {
  send(batch: Batch<ToBroker>): void;
  close(): Promise<void>;
}

export interface ChannelEvents {
  /** A broker can be reached, the first time or again: nothing that was sent before has a meaning for it. */
  onUp(): void;
  onDown(): void;
  onBatch(batch: Batch<FromBroker>): void;
}

/** The way of signals, which does not lead over the broker. */
export type Signals = Pick<Engine, "publish" | "subscribe" | "signalFigures"> & {
  /** Hears the signals on all topics of services. Resolves when it does. */
  tap(handler: (signal: Signal) => void): Promise<Subscription>;
  close(): Promise<void>;
};

export interface ClientOptions {
  name: string;
  src: string;
  token: string;
  process?: Hello["process"];
  openChannel(member: string, events: ChannelEvents): Channel;
  signals: Signals;
  /** The monotonic clock. */
  nowMs?: () => number;
}

/** How often a member shows that its event loop turns, in milliseconds. */
const BEAT_MS = 1_000;

const NOTHING: Buffer = Buffer.alloc(0);

/** An engine, and what its broker said when it was first reached. */
export interface Client extends ConnectingEngine {
  readonly up: Promise<Places>;
}

type Emission = Extract<ToBroker, { op: "emit" }>;
type Welcome = Extract<FromBroker, { op: "welcome" }>;

interface Listener {
  membership: Membership;
  handler(delivery: Delivery): void;
}

/** Connects to the broker. @returns The engine at once; what is asked of it waits for the broker. */
export function createClient(options: ClientOptions): Client {
  const { name, signals, nowMs = () => performance.now() } = options;
  const member = randomUUID();
  const up = deferred<Places>();
  up.promise.catch(() => {});
  let isWelcome = false;
  let isClosed = false;
  let isReading = false;
  let trouble: string | undefined = "not connected yet";
  let stored: Durability = "memory";
  let lastN = 0;
  /** The number of the question that renewed the tap at the broker that has let this member in last. */
  let tappedAgain: number | undefined;
  const listeners = new Map<string, Listener>();
  /** Emits that the number of their batch answers, in order. */
  let emitted: { batch: number; n: number }[] = [];

  const heardNews = createHeardNews(() => signals.signalFigures().heard);
  const questions = createQuestions(nowMs);
  const served = createServedCalls(say, () => batcher.flush());
  const watching = createWatching(() => say({ op: "taken", copies: 1 }));
  const holdings = createHoldings(
    (settlement) => {
      say(settlement);
      return batcher.next;
    },
    // The handler of the next event of a batch that is being read may settle that at once.
    () => isReading || batcher.flush(),
  );
  const channel = options.openChannel(member, { onUp: sayHello, onDown, onBatch });
  const batcher = createBatcher(channel.send, nowMs);
  const beat = setInterval(onBeat, BEAT_MS).unref();

  function say(operation: ToBroker, body = NOTHING): void {
    if (isWelcome) batcher.add({ operation, body });
  }

  function sayQuestion(question: Item<Question>): void {
    if (!isWelcome) return;
    const { operation } = question;
    const isAnsweredByNumber = operation.op === "emit" && operation.requireRoute !== true;
    if (isAnsweredByNumber) emitted.push({ batch: batcher.next, n: operation.n });
    questions.sent(operation.n);
    batcher.add(question);
  }

  const ask = (operation: Question) => askWith({ operation, body: NOTHING });

  /** @param isRepeatable - Whether the next broker may be asked again. */
  function askWith(question: Item<Question>, isRepeatable = true): Promise<Reply> {
    if (isClosed) return Promise.reject(unreachable(name, "it is closed"));
    const answer = questions.add(question, isRepeatable);
    if (questions.has(question.operation.n)) sayQuestion(question);
    // Nothing else is under way that it could share a batch with.
    if (questions.size === 1) batcher.flush();
    return answer;
  }

  const nextN = () => {
    lastN += 1;
    return lastN;
  };

  function sayHello(): void {
    isWelcome = false;
    batcher.clear();
    const { src, token } = options;
    const identity = options.process && { process: options.process };
    const hello: Hello = { op: "hello", protocol: PROTOCOL, token, src, ...identity, holds: holdings.list() };
    batcher.add({ operation: hello, body: NOTHING });
    batcher.send();
  }

  function beWelcome({ stored: durability, endpoints, claims }: Welcome): void {
    stored = durability;
    isWelcome = true;
    trouble = undefined;
    emitted = [];
    // All that is in force goes first, so that what is asked next finds it.
    for (const { membership } of listeners.values()) say({ op: "listen", n: nextN(), ...memberOf(membership) });
    for (const service of served.list()) say({ op: "serve", n: nextN(), ...service });
    if (watching.filter !== undefined) {
      tappedAgain = nextN();
      say({ op: "tap", n: tappedAgain, ...ofBroker(watching.filter) });
    }
    for (const settlement of holdings.unconfirmed()) say(settlement);
    for (const question of questions.open()) sayQuestion(question);
    up.resolve({ endpoints, claims });
  }

  function onDown(): void {
    isWelcome = false;
    trouble = "its broker can't be reached";
    const error = unreachable(name, trouble);
    questions.failUnrepeatable(error);
    served.abort(error);
  }

  /** The broker has given up all that it had of this member. */
  function beLost(error: ZcontextError): void {
    holdings.loseAll(error);
    questions.failUnrepeatable(error);
    served.abort(error);
  }

  function onBatch({ done, items }: Batch<FromBroker>): void {
    isReading = true;
    for (const item of items) obey(item);
    isReading = false;
    if (holdings.isIdle) batcher.flush();
    // Everything up to this batch has been carried out and kept.
    const first = emitted.findIndex(({ batch }) => batch > done);
    for (const { n } of emitted.splice(0, first === -1 ? emitted.length : first))
      questions.answer({ operation: { op: "done", n }, body: NOTHING });
    holdings.confirm(done);
  }

  function obey({ operation, body }: Item<FromBroker>): void {
    switch (operation.op) {
      case "welcome":
        return beWelcome(operation);
      case "refused":
        return beRefused(operation.code, operation.reason);
      case "deliver": {
        const delivery = holdings.take(operation, body);
        return delivery && listeners.get(keyOf(delivery))?.handler(delivery);
      }
      case "lost":
        beLost(blocked(name, operation.silentMs));
        return sayHello();
      case "request":
        return void served.serve(operation, body);
      case "abort":
        return served.abortOne(operation.c);
      case "tapped":
        return watching.take({ ...operation, ...unpack({ head: operation.head, bytes: body }) });
      case "missed":
        return watching.miss(operation.copies);
      default:
        // Told now, since what passes from here on is shown.
        if (operation.n === tappedAgain) return watching.miss(undefined);
        return questions.answer({ operation, body });
    }
  }

  function beRefused(code: string, reason: string): void {
    if (code === "ERR_ENGINE_UNREACHABLE") return; // an earlier batch has reached a broker that does not know this member
    trouble = `its broker refuses this program: ${reason}`;
    up.reject(new ZcontextError("ERR_ENGINE_REFUSED", `engine ${name}: ${trouble}`));
  }

  /** Shows that the event loop turns, and gives up what has waited for too long. */
  function onBeat(): void {
    if (!isWelcome) questions.failOld(unreachable(name, trouble ?? "not connected"));
    else sayHeard();
    if (isWelcome && nowMs() - batcher.sentMs >= BEAT_MS) batcher.send();
  }

  function sayHeard(): void {
    const news = heardNews();
    if (news.length > 0) say({ op: "heard", signals: news });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    clearInterval(beat);
    if (isWelcome) sayHeard();
    say({ op: "bye" });
    if (isWelcome) batcher.send();
    const error = unreachable(name, "it is closed");
    questions.failAll(error);
    served.abort(error);
    holdings.loseAll(error);
    await Promise.all([channel.close(), signals.close()]);
  }

  return {
    up: up.promise,
    name,
    get trouble() {
      return trouble;
    },
    async emit({ name: event, envelope, body }, { requireRoute }) {
      const { id } = envelope;
      const text = JSON.stringify(envelope);
      const head = Buffer.byteLength(text);
      const operation: Emission = { op: "emit", n: nextN(), event, id, head, size: head + body.length };
      if (requireRoute) operation.requireRoute = true;
      const { operation: reply } = await askWith({ operation, envelope: text, body });
      return { id, stored, routed: reply.op === "done" };
    },
    async listen(membership, handler) {
      const key = keyOf(membership);
      if (listeners.has(key))
        throw new ZcontextError("ERR_USAGE", `group ${membership.group} listens to ${membership.name} here already`);
      listeners.set(key, { membership, handler });
      await ask({ op: "listen", n: nextN(), ...memberOf(membership) });
      return subscriptionOf(async () => {
        const { name: event, group } = membership;
        await ask({ op: "unlisten", n: nextN(), event, group });
        listeners.delete(key);
      });
    },
    publish: signals.publish,
    subscribe: signals.subscribe,
    signalFigures: signals.signalFigures,
    call({ service, method, envelope, body, budgetMs, isIdempotent }, signal) {
      const n = nextN();
      const text = JSON.stringify(envelope);
      const head = Buffer.byteLength(text);
      const size = head + body.length;
      const operation: Question = { op: "call", n, service, method, budgetMs, isIdempotent, head, size };
      const giveUp = () => {
        if (!questions.has(n)) return;
        say({ op: "cancel", n });
        const failure = givenUp(`${service}.${method}`, signal.reason, "unknown");
        questions.answer({ operation: { op: "failure", n, failure }, body: NOTHING });
      };
      const answered = askWith({ operation, envelope: text, body }, isIdempotent).then(answerIn, (error) => ({
        failure: failureOfEngine(error),
      }));
      if (signal.aborted) giveUp();
      else signal.addEventListener("abort", giveUp);
      return answered;
    },
    async serve(service, methods, handler: (call: IncomingCall) => Promise<Answer>) {
      served.add(service, methods, handler);
      await ask({ op: "serve", n: nextN(), service, methods: [...methods] });
      return subscriptionOf(async () => {
        await ask({ op: "unserve", n: nextN(), service });
        served.remove(service);
      });
    },
    operations: {
      async services() {
        const { operation } = await ask({ op: "services", n: nextN() });
        return operation.op === "served" ? operation.services : [];
      },
      async queues() {
        const { operation } = await ask({ op: "queues", n: nextN() });
        return operation.op === "figures" ? operation.queues : [];
      },
      async deadLetters(filter) {
        const { operation } = await ask({ op: "dead", n: nextN(), ...filter });
        return operation.op === "letters" ? operation.letters : [];
      },
      async deadLetter(id) {
        const { operation, body } = await ask({ op: "letter", n: nextN(), id });
        return operation.op === "body" ? { ...operation.letter, body: body.subarray(operation.head) } : undefined;
      },
      replay: async (ids) => countIn(await ask({ op: "replay", n: nextN(), ids: [...ids] })),
      discard: async (ids) => countIn(await ask({ op: "discard", n: nextN(), ids: [...ids] })),
      async tap(filter, handler) {
        if (watching.filter !== undefined) throw new ZcontextError("ERR_USAGE", "this program watches already");
        watching.start(filter, handler);
        const heard = filter.signals.length > 0 ? await signals.tap(watching.hear) : undefined;
        await ask({ op: "tap", n: nextN(), ...ofBroker(filter) });
        return subscriptionOf(async () => {
          await heard?.close();
          await ask({ op: "untap", n: nextN() });
          watching.end();
        });
      },
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function keyOf({ name, group }: { name: string; group: string }): string {
  return `${name} ${group}`;
}

/** Signals do not pass the broker. */
function ofBroker({ events, calls }: TapFilter) {
  return { events, calls };
}

function memberOf({ name, group, prefetch }: Membership) {
  return { event: name, group, prefetch };
}

function answerIn({ operation, body }: Reply): Answer {
  if (operation.op === "result") return { result: body };
  if (operation.op === "failure") return { failure: operation.failure };
  return { failure: failureOfEngine(new Error(`the broker answers a call with ${operation.op}`)) };
}

function countIn({ operation }: Reply): number {
  return operation.op === "count" ? operation.count : 0;
}

function unreachable(engine: string, reason: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine ${engine}: ${reason}`, {
    hint: "Is the context's provider running? `conf-command --action request` shows it.",
  });
}

function blocked(engine: string, silentMs: number): ZcontextError {
  const seconds = (silentMs / 1_000).toFixed(1);
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine ${engine}: the event loop was blocked for ${seconds} s`, {
    hint: "Its events were given to other members. Move long work to a worker thread, or let it pause.",
  });
}

function failureOfEngine(error: unknown): Failure {
  const known = error instanceof ZcontextError ? error : unreachable("of this bus", String(error));
  const executed = known.code === "ERR_ENGINE_UNREACHABLE" ? "unknown" : "no";
  return { code: known.code, message: known.message, retryable: true, executed };
}
