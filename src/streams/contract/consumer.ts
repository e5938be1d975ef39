// What gives the messages of a queue to a handler: the base class of the consumers of all protocols.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../../deferred.ts";
import { ZcontextError } from "../../errors.ts";
import { Callable } from "./callable.ts";
import { count } from "./figures.ts";
import type { About, Handler, OnError } from "./handler.ts";
import { assertQueueName } from "./queue-name.ts";

export interface ConsumerOptions {
  /** How many messages are handled at a time. Default 1, which keeps their order. */
  concurrency?: number;
  /** Called with what handlers throw, and with what else goes wrong. Default: a warning of the process. */
  onError?: OnError;
}

/** What a decorator of a method knows, as far as it matters here. */
type MethodContext = Pick<ClassMethodDecoratorContext, "kind" | "addInitializer">;

/** A consumer that has its options: takes a handler, or decorates a method. */
export interface ConsumerCall {
  (handler: Handler): Promise<void>;
  (method: Handler, context: MethodContext): void;
}

/**
 * Consumes a queue. It is called with its handler, or decorates one; a decorated method is a handler from the construction
 * of its object on, and a static one from the definition of its class on.
 *
 * @example
 * const consumer = new Consumer("queue_1");
 * await consumer.init();
 * await consumer(async (message) => console.log(message));
 */
// biome-ignore lint/correctness/noUnusedVariables: the class below has the same parameters
export interface Consumer<Options extends ConsumerOptions = ConsumerOptions, Consuming extends object = object> {
  /** The same as `consume`. */
  (handler: Handler): Promise<void>;
  (method: Handler, context: MethodContext): void;
  /** With options of the protocol, such as the method of HTTP. */
  (options: Consuming): ConsumerCall;
}

/** How long `close` waits for handlers, in milliseconds. */
const GRACE_MS = 10_000;

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: an instance can be called, which no class can say of itself
export abstract class Consumer<Options extends ConsumerOptions = ConsumerOptions, Consuming extends object = object>
  extends Callable
  implements AsyncDisposable
{
  /** Name of the protocol, as in `CONSUMERS`. */
  abstract readonly protocol: string;
  readonly queue: string;
  /** Resolves when the consumer has ended, after `close`. */
  readonly closed: Promise<void>;
  protected options: Options;
  /** How many messages their handlers have. */
  #underWay = 0;
  /** Resolves when they have none. */
  #idle = deferred();
  readonly #leaving = new AbortController();
  readonly #closed = deferred();
  #opening: Promise<void> | undefined;
  #consuming: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws {ZcontextError} `ERR_QUEUE_NAME`, and `ERR_USAGE` for options. */
  constructor(queue: string, options: Options = {} as Options) {
    super();
    assertQueueName(queue);
    const { concurrency = 1 } = options;
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw new ZcontextError(
        "ERR_USAGE",
        `queue ${queue}: concurrency ${concurrency}: expected a whole number from 1 on`,
      );
    this.queue = queue;
    this.options = options;
    this.closed = this.#closed.promise;
  }

  /** Whether it has a handler. */
  get isConsuming(): boolean {
    return this.#consuming !== undefined;
  }

  /** Changes options, until it is connected. Those that its protocol does not have are ignored. */
  configure(options: object): void {
    this.options = { ...this.options, ...options };
  }

  /** Connects. Consuming does so as well where it was not done before. */
  async init(): Promise<void> {
    if (this.#closing !== undefined) throw new ZcontextError("ERR_USAGE", `the consumer of ${this.queue} is closed`);
    this.#opening ??= this.open();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** The same as `init`. */
  a_init(): Promise<void> {
    return this.init();
  }

  /** Gives the messages of the queue to a handler. Resolves when what is sent from then on arrives. */
  async consume(handler: Handler, options: Consuming = {} as Consuming): Promise<void> {
    if (typeof handler !== "function")
      throw new ZcontextError("ERR_USAGE", `queue ${this.queue}: a handler is ${typeof handler}, expected a function`);
    if (this.#consuming !== undefined)
      throw new ZcontextError("ERR_USAGE", `queue ${this.queue}: this consumer has a handler already`, {
        hint: "Make a consumer for each handler; they share the queue as its protocol does.",
      });
    this.#consuming = this.init().then(() => this.start(handler, options));
    try {
      await this.#consuming;
    } catch (error) {
      this.#consuming = undefined;
      throw error;
    }
  }

  /**
   * Takes no further messages, and resolves when those that were taken are handled, or the time is over.
   *
   * @param graceMs - How long handlers may take, in milliseconds. Default 10_000. Their signal aborts afterwards.
   */
  close({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#end(graceMs).finally(this.#closed.resolve);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected override called(first: unknown, second?: unknown): unknown {
    if (typeof first === "function") return this.#take(first as Handler, {} as Consuming, second);
    return (handler: Handler, context: unknown) => this.#take(handler, first as Consuming, context);
  }

  /** Runs the handler with a message. Rejects with what it throws, which is counted and told here. */
  protected async handle(handler: Handler, message: unknown, about: Partial<About> = {}): Promise<void> {
    const { queue, protocol } = this;
    this.#underWay += 1;
    try {
      // What brings the message goes on before the handler begins.
      await undefined;
      await handler(message, { queue, protocol, attempt: 1, signal: this.#leaving.signal, ...about });
      count(protocol, queue, "handled");
    } catch (error) {
      count(protocol, queue, "failed");
      this.tell(error);
      throw error;
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle.resolve();
    }
  }

  /** Tells what goes wrong beside the handler. */
  protected tell(error: unknown): void {
    const { queue, protocol } = this;
    const { onError = warn } = this.options;
    onError(error, { queue, protocol });
  }

  /** Connects. */
  protected async open(): Promise<void> {}
  /** Begins to give messages to `handle`. Resolves when what is sent from then on arrives. */
  protected abstract start(handler: Handler, options: Consuming): Promise<void>;
  /** Takes no further messages. Those that were taken may still be handled. */
  protected async stop(): Promise<void> {}
  /** Ends the connection. What is not handled is given back where the protocol can. */
  protected async shut(): Promise<void> {}

  #take(handler: Handler, options: Consuming, context: unknown): Promise<void> | undefined {
    if (!isMethodContext(context)) return this.consume(handler, options);
    const consumer = this;
    context.addInitializer(function (this: unknown) {
      consumer.consume(handler.bind(this), options).catch((error: unknown) => consumer.tell(error));
    });
    return undefined;
  }

  async #end(graceMs: number): Promise<void> {
    await this.#consuming?.catch(() => {});
    if (this.#opening === undefined) return;
    await this.#opening.catch(() => {});
    await this.stop();
    const over = new AbortController();
    await Promise.race([this.#drained(), pause(graceMs, undefined, { signal: over.signal })]);
    over.abort();
    this.#leaving.abort(new ZcontextError("ERR_ENGINE_UNREACHABLE", `the consumer of ${this.queue} is closed`));
    await this.shut();
  }

  async #drained(): Promise<void> {
    await this.drained();
    while (this.#underWay > 0) {
      this.#idle = deferred();
      await this.#idle.promise;
    }
  }

  /** Resolves when what was taken has reached the handler. */
  protected async drained(): Promise<void> {}
}

function isMethodContext(context: unknown): context is MethodContext {
  return typeof context === "object" && context !== null && "kind" in context && context.kind === "method";
}

const warn: OnError = (error, { queue, protocol }) => {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`queue ${queue} over ${protocol}: ${reason}`, { code: "ZCONTEXT_STREAM" });
};
