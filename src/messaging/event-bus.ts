// The bus that services talk on: events to groups, calls to methods, signals to all that listen now. It turns values into
// bodies and back, checks them, and leaves the rest to an engine.
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import { assertTopic } from "../protocol/codec.ts";
import type { Json } from "../protocol/json.ts";
import { ArrivedSignal, lineageOf } from "./arrived-signal.ts";
import type { BridgeEnd, BridgeOptions } from "./bridge.ts";
import type {
  BusOptions,
  CallOptions,
  EmitOptions,
  IncomingSignal,
  ListenOptions,
  Method,
  OutgoingContent,
} from "./bus-types.ts";
import { CallDeadline } from "./call-deadline.ts";
import {
  bytesOf,
  type ClaimCheck,
  createClaimCheck,
  EVENT_CLAIM_MS,
  SHORT_CLAIM_MS,
  WHOLE,
} from "./claims/claim-check.ts";
import type { ConnectOptions } from "./connect.ts";
import type {
  Answer,
  CallHandler,
  Delivery,
  Operations,
  OutgoingCall,
  Receipt,
  Signal,
  SignalFigures,
  Subscription,
} from "./contract/engine.ts";
import type { Lineage } from "./contract/envelope.ts";
import { CallError } from "./contract/service-error.ts";
import { handleDelivery } from "./event-handling.ts";
import { eventsOf } from "./events-of.ts";
import { serviceUrl } from "./http/http-form.ts";
import type { HttpPlace, ServedOverHttp } from "./http/serve-http.ts";
import { createInOrder, type InOrder } from "./in-order.ts";
import { answerOf, type Serving, servedMethods } from "./method-serving.ts";
import { isName, parseEventName, parseMethodName } from "./names.ts";
import { newEnvelope } from "./new-envelope.ts";
import { prefixedBus } from "./prefixed-bus.ts";
import type { EventPayload, ReceivedEvent } from "./received-event.ts";
import { DEFAULT_RETRY } from "./retry.ts";
import { assertFit, type Check, checkOf } from "./schema-check.ts";
import type { AnySchema, TypeOf } from "./schema-type.ts";
import { createWorkInHand, type WorkInHand } from "./work-in-hand.ts";

const DEFAULT_PREFETCH = 16;
const DEFAULT_TIMEOUT_MS = 10_000;
const GRACE_MS = 10_000;
const LEAVE_SIGNALS = ["SIGINT", "SIGTERM"] as const;
const PAYLOAD_VERSION = 1;

/** Talks with other services. */
export class EventBus implements AsyncDisposable {
  readonly #options: BusOptions;
  readonly #claims: ClaimCheck;
  readonly #lineage: Lineage | undefined;
  readonly #schemata: Map<string, { content: Check | undefined; context: Check | undefined }>;
  readonly #work: WorkInHand;
  /** Stands for the buses of this program that are connected; `#place` for this one among them. */
  static readonly #connected = new Set<object>();
  #place: object | undefined;
  /** Topics on which a signal is being stored. */
  readonly #publishing: Map<string, InOrder>;

  /**
   * @param from - An engine that is connected; or the prefix of variables that say where RabbitMQ is: with `EVENT_BUS_` these are
   *   `EVENT_BUS_AMQP_HOST`, `_PORT`, `_USER`, `_PASS` and `_VHOST`. What is asked of such a bus waits until it is connected.
   * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID` naming every variable that is missing; `ERR_USAGE` where this program is
   *   connected already.
   */
  constructor(from: BusOptions | string, parent?: { bus: EventBus; lineage: Lineage }) {
    const options = typeof from === "string" ? prefixedBus(from) : from;
    if (typeof from === "string") this.#place = EventBus.#takePlace();
    this.#options = options;
    this.#claims = parent ? parent.bus.#claims : createClaimCheck(options.storage, options.engine);
    this.#lineage = parent?.lineage;
    this.#schemata = parent ? parent.bus.#schemata : new Map();
    this.#work = parent ? parent.bus.#work : createWorkInHand();
    this.#publishing = parent ? parent.bus.#publishing : new Map();
  }

  /**
   * Connects to the engine of a context, and resolves when it is there.
   *
   * @example const bus = await EventBus.connect({ contextFile: "conf/Context-Orders.xml" });
   */
  static async connect(options: ConnectOptions = {}): Promise<EventBus> {
    const place = EventBus.#takePlace(options.another);
    try {
      const { connectEngine } = await import("./connect.ts");
      const bus = new EventBus(await connectEngine(options));
      bus.#place = place;
      return bus;
    } catch (error) {
      EventBus.#connected.delete(place);
      throw error;
    }
  }

  static #takePlace(isAnother = false): object {
    if (EventBus.#connected.size > 0 && !isAnother)
      throw new ZcontextError("ERR_USAGE", "this program is connected already", {
        hint: "Share its bus, which carries all that a program says; or connect with another: true.",
      });
    const place = {};
    EventBus.#connected.add(place);
    return place;
  }

  /** Queues and dead letters, and copies of what passes. */
  get operations(): Operations {
    return this.#options.engine.operations;
  }

  /**
   * What the body of a dead letter or of a copy says; a large one is fetched.
   *
   * @throws {ZcontextError} `ERR_CLAIM_EXPIRED`, and a SyntaxError where it is not JSON.
   */
  async readBody(body: Buffer): Promise<Json> {
    return JSON.parse(await this.#claims.fetchText(body.toString()));
  }

  /** What became of the signals that were published and heard here. */
  get signalFigures(): SignalFigures {
    return this.#options.engine.signalFigures();
  }

  /** Why nothing can be sent or received now; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#options.engine.trouble;
  }

  /** The same bus for what follows from a message: it keeps the session, the trace and the deadline. */
  within(lineage: Lineage): EventBus {
    return new EventBus(this.#options, { bus: this, lineage });
  }

  /** The same bus for what goes on after an answer was given: it keeps the session and the trace. */
  withoutDeadline(): EventBus {
    if (this.#lineage === undefined) return this;
    const { sessionId, traceparent } = this.#lineage;
    return this.within({ sessionId, traceparent });
  }

  /**
   * Checks what is emitted from now on.
   *
   * @param contents - A schema of the content for each event.
   * @param context - A schema of the context of every event.
   */
  setSchemata(contents: { readonly [event: string]: AnySchema }, context?: AnySchema): void {
    const contextCheck = context === undefined ? undefined : checkOf(context, "the context");
    for (const [name, schema] of Object.entries(contents))
      this.#schemata.set(name, { content: checkOf(schema, `event ${name}`), context: contextCheck });
  }

  /**
   * Emits an event. Resolves when it is stored.
   *
   * @param name - `domain.type`.
   * @throws {ZcontextError} `ERR_EVENT_NAME`, `ERR_EVENT_INVALID`, `ERR_EVENT_UNROUTED`, `ERR_OVERLOADED`,
   *   `ERR_MESSAGE_TOO_LARGE`, `ERR_ENGINE_UNREACHABLE`.
   */
  emit(name: string, event: OutgoingContent, options: EmitOptions = {}): Promise<Receipt> {
    const checks = this.#schemata.get(name);
    if (checks !== undefined) return assertFit(name, event, checks).then(() => this.#emitFit(name, event, options));
    // No async function, whose promise would be one more for each event.
    try {
      return this.#emitFit(name, event, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #emitFit(
    name: string,
    { content, context = {}, headers }: OutgoingContent,
    { requireRoute = false, ttlMs, sessionId }: EmitOptions,
  ): Promise<Receipt> {
    parseEventName(name);
    const envelope = newEnvelope(this.#options.src, this.#lineage, { ttlMs, sessionId, headers });
    const meta = { version: PAYLOAD_VERSION, timestamp: envelope.sent, session_id: envelope.session_id };
    const payload: EventPayload = { event_name: name, content, context, meta };
    const checkedIn = this.#claims.checkIn(Buffer.from(JSON.stringify(payload)), EVENT_CLAIM_MS);
    const { engine } = this.#options;
    return checkedIn instanceof Promise
      ? checkedIn.then((body) => engine.emit({ name, envelope, body }, { requireRoute }))
      : engine.emit({ name, envelope, body: checkedIn }, { requireRoute });
  }

  /**
   * Handles the events of a name for a group. Resolves when the subscription is in force. Return is ack, throw is retry.
   *
   * @param group - Each group gets each event; within it, one member does.
   * @throws {ZcontextError} `ERR_EVENT_NAME`, `ERR_SCHEMA_INVALID`, `ERR_ENGINE_UNREACHABLE`.
   */
  async listen<Content extends AnySchema = true, Context extends AnySchema = true>(
    name: string,
    group: string,
    handler: (event: ReceivedEvent<TypeOf<Content>, TypeOf<Context>>, bus: EventBus) => Promise<void> | void,
    options: ListenOptions<Content, Context> = {},
  ): Promise<Subscription> {
    parseEventName(name);
    if (!isName(group)) throw new ZcontextError("ERR_EVENT_NAME", `group ${JSON.stringify(group)}: expected one word`);
    const { prefetch = DEFAULT_PREFETCH, retry = {}, content, context, handlerName = handler.name || name } = options;
    const handling = {
      claims: this.#claims,
      retry: { ...DEFAULT_RETRY, ...retry },
      checks: {
        content: content === undefined ? undefined : checkOf(content, `event ${name}`),
        context: context === undefined ? undefined : checkOf(context, `the context of event ${name}`),
      },
      handlerName,
      handle: (event: ReceivedEvent, { envelope }: Delivery) =>
        handler(event as ReceivedEvent<TypeOf<Content>, TypeOf<Context>>, this.within(lineageOf(envelope))),
      onFailure: (error: unknown) => this.#options.onHandlerError?.(error, `event ${name}`),
      nowMs: Date.now,
      random: Math.random,
      leaving: this.#work.leaving,
    };
    const subscription = this.#options.engine.listen({ name, group, prefetch }, (delivery) => {
      const underWay = handleDelivery(delivery, handling);
      if (underWay !== undefined) this.holdOpen(underWay);
    });
    return this.#work.subscribed(await subscription);
  }

  /**
   * The events of a name for a group, one by one. An event is acknowledged when the next one is asked for, unless it was
   * settled before. Breaking out of the loop rejects the event at hand and ends the subscription.
   */
  async *events<Content extends AnySchema = true>(
    name: string,
    group: string,
    options: Omit<ListenOptions<Content>, "context"> = {},
  ): AsyncGenerator<ReceivedEvent<TypeOf<Content>>> {
    const listen = (handler: (event: ReceivedEvent<TypeOf<Content>>) => Promise<void>) =>
      this.listen<Content>(name, group, handler, { prefetch: 1, ...options });
    yield* eventsOf(listen);
  }

  /**
   * Publishes a signal, for all that listen at this moment. Does not wait. Content above 1 MiB is stored first; what follows
   * on the topic waits for it.
   *
   * @param topic - One word of ASCII, such as `temperature`.
   * @param attachments - Bytes that travel beside the content as they are; at most 8 MiB each.
   * @throws {ZcontextError} `ERR_OVERLOADED` when 10,000 signals wait to be sent already, `ERR_MESSAGE_MALFORMED` for the
   *   topic, `ERR_MESSAGE_TOO_LARGE` without a store.
   */
  publish(topic: string, content: Json, attachments: readonly Buffer[] = []): void {
    assertTopic(topic);
    const body = JSON.stringify(content);
    const isStored = this.#claims.mustBeStored(bytesOf(body));
    const signal = { topic, envelope: newEnvelope(this.#options.src, this.#lineage, {}), body, attachments };
    const before = this.#publishing.get(topic);
    if (!isStored && before?.isBusy !== true) return this.#options.engine.publish(signal);
    const storing = before ?? createInOrder(`signals on ${topic}`, (error) => this.#fail(error, topic));
    this.#publishing.set(topic, storing);
    const published = storing.add(body.length, async () => {
      this.#options.engine.publish({
        ...signal,
        body: String(await this.#claims.checkIn(Buffer.from(body), SHORT_CLAIM_MS)),
      });
    });
    this.holdOpen(published.then(() => storing.isBusy || this.#publishing.delete(topic)));
  }

  /**
   * Hears the signals of a topic. Resolves when the subscription is in force.
   *
   * @param queue - Each signal goes to one of the subscribers that name the same queue.
   */
  async subscribe(
    topic: string,
    handler: (content: Json, signal: IncomingSignal) => Promise<void> | void,
    { queue }: { queue?: string } = {},
  ): Promise<Subscription> {
    assertTopic(topic);
    const fetching = createInOrder(`signals heard on ${topic}`, (error) => this.#fail(error, topic));
    const handle = (signal: Signal, body: string) => {
      const handled = handler(JSON.parse(body), new ArrivedSignal(signal, this));
      if (handled !== undefined) this.holdOpen(Promise.resolve(handled).catch((error) => this.#fail(error, topic)));
    };
    const subscription = this.#options.engine.subscribe(topic, queue, (signal) => {
      const { body } = signal;
      try {
        const whole = fetching.isBusy ? undefined : this.#claims.fetchText(body);
        if (typeof whole === "string") return handle(signal, whole);
        const fetched = async () => handle(signal, await (whole ?? this.#claims.fetchText(body)));
        this.holdOpen(fetching.add(body.length, fetched));
      } catch (error) {
        this.#fail(error, topic);
      }
    });
    return this.#work.subscribed(await subscription);
  }

  /**
   * Calls a method, and resolves with its result. Where the environment has a URL of HTTP for the service, such as
   * `NAVITAIRE_API_URL` for `navitaire-api`, the call goes there as `POST <url>/<method>`.
   *
   * @param name - `service.method`.
   * @throws {CallError} With the code of the service, or `ERR_SERVICE_UNKNOWN`, `ERR_METHOD_UNKNOWN`, `ERR_SERVICE_LOST`,
   *   `ERR_CALL_TIMEOUT`, `ERR_OVERLOADED`, `ERR_ENGINE_UNREACHABLE`.
   */
  async call<Result = Json>(name: string, params: Json = null, options: CallOptions = {}): Promise<Result> {
    const { service, method } = parseMethodName(name);
    const budgetMs = this.#budget(options.timeoutMs);
    const deadline = new CallDeadline(budgetMs, options.signal);
    try {
      const url = serviceUrl(service, process.env);
      const { failure, result } = await (url === undefined
        ? this.#callEngine({ service, method, budgetMs, isIdempotent: options.idempotent === true }, params, deadline)
        : this.#callHttp(url, { service, method, budgetMs }, { params, deadline }));
      if (failure !== undefined) throw new CallError(service, method, failure);
      const fetched = url === undefined ? this.#claims.fetchText(result.toString()) : result.toString();
      return JSON.parse(fetched instanceof Promise ? await fetched : fetched);
    } finally {
      deadline.end();
    }
  }

  /** A function of its own: what only sends the call does not stay in memory until its answer. */
  #callEngine(about: Omit<OutgoingCall, "envelope" | "body">, params: Json, deadline: CallDeadline): Promise<Answer> {
    const { service, method, budgetMs, isIdempotent } = about;
    const send = (body: Buffer) => {
      const envelope = newEnvelope(this.#options.src, this.#lineage, { ttlMs: budgetMs });
      return this.#options.engine.call({ service, method, envelope, body, budgetMs, isIdempotent }, deadline);
    };
    const checkedIn = this.#claims.checkIn(Buffer.from(JSON.stringify(params)), SHORT_CLAIM_MS);
    return checkedIn instanceof Promise ? checkedIn.then(send) : send(checkedIn);
  }

  async #callHttp(
    url: URL,
    { service, method, budgetMs }: Pick<OutgoingCall, "service" | "method" | "budgetMs">,
    { params, deadline }: { params: Json; deadline: CallDeadline },
  ): Promise<Answer> {
    const { callHttp } = await import("./http/call-http.ts");
    const call = {
      service,
      method,
      budgetMs,
      envelope: newEnvelope(this.#options.src, this.#lineage, { ttlMs: budgetMs }),
    };
    return callHttp(url, { ...call, body: Buffer.from(JSON.stringify(params)) }, deadline);
  }

  /**
   * Serves the methods of a service. Resolves when calls arrive. Only the object's own methods can be called.
   *
   * @param withStack - Whether callers get the stack of an unexpected error. Default false.
   */
  async serve(
    service: string,
    methods: { readonly [name: string]: Method },
    { withStack = false } = {},
  ): Promise<Subscription> {
    if (!isName(service) || service.includes("."))
      throw new ZcontextError(
        "ERR_METHOD_UNKNOWN",
        `service ${JSON.stringify(service)}: expected one word without a dot`,
      );
    const handler = this.#handlerOf(service, methods, { withStack, claims: this.#claims });
    return this.#work.subscribed(await this.#options.engine.serve(service, Object.keys(methods), handler));
  }

  /**
   * Serves the methods of a service over HTTP as well: `POST <url>/<method>` with its parameters as JSON. Resolves when it
   * listens.
   *
   * @returns `url`, which others have as `<SERVICE>_URL` in their environment.
   * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE` where it can't listen there.
   */
  async serveHttp(
    service: string,
    methods: { readonly [name: string]: Method },
    place: HttpPlace,
    { withStack = false } = {},
  ): Promise<ServedOverHttp> {
    const { serveHttp } = await import("./http/serve-http.ts");
    const handler = this.#handlerOf(service, methods, { withStack, claims: WHOLE });
    const served = await serveHttp(service, place, handler);
    this.#work.subscribed(served);
    return served;
  }

  #handlerOf(
    service: string,
    methods: { readonly [name: string]: Method },
    serving: { withStack: boolean; claims: ClaimCheck },
  ): CallHandler {
    const own = servedMethods(service, methods);
    const inCommon: Serving = {
      ...serving,
      claimMs: SHORT_CLAIM_MS,
      leaving: this.#work.leaving.signal,
      busOf: ({ envelope }, deadlineMs) => this.within({ ...lineageOf(envelope), deadlineMs }),
      onFailure: (error, { method }) => this.#options.onHandlerError?.(error, `${service}.${method}`),
    };
    return (call) => {
      const answer = answerOf(call, own.get(call.method), inCommon);
      if (answer instanceof Promise) this.holdOpen(answer);
      return answer;
    };
  }

  /**
   * Passes events that are emitted here, and calls that are made here, on to another bus. Resolves when they pass. An event is
   * acknowledged once it is stored there, and keeps id, session, trace and headers; one that was there before is not passed.
   *
   * @throws {ZcontextError} `ERR_EVENT_NAME`, `ERR_METHOD_UNKNOWN`; `ERR_USAGE` where both are the same engine.
   */
  async bridgeTo(to: EventBus, options: BridgeOptions): Promise<Subscription> {
    const { openBridge } = await import("./bridge.ts");
    const bridge = openBridge(this.#end(), to.#end(), { ...options, leaving: this.leaving });
    return this.#work.subscribed(await bridge);
  }

  #end(): BridgeEnd {
    return { engine: this.#options.engine, claims: this.#claims };
  }

  /** Lets `drain` wait for this work as it waits for handlers. */
  holdOpen(work: Promise<unknown>): void {
    this.#work.add(work);
  }

  /** Aborted when `drain` waits for handlers no longer. */
  get leaving(): AbortSignal {
    return this.#work.leaving.signal;
  }

  /**
   * Ends all subscriptions, and resolves when what was under way is settled, or the time is over. What is not settled then
   * is given back: other members of the group get it at once, and its `signal` aborts.
   *
   * @param timeoutMs - Default: for ever.
   * @returns Whether all has settled in time.
   */
  drain(timeoutMs?: number): Promise<boolean> {
    return this.#work.drain(timeoutMs);
  }

  /**
   * Resolves after a SIGINT or a SIGTERM, once what is under way is settled or given back, and the bus is closed: the last line
   * of a program that lives by its handlers.
   *
   * @param graceMs - How long handlers may take to settle, in milliseconds. Default 10_000.
   */
  async main({ graceMs = GRACE_MS } = {}): Promise<void> {
    const asked = deferred();
    for (const signal of LEAVE_SIGNALS) process.once(signal, asked.resolve);
    await asked.promise;
    // A second one ends the program at once.
    for (const signal of LEAVE_SIGNALS) process.off(signal, asked.resolve);
    await this.drain(graceMs);
    await this.close();
  }

  async close(): Promise<void> {
    if (this.#place !== undefined) EventBus.#connected.delete(this.#place);
    await Promise.all([...this.#publishing.values()].map(({ settled }) => settled()));
    await this.#options.engine.close();
    await this.#options.release?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #fail(error: unknown, topic: string): void {
    this.#options.onHandlerError?.(error, `signal ${topic}`);
  }

  #budget(timeoutMs = DEFAULT_TIMEOUT_MS): number {
    const deadlineMs = this.#lineage?.deadlineMs;
    return deadlineMs === undefined ? timeoutMs : Math.min(timeoutMs, deadlineMs - performance.now());
  }
}
