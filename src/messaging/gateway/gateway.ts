// Lets programs that speak the protocol of a broker take part at a server, as services in Python do: each has a connection to
// the server of its own, and what it says is passed on. A gateway keeps nothing: what a program has when it ends is given back
// by its connection.
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Answer, Delivery, IncomingCall, Subscription } from "../contract/engine.ts";
import type { ServerEngine } from "../contract/server.ts";
import type { Failure } from "../contract/service-error.ts";
import { type Batch, type FromBroker, type Hello, type Item, PROTOCOL, type ToBroker } from "../embedded/operations.ts";
import { pack, unpack } from "../embedded/parcel.ts";

export interface Gateway {
  receive(member: string, batch: Batch<ToBroker>): void;
  /** Ends the connection of a member, which is gone. */
  lose(member: string): void;
  members(): { id: string; process: Hello["process"] }[];
}

export interface GatewayOptions {
  token: string;
  /** @param src - `context/service/instance` of the member. */
  connect(src: string): Promise<ServerEngine>;
  send(member: string, batch: Batch<FromBroker>): void;
}

const NOTHING = Buffer.alloc(0);

export function createGateway(options: GatewayOptions): Gateway {
  const members = new Map<string, Member>();

  function refuse(id: string, code: string, reason: string): void {
    options.send(id, { number: 0, done: 0, items: [{ operation: { op: "refused", code, reason }, body: NOTHING }] });
  }

  function greet(id: string, hello: Hello): void {
    if (hello.protocol !== PROTOCOL)
      return refuse(id, "ERR_ENGINE_REFUSED", `expected protocol ${PROTOCOL}, got ${hello.protocol}`);
    if (hello.token !== options.token) return refuse(id, "ERR_ENGINE_REFUSED", "the token is not the gateway's");
    lose(id);
    const member = new Member(hello, (batch) => options.send(id, batch));
    members.set(id, member);
    member.open(options.connect(hello.src)).catch((error: unknown) => {
      if (members.get(id) !== member) return;
      lose(id);
      refuse(id, error instanceof ZcontextError ? error.code : "ERR_ENGINE_UNREACHABLE", reasonOf(error));
    });
  }

  function lose(id: string): void {
    void members.get(id)?.close();
    members.delete(id);
  }

  return {
    receive(id, { number, items }) {
      const [first, ...rest] = items;
      if (first?.operation.op === "hello") greet(id, first.operation);
      const member = members.get(id);
      if (member === undefined) {
        if (first?.operation.op !== "hello") refuse(id, "ERR_ENGINE_UNREACHABLE", "expected hello first");
        return;
      }
      member.take(number, first?.operation.op === "hello" ? rest : items);
      if (items.some(({ operation }) => operation.op === "bye")) lose(id);
    },
    lose,
    members: () => [...members].map(([id, { process }]) => ({ id, process })),
  };
}

/** A program, and its connection to the server. */
class Member {
  readonly process: Hello["process"];
  readonly #send: (batch: Batch<FromBroker>) => void;
  readonly #deliveries = new Map<number, Delivery>();
  readonly #requests = new Map<number, (answer: Answer) => void>();
  readonly #calls = new Map<number, AbortController>();
  readonly #subscriptions = new Map<string, Subscription>();
  #engine: ServerEngine | undefined;
  #isClosed = false;
  #said: Item<FromBroker>[] = [];
  #isDue = false;
  #sent = 0;
  #done = 0;
  #last = 0;
  /** Resolves when all batches so far are carried out. */
  #carriedOut: Promise<unknown> = Promise.resolve();

  constructor({ process }: Hello, send: (batch: Batch<FromBroker>) => void) {
    this.process = process;
    this.#send = send;
  }

  /** Greets the program once the server is there. */
  async open(connecting: Promise<ServerEngine>): Promise<void> {
    const engine = await connecting;
    this.#engine = engine;
    if (this.#isClosed) return engine.close();
    await engine.up;
    this.#say({ op: "welcome", protocol: PROTOCOL, stored: "file" });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const controller of this.#calls.values()) controller.abort();
    for (const answer of this.#requests.values()) answer({ failure: lost() });
    await this.#engine?.close().catch(() => {});
  }

  take(number: number, items: readonly Item<ToBroker>[]): void {
    const work = items.map((item) => this.#attempt(item));
    this.#carriedOut = Promise.all([this.#carriedOut, ...work]).then(() => {
      this.#done = number;
      this.#flushSoon();
    });
  }

  /** Resolves when what its batch waits for is done: an event is stored. */
  async #attempt({ operation, body }: Item<ToBroker>): Promise<void> {
    try {
      await this.#carryOut(operation, body);
    } catch (error) {
      if (!("n" in operation)) return;
      const code = error instanceof ZcontextError ? error.code : "ERR_ENGINE_UNREACHABLE";
      this.#say({ op: "failed", n: operation.n, code, reason: reasonOf(error) });
    }
  }

  async #carryOut(operation: ToBroker, body: Buffer): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) throw new ZcontextError("ERR_ENGINE_UNREACHABLE", "the server is not there yet");
    const { operations } = engine;
    switch (operation.op) {
      case "emit":
        return this.#emit(engine, operation, body);
      case "listen": {
        const { event: name, group, prefetch, n } = operation;
        return this.#subscribe(
          { key: `event ${name} ${group}`, n },
          engine.listen({ name, group, prefetch }, (delivery) => this.#deliver(delivery)),
        );
      }
      case "unlisten":
        return this.#unsubscribe(`event ${operation.event} ${operation.group}`, operation.n);
      case "settle": {
        const { op: _, g: __, seq, attempt: ___, ...verdict } = operation;
        const delivery = this.#deliveries.get(seq);
        this.#deliveries.delete(seq);
        return delivery?.settle(verdict);
      }
      case "serve": {
        const { service, methods, n } = operation;
        const serving = engine.serve(service, methods, (call) => this.#request(call));
        return this.#subscribe({ key: `service ${service}`, n }, serving);
      }
      case "unserve":
        return this.#unsubscribe(`service ${operation.service}`, operation.n);
      case "call":
        // Its batch does not wait for the answer.
        return void this.#call(engine, operation, body);
      case "cancel":
        return this.#calls.get(operation.n)?.abort();
      case "answer":
        return this.#answer(operation.c, { result: Buffer.from(body) });
      case "fault":
        return this.#answer(operation.c, { failure: operation.failure });
      case "services":
        return this.#say({ op: "served", n: operation.n, services: await operations.services() });
      case "queues":
        return this.#say({ op: "figures", n: operation.n, queues: await operations.queues() });
      case "dead":
        return this.#say({ op: "letters", n: operation.n, letters: await operations.deadLetters(operation) });
      case "replay":
      case "discard":
        return this.#say({ op: "count", n: operation.n, count: await operations[operation.op](operation.ids) });
      case "letter":
      case "tap":
      case "untap":
        throw new ZcontextError("ERR_ENGINE_UNFIT", `${operation.op}: a gateway has none; context-bus has it`);
      default:
        return undefined;
    }
  }

  async #emit(engine: ServerEngine, operation: Extract<ToBroker, { op: "emit" }>, bytes: Buffer): Promise<void> {
    const { event: name, n, head, requireRoute = false } = operation;
    const { envelope, body } = unpack({ head, bytes });
    const { routed } = await engine.emit({ name, envelope, body }, { requireRoute });
    if (requireRoute) this.#say({ op: "done", n });
    else if (!routed) this.#say({ op: "unrouted", n });
  }

  #deliver(delivery: Delivery): void {
    const { name: event, group, attempt, firstAt, envelope, body } = delivery;
    const seq = this.#next();
    const { head, bytes } = pack(envelope, body);
    this.#deliveries.set(seq, delivery);
    this.#say({ op: "deliver", g: 0, seq, event, group, attempt, firstAt, head, size: bytes.length }, bytes);
  }

  #request(call: IncomingCall): Promise<Answer> {
    const { service, method, budgetMs, envelope, body, signal } = call;
    const c = this.#next();
    const { head, bytes } = pack(envelope, body);
    signal.addEventListener("abort", () => this.#requests.has(c) && this.#say({ op: "abort", c }), { once: true });
    this.#say({ op: "request", c, service, method, budgetMs, head, size: bytes.length }, bytes);
    return new Promise((resolve) => this.#requests.set(c, resolve));
  }

  #answer(c: number, answer: Answer): void {
    this.#requests.get(c)?.(answer);
    this.#requests.delete(c);
  }

  async #call(engine: ServerEngine, operation: Extract<ToBroker, { op: "call" }>, bytes: Buffer): Promise<void> {
    const { n, service, method, budgetMs, isIdempotent, head } = operation;
    const controller = new AbortController();
    this.#calls.set(n, controller);
    const late = setTimeout(() => controller.abort(new DOMException("no answer in time", "TimeoutError")), budgetMs);
    try {
      const { envelope, body } = unpack({ head, bytes: Buffer.from(bytes) });
      const call = { service, method, envelope, body, budgetMs, isIdempotent };
      const { failure, result } = await engine.call(call, controller.signal);
      if (failure === undefined) this.#say({ op: "result", n, size: result.length }, result);
      else this.#say({ op: "failure", n, failure });
    } catch (error) {
      this.#say({ op: "failure", n, failure: failureOf(error) });
    } finally {
      clearTimeout(late);
      this.#calls.delete(n);
    }
  }

  async #subscribe({ key, n }: { key: string; n: number }, subscribing: Promise<Subscription>): Promise<void> {
    this.#subscriptions.set(key, await subscribing);
    this.#say({ op: "done", n });
  }

  async #unsubscribe(key: string, n: number): Promise<void> {
    await this.#subscriptions.get(key)?.close();
    this.#subscriptions.delete(key);
    this.#say({ op: "done", n });
  }

  #next(): number {
    this.#last += 1;
    return this.#last;
  }

  #say(operation: FromBroker, body: Buffer = NOTHING): void {
    this.#said.push({ operation, body });
    this.#flushSoon();
  }

  /** What is said in one turn of the event loop travels together. */
  #flushSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#isClosed) return;
      this.#sent += 1;
      this.#send({ number: this.#sent, done: this.#done, items: this.#said });
      this.#said = [];
    });
  }
}

function failureOf(error: unknown): Failure {
  const code = error instanceof ZcontextError ? error.code : "ERR_ENGINE_UNREACHABLE";
  return { code, message: reasonOf(error), retryable: true, executed: "unknown" };
}

function lost(): Failure {
  const message = "the service has ended before it has answered";
  return { code: "ERR_SERVICE_LOST", message, retryable: false, executed: "unknown" };
}
