// An engine on a server that counts: what passes it is told to whoever sums the figures of all members, each second while
// something changes.
import { type BusFigures, DURATION_BOUNDS_MS } from "../../protocol/bus-figures.ts";
import {
  count,
  dictionaryOf,
  listOf,
  notNegative,
  object,
  oneOf,
  read,
  shapedAs,
  text,
} from "../../protocol/schema.ts";
import type { Delivery, Engine, Subscription, Verdict } from "../contract/engine.ts";
import type { ServerEngine } from "../contract/server.ts";
import { createCollectedFigures } from "./collected-figures.ts";
import { readHead, writeHead } from "./heads.ts";
import type { FiguresOfMember, MemberFigures } from "./member-figures.ts";
import type { Post } from "./post.ts";
import { subjects } from "./subjects.ts";

export interface CountingOptions {
  post: Post;
  /** One life of this member: a word that no other has. */
  life: string;
  /** Of this member; the engine may count in it as well. */
  figures: FiguresOfMember;
  underWay(): MemberFigures["calls"];
}

/** How often what has changed is told, in milliseconds. */
const TELL_MS = 1_000;
/** After so many pauses it is told though nothing has changed. */
const MOST_PAUSES = 5;

/** @param engine - Left alone but for the counting; closing what is returned closes it. */
export function countEngine(engine: Omit<ServerEngine, "figures">, options: CountingOptions): ServerEngine {
  const { post, life, figures } = options;
  const collected = createCollectedFigures();
  let collecting: Promise<Subscription> | undefined;
  let told = "";
  let pauses = 0;
  const telling = setInterval(tell, TELL_MS).unref();

  function tell(): void {
    const own = figures.figures(engine.signalFigures().heard, options.underWay());
    const body = JSON.stringify(own);
    pauses += 1;
    if (engine.trouble !== undefined || (body === told && pauses < MOST_PAUSES)) return;
    try {
      post.send(subjects.figures, { head: writeHead({ t: "figures", life }), body: Buffer.from(body) });
      told = body;
      pauses = 0;
    } catch {
      // Too much waits already: it is repeated.
    }
  }

  function collect(): Promise<Subscription> {
    return post.receive(subjects.figures, undefined, ({ head: written, body }) => {
      const head = readHead(written);
      const said = head?.t === "figures" ? readFigures(body) : undefined;
      if (head?.t === "figures" && said !== undefined) collected.add(head.life, said, performance.now());
    });
  }

  const close = async () => {
    if (engine.trouble === undefined) tell();
    clearInterval(telling);
    await collecting?.then((subscription) => subscription.close()).catch(() => {});
    await engine.close();
  };

  return Object.assign(Object.create(engine) as typeof engine, {
    emit(event, emitOptions) {
      figures.sent("event", event.name);
      return engine.emit(event, emitOptions);
    },
    async listen(membership, handler) {
      const { name, group } = membership;
      const subscription = await engine.listen(membership, (delivery) =>
        handler(new CountedDelivery(delivery, figures)),
      );
      figures.listens(name, group, true);
      return closing(subscription, () => figures.listens(name, group, false));
    },
    async call(call, signal) {
      const name = `${call.service}.${call.method}`;
      const sinceMs = performance.now();
      figures.sent("call", name);
      const answer = await engine.call(call, signal);
      figures.answered(name, answer, performance.now() - sinceMs);
      return answer;
    },
    async serve(service, methods, handler) {
      const names = methods.map((method) => `${service}.${method}`);
      const subscription = await engine.serve(service, methods, handler);
      figures.serves(names, true);
      return closing(subscription, () => figures.serves(names, false));
    },
    async figures(): Promise<Omit<BusFigures, "memory_bytes">> {
      collecting ??= collect();
      await collecting;
      return { ...collected.sum(performance.now()), queues: await engine.operations.queues() };
    },
    close,
    [Symbol.asyncDispose]: close,
  } satisfies Partial<Engine> & Pick<ServerEngine, "figures">);
}

/** A delivery that counts what becomes of it. A class, since one is made for each event. */
class CountedDelivery implements Delivery {
  readonly #delivery: Delivery;
  readonly #figures: FiguresOfMember;
  readonly #sinceMs = performance.now();
  #isCounted = false;

  constructor(delivery: Delivery, figures: FiguresOfMember) {
    this.#delivery = delivery;
    this.#figures = figures;
  }

  get name() {
    return this.#delivery.name;
  }

  get group() {
    return this.#delivery.group;
  }

  get attempt() {
    return this.#delivery.attempt;
  }

  get firstAt() {
    return this.#delivery.firstAt;
  }

  get envelope() {
    return this.#delivery.envelope;
  }

  get body() {
    return this.#delivery.body;
  }

  get taken() {
    return this.#delivery.taken;
  }

  get isTaken() {
    return this.#delivery.isTaken;
  }

  settle(verdict: Verdict): void {
    const { isTaken } = this;
    this.#delivery.settle(verdict);
    if (this.#isCounted) return;
    this.#isCounted = true;
    if (isTaken) this.#figures.lost(this);
    else this.#figures.settled(this, verdict.verdict, performance.now() - this.#sinceMs);
  }
}

function closing(subscription: Subscription, onClosed: () => void): Subscription {
  const close = () => subscription.close().then(onClosed);
  return { close, [Symbol.asyncDispose]: close };
}

const DURATIONS = object({
  counts: listOf(count, "a list of counts", DURATION_BOUNDS_MS.length + 1),
  sum_ms: notNegative,
});
const NAMES = listOf(text, "a list of names");
const FIGURES = shapedAs<MemberFigures>("figures", {
  groups: listOf(
    object({
      ...{ event: text, group: text, acked: count, retried: count, lost: count, dropped: count, dead: count },
      ...{ handling: DURATIONS, services: NAMES },
    }),
    "a list of groups",
  ),
  methods: listOf(
    object({ method: text, codes: dictionaryOf(count, "counts by code"), durations: DURATIONS, services: NAMES }),
    "a list of methods",
  ),
  senders: listOf(
    object({ kind: oneOf(["event", "call"]), name: text, service: text, sent: count }),
    "a list of senders",
  ),
  signals: listOf(
    object({ topic: text, publisher: text, subscriber: text, received: count, lost: count }),
    "a list of signals",
  ),
  unrouted: dictionaryOf(count, "counts by event"),
  calls: object({ waiting: count, running: count }),
});

/** Undefined for what is malformed. */
function readFigures(body: Buffer): MemberFigures | undefined {
  try {
    return read(FIGURES, JSON.parse(body.toString())).value;
  } catch {
    return undefined;
  }
}
