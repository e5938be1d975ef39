// The services that this member serves to callers over a server, and the calls that it is carrying out.
import { ZcontextError } from "../../errors.ts";
import { Abortable } from "../contract/abortable.ts";
import type { Answer, CallHandler, IncomingCall, Subscription } from "../contract/engine.ts";
import type { Envelope } from "../contract/envelope.ts";
import { createRememberedAnswers } from "../contract/remembered-answers.ts";
import { subscriptionOf } from "../contract/subscription.ts";
import { type CallHead, readHead, writeHead } from "./heads.ts";
import type { Parcel, Post } from "./post.ts";
import { subjects } from "./subjects.ts";

/** A class, since one is made for each call: its members are shared. */
class CallInHand extends Abortable implements IncomingCall {
  readonly service: string;
  readonly method: string;
  readonly envelope: Envelope;
  readonly budgetMs: number;
  readonly body: Buffer;

  constructor({ service, method, envelope, budgetMs, body }: Omit<IncomingCall, "signal">) {
    super();
    this.service = service;
    this.method = method;
    this.envelope = envelope;
    this.budgetMs = budgetMs;
    this.body = body;
  }
}

export interface Callee {
  /** Resolves when calls arrive. */
  serve(service: string, methods: readonly string[], handler: CallHandler): Promise<Subscription>;
  abort(call: Extract<CallHead, { t: "abort" }>): void;
  /** Aborts all calls under way, and answers none of them: the callers can't be reached any more. */
  abortAll(reason: unknown): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** @param address - Of this member. */
export function createCallee(post: Post, address: string): Callee {
  const services = new Map<string, readonly string[]>();
  const underWay = new Map<string, CallInHand>();
  const answers = createRememberedAnswers();
  let roll: Promise<Subscription> | undefined;

  function sayHere(to: string, service: string, methods: readonly string[]): void {
    post.send(to, { head: writeHead({ t: "here", service, address, methods: [...methods] }), body: NOTHING });
  }

  function sayAll(to: string): void {
    for (const [service, methods] of services) sayHere(to, service, methods);
  }

  function carryOut(service: string, { head: text, body }: Parcel, handler: CallHandler): void {
    const head = readHead(text);
    if (head?.t !== "call") return;
    const { n, from, envelope, budgetMs, method, isIdempotent } = head;
    const key = `${from} ${n}`;
    const call = new CallInHand({ service, method, envelope, budgetMs, body });
    const answer = isIdempotent ? answers.once(envelope.id, () => handler(call)) : handler(call);
    if (!(answer instanceof Promise)) return tell(from, n, answer);
    underWay.set(key, call);
    void answer.then((known) => underWay.delete(key) && tell(from, n, known));
  }

  function tell(from: string, n: number, { failure, result = NOTHING }: Answer): void {
    const told = failure === undefined ? { t: "answer" as const, n } : { t: "answer" as const, n, failure };
    try {
      post.send(subjects.member(from), { head: writeHead(told), body: result });
    } catch {
      // Too much waits already: the caller hears of it when its time is over.
    }
  }

  /** Answers whoever asks who serves it. */
  function answerWho(subject: string, say: (to: string) => void): Promise<Subscription> {
    return post.receive(subject, undefined, ({ head: text }) => {
      const head = readHead(text);
      if (head?.t === "who") say(subjects.member(head.from));
    });
  }

  return {
    async serve(service, methods, handler) {
      if (services.has(service)) throw new ZcontextError("ERR_USAGE", `service ${service} is served here already`);
      services.set(service, methods);
      roll ??= answerWho(subjects.roll, sayAll);
      const subscriptions = await Promise.all([
        post.receive(subjects.calls(service, address), undefined, (parcel) => carryOut(service, parcel, handler)),
        answerWho(subjects.who(service), (to) => sayHere(to, service, methods)),
        roll.then(() => undefined),
      ]);
      sayHere(subjects.news(service), service, methods);
      return subscriptionOf(async () => {
        services.delete(service);
        post.send(subjects.news(service), { head: writeHead({ t: "gone", service, address }), body: NOTHING });
        await Promise.all(subscriptions.map((subscription) => subscription?.close()));
      });
    },
    abort: ({ from, n }) => underWay.get(`${from} ${n}`)?.abort(),
    abortAll(reason) {
      for (const call of underWay.values()) call.abort(reason);
      underWay.clear();
    },
  };
}
